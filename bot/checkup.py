"""What `steward check`, `schema` and `manifest` tell: who may ask and approve, who is paged when, what is posted."""

import shutil
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from adapters.kinds import KINDS
from bot.assembly import actions_of, programs
from bot.config.loader import Configuration, load
from bot.config.models import StewardModel, SystemModel
from bot.config.source import UNSET
from bot.domain.timing import span
from bot.requests.registry import Registry
from bot.schedules.service import upcoming
from bot.settings import environment
from bot.slack.manifest import app_manifest as manifest_of
from bot.wiring import LISTENERS

DEMO_SETTINGS = {
    "STEWARD_CHANNEL": "C0ALERTS",
    "STEWARD_TIMEZONE": "UTC",
    "STEWARD_INSTALLATION": "steward-demo",
    "SLACK_APP_ID": "A0STEWARD",
}
"""What the demo's bot is told beside what its workspace and lab say."""


def checked_configuration(folder: Path, *, secrets: bool) -> str:
    """Load it and say what it means; raises `ConfigurationError` with every problem."""
    configuration = load(folder, KINDS, actions_of(KINDS), environment() if secrets else None)
    parts = (_policy, _escalations, _schedules, _missing)
    told = "\n\n".join("\n".join(lines) for part in parts if (lines := part(configuration)))
    return told if secrets else told.replace(UNSET, "$")


def configuration_schema() -> dict[str, Any]:
    """JSON Schema of both kinds of file, with the connection kinds that exist."""
    system = SystemModel.model_json_schema()
    configs = [kind.config.model_json_schema() for kind in KINDS.values() if kind.config is not None]
    system["properties"]["connections"]["additionalProperties"] = {"oneOf": configs}
    queue = system["$defs"]["QueueModel"]
    queue.update({"oneOf": _ways("queue"), "additionalProperties": True})
    system["$defs"]["ComponentModel"]["properties"]["deployment"] = {"oneOf": [*_ways("deployment"), {"type": "null"}]}
    return {"steward.yaml": StewardModel.model_json_schema(), "systems/*.yaml": system}


def _ways(part: str) -> list[dict[str, Any]]:
    """The entries that make a queue or a deployment: an adapter's key, which names a connection, and its options."""
    ways = []
    for name, kind in KINDS.items():
        if part in kind.provides:
            options = kind.provides[part].options.model_json_schema()
            properties = {name: {"type": "string", "description": "A connection"}, **options.get("properties", {})}
            ways.append({"properties": properties, "required": [name, *options.get("required", [])]})
    return ways


def app_manifest(url: str, *, socket_mode: bool) -> dict[str, Any]:
    """The Slack app manifest of the registered commands."""
    return manifest_of(Registry(LISTENERS), url=url, socket_mode=socket_mode)


def _policy(configuration: Configuration) -> list[str]:
    steward = configuration.steward
    told = [f"{len(configuration.systems)} systems: {', '.join(configuration.systems)}", ""]
    for risk in ("read", "change", "p0"):
        rule = getattr(steward.policy, risk)
        who = f"{risk:<7} may be asked for by {_roles(rule.ask, steward)}"
        if risk == "p0":
            who += f"; approved by {rule.approvals} of {_roles(rule.approve, steward)}, never by the requester"
        elif risk == "change":
            who += "; the requester confirms the plan"
        told.append(who)
    told += [f"{action} is raised to {risk}" for action, risk in steward.policy.raise_.items()]
    return told


def _roles(names: tuple[str, ...], steward: StewardModel) -> str:
    told = []
    for name in names:
        role = steward.roles[name]
        told.append(f"{name} ({'the members of ' + role.group if role.group else ', '.join(role.people)})")
    return " or ".join(told)


def _escalations(configuration: Configuration) -> list[str]:
    steward = configuration.steward
    told = []
    for severity, row in steward.severities.items():
        levels = []
        for level in row.levels:
            people = []
            for name in level.notify:
                on_call = steward.oncall.get(name)
                people.append(f"{name} ({', '.join(on_call.rotation)})" if on_call else name)
            levels.append(f"{' and '.join(people)} {'at once' if not level.after else f'after {span(level.after)}'}")
        how = "pages" if row.page else "informs in business hours:"
        pager = " and PagerDuty at once" if row.page and steward.pagerduty else ""
        told.append(f"{severity} {how} {', '.join(levels)}{pager}")
    return told


def _missing(configuration: Configuration) -> list[str]:
    """Programs that this machine lacks: no mistake of the files, which may be checked elsewhere than they are used."""
    return [
        f"This machine has no program {program}, which {', '.join(needed)} would run; install it where the bot runs."
        for program, needed in programs(configuration, KINDS).items()
        if shutil.which(program) is None
    ]


def _schedules(configuration: Configuration) -> list[str]:
    steward = configuration.steward
    zone = ZoneInfo(steward.timezone)
    told = []
    for name, phrase, at in upcoming(steward, int(time.time() * 1000)):
        when = datetime.fromtimestamp(at / 1000, zone).strftime("%a %Y-%m-%d %H:%M")
        told.append(f"{name}: {phrase.explain()} ({steward.timezone}), next {when}")
    return told
