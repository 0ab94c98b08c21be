"""What a valid shape can still get wrong: unknown names, ladders that reach nobody, forbidden commands."""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.config.models import (
    CheckModel,
    ComponentModel,
    LimitsModel,
    QueueModel,
    SeverityModel,
    StewardModel,
    SystemModel,
)
from bot.config.source import Place, Problem, Source
from bot.domain.forbidden import refusal
from bot.domain.phrase import parse_phrase
from bot.domain.policy import Risk
from bot.domain.quantity import in_base_unit
from bot.domain.reading import Threshold, Thresholds

_INSTALLATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Measure(Protocol):
    """What a check may measure, as an adapter declares it."""

    @property
    def unit(self) -> str | None:
        """Of the value; empty for a count, None where no threshold fits."""
        ...

    @property
    def args(self) -> Mapping[str, type]:
        """The arguments that it takes, with the type of each."""
        ...


class Action(Protocol):
    """An action that the configuration may raise."""

    @property
    def name(self) -> str:
        """As `raise:` names it."""
        ...

    @property
    def least_risk(self) -> Risk:
        """What it declares; it may be raised, never lowered."""
        ...


SEVERITIES = ("P0", "P1", "P2", "P3")


class _Findings:
    """Collects problems of one file."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.problems: list[Problem] = []

    def add(self, place: Place, text: str) -> None:
        """A problem at a place."""
        self.problems.append(self._source.problem(place, text))

    def by_environment(self, place: Place) -> bool:
        """Whether the value at a place comes from the environment, and may be missing where that is not read."""
        return place in self._source.secret

    def known(self, place: Place, kind: str, name: str, valid: Collection[str]) -> None:
        """A problem where a name is none of the valid ones."""
        if name not in valid:
            self.add(place, f"there is no {kind} {name}; {_nearest(name, valid)}")

    def unit(self, place: Place, check: CheckModel | LimitsModel, unit: str | None) -> None:
        """A problem where a threshold cannot be compared with what is measured; None: with nothing."""
        for key in ("warning", "critical"):
            try:
                limit = Threshold.parse(getattr(check, key)).limit if getattr(check, key) else None
            except ValueError:  # Told by `thresholds`.
                continue
            if limit is None:
                continue
            if unit is None:
                self.add((*place, key), "this check judges itself, so a threshold means nothing; take it away")
            elif limit.unit != (base := in_base_unit(0, unit).unit):
                given, wanted = (each or "a plain number" for each in (limit.unit, base))
                self.add((*place, key), f"the threshold is in {given}, but it is measured in {wanted}; correct it")

    def thresholds(self, place: Place, warning: str, critical: str) -> None:
        """A problem where limits cannot be read or have different units."""
        try:
            parsed = Thresholds.parse(warning=warning, critical=critical)
        except ValueError as error:
            self.add(place, str(error))
            return
        if parsed.warning is None or parsed.critical is None:
            return
        if parsed.warning.limit.unit != parsed.critical.limit.unit:
            self.add(place, "warning and critical have different units; use the same")
        elif parsed.critical.crossed(parsed.warning.limit.value):
            self.add(place, f"warning {parsed.warning} is never told before critical {parsed.critical}; swap them")


def of_every_file(source: Source) -> list[Problem]:
    """Commands that must never run, wherever they are written."""
    refusals = ((place, refusal(text)) for place, text in source.strings())
    return [source.problem(place, f"this command is refused: {reason}") for place, reason in refusals if reason]


def of_steward(
    steward: StewardModel, source: Source, systems: Collection[str], actions: Iterable[Action]
) -> list[Problem]:
    """Cross-references of `steward.yaml`. `systems`: the names of all."""
    found = _Findings(source)
    if not steward.channel:
        found.add(("channel",), "the channel is empty; write the id of the channel for alerts and approvals")
    try:
        ZoneInfo(steward.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        found.add(("timezone",), f"there is no time zone {steward.timezone}; write one such as Europe/Berlin")
    _people(steward, found)
    _pagerduty(steward, found)
    _roles(steward, found)
    _raised(steward, {action.name: action.least_risk for action in actions}, found)
    _business_hours(steward, found)
    for name, rotation in steward.oncall.items():
        for person in rotation.rotation:
            found.known(("oncall", name, "rotation"), "person", person, steward.people)
    for severity in SEVERITIES:
        if severity not in steward.severities:
            text = f"{severity} is missing: an incident of that severity would reach nobody; add it"
            found.add(("severities",), text)
    for severity, row in steward.severities.items():
        _ladder(severity, row, steward, found)
    _schedules(steward, systems, found)
    return found.problems


def _people(steward: StewardModel, found: _Findings) -> None:
    owner: dict[str, str] = {}
    at_the_machine: dict[str, str] = {}
    for name, person in steward.people.items():
        for account in person.slack:
            if not account:
                found.add(("people", name, "slack"), f"{name} has an empty Slack id; write one such as U012AB3CD")
            elif owner.setdefault(account, name) != name:
                text = f"{name} and {owner[account]} share a Slack account; an account belongs to one person"
                found.add(("people", name, "slack"), text)
        if person.os_user and at_the_machine.setdefault(person.os_user, name) != name:
            text = (
                f"{name} and {at_the_machine[person.os_user]} share the OS user {person.os_user}; give each their own"
            )
            found.add(("people", name, "os_user"), text)


def _pagerduty(steward: StewardModel, found: _Findings) -> None:
    if steward.pagerduty is not None and not _INSTALLATION.fullmatch(steward.installation):
        text = (
            "PagerDuty's keys need the name of this installation (letters, digits, -); write one such as steward-prod"
        )
        found.add(("installation",), text)
    known = [*steward.oncall, *steward.roles, *steward.people]
    for name in steward.pagerduty.routing_keys if steward.pagerduty else ():
        found.known(("pagerduty", "routing_keys", name), "on-call, role or person", name, known)
    users: dict[str, str] = {}
    for name, person in steward.people.items():
        if person.pagerduty and users.setdefault(person.pagerduty, name) != name:
            text = f"{name} and {users[person.pagerduty]} share a user at PagerDuty; a user belongs to one person"
            found.add(("people", name, "pagerduty"), text)


def _roles(steward: StewardModel, found: _Findings) -> None:
    for name, role in steward.roles.items():
        if bool(role.group) == bool(role.people):
            found.add(("roles", name), f"the role {name} needs either a group or people; an empty role grants nothing")
        for person in role.people:
            found.known(("roles", name, "people"), "person", person, steward.people)
    rules = {"read": steward.policy.read, "change": steward.policy.change, "p0": steward.policy.p0}
    for risk, rule in rules.items():
        for kind, names in (("ask", rule.ask), ("approve", rule.approve)):
            for role_name in names:
                found.known(("policy", risk, kind), "role", role_name, steward.roles)
    if not steward.policy.p0.approve:
        found.add(("policy", "p0"), "nobody may approve p0 requests; name a role under approve")
    approving = [steward.roles[name] for name in steward.policy.p0.approve if name in steward.roles]
    named = {person for role in approving for person in role.people}
    if approving and not any(role.group for role in approving) and len(named) < steward.policy.p0.approvals:
        text = (
            f"{steward.policy.p0.approvals} approvals are needed, but only {', '.join(named) or 'nobody'} may approve"
        )
        found.add(("policy", "p0"), f"{text}; name more people or lower approvals")


def _raised(steward: StewardModel, actions: Mapping[str, Risk], found: _Findings) -> None:
    for name, risk in steward.policy.raise_.items():
        place: Place = ("policy", "raise", name)
        found.known(place, "action", name, actions)
        declared = actions.get(name)
        if declared is not None and risk.rank < declared.rank:
            found.add(place, f"{name} is {declared}; a risk may be raised, never lowered to {risk}; take it away")


def _business_hours(steward: StewardModel, found: _Findings) -> None:
    hours = steward.business_hours
    if not hours.days:
        found.add(("business_hours", "days"), "no day is a business day; name at least one, such as mon")
    if hours.end <= hours.start:
        found.add(("business_hours", "end"), f"business hours end at {hours.end}, before they start; make it later")
    if hours.country:
        import holidays  # noqa: PLC0415 - 9 MB and 230 ms that only a named country is worth

        found.known(("business_hours", "country"), "country", hours.country, holidays.list_supported_countries())


def _schedules(steward: StewardModel, systems: Collection[str], found: _Findings) -> None:
    for name, schedule in steward.schedules.items():
        try:
            parse_phrase(schedule.when)
        except ValueError as error:
            found.add(("schedules", name, "when"), str(error))
        for system in schedule.systems:
            found.known(("schedules", name, "systems"), "system", system, systems)


def _ladder(severity: str, row: SeverityModel, steward: StewardModel, found: _Findings) -> None:
    place: Place = ("severities", severity)
    if isinstance(row.escalate, int) and row.escalate < row.respond:
        found.add((*place, "escalate"), f"{severity}: escalate comes before respond; make it the later one")
    if not isinstance(row.escalate, int) and row.page:
        text = "escalates on the next business day although it pages at any hour; write a duration, or page: false"
        found.add((*place, "escalate"), f"{severity} {text}")
    if row.levels[0].after:
        found.add((*place, "levels", 0), f"{severity}: the first level must start at 0; take its after away")
    for index, level in enumerate(row.levels):
        where: Place = (*place, "levels", index)
        if index and level.after <= row.levels[index - 1].after:
            found.add(where, f"{severity}: level {index + 1} comes no later than level {index}; raise its after")
        for name in level.notify:
            found.known(where, "on-call or role", name, [*steward.oncall, *steward.roles])
    if severity in {"P0", "P1"} and steward.pagerduty is None and not row.slack_only:
        text = "ends in Slack alone, which Do Not Disturb silences; configure pagerduty or set slack_only: true"
        found.add(place, f"{severity} {text}")


def of_system(
    system: SystemModel, source: Source, kinds: Mapping[str, str], measures: Mapping[str, Mapping[str, Measure]]
) -> list[Problem]:
    """Cross-references of one system's file.

    `kinds`: connection → kind, empty where the connection itself has a mistake; `measures`: connection → what it
    measures.
    """
    found = _Findings(source)
    if system.system == "steward":
        found.add(("system",), "steward is the bot's own name, under which /health shows PagerDuty; choose another")
    for name, check in system.checks.items():
        _check(name, check, kinds, measures, found)
    _titles(system, found)
    for name, queue in system.queues.items():
        if name in system.checks:
            found.add(("queues", name), f"a check and a queue are both called {name}; rename one")
        _queue(("queues", name), queue, system, kinds, found)
    for name, component in system.components.items():
        _component(("components", name), component, system, kinds, found)
    return found.problems


def _check(
    name: str,
    check: CheckModel,
    kinds: Mapping[str, str],
    measures: Mapping[str, Mapping[str, Measure]],
    found: _Findings,
) -> None:
    place: Place = ("checks", name)
    if bool(check.get) == bool(check.measure):
        found.add(place, f"the check {name} needs either get or measure")
    elif check.get:
        _connection((*place, "get"), check.get, {"http"}, kinds, found)
        _path((*place, "path"), check.path, found)
        found.unit(place, check, None)
        for key in check.args:
            found.add((*place, "args", key), f"a get takes path and expect, no argument {key}; take it away")
    else:
        connection, _, what = check.measure.partition(".")
        _connection((*place, "measure"), connection, set(), kinds, found)
        if kinds.get(connection) == "http":
            _path((*place, "args", "path"), check.args.get("path", "/"), found)
        if connection in measures:
            _measure(place, check, measures[connection].get(what), measures[connection], found)
    found.thresholds(place, check.warning, check.critical)


def _titles(system: SystemModel, found: _Findings) -> None:
    """Two lines of one name tell nobody which of the two is ill."""
    shown: dict[str, str] = {}
    for name, check in system.checks.items():
        title = check.title or name
        other = shown.setdefault(title.casefold(), name)
        if other != name:
            found.add(
                ("checks", name), f"the checks {other} and {name} are both shown as {title}; give one another title"
            )


def _path(place: Place, path: object, found: _Findings) -> None:
    """A whole address would be asked instead of the connection's."""
    if isinstance(path, str) and (not path.startswith("/") or path.startswith("//")):
        found.add(place, "a path begins with one /, as in /health; the host stands in the connection")


def _measure(
    place: Place, check: CheckModel, measure: Measure | None, offered: Mapping[str, Measure], found: _Findings
) -> None:
    connection, _, what = check.measure.partition(".")
    if measure is None:
        hint = _nearest(what, offered)
        found.add((*place, "measure"), f"{connection} cannot measure {what or 'nothing'}; {hint}")
        return
    for name, value in check.args.items():
        where: Place = (*place, "args", name)
        wanted = measure.args.get(name)
        if wanted is None:
            found.add(where, f"{check.measure} takes no argument {name}; {_nearest(name, measure.args)}")
        elif type(value) is not wanted:
            found.add(where, f"{name} of {check.measure} must be {'text' if wanted is str else 'a number'}; correct it")
    found.unit(place, check, measure.unit)


def _connection(place: Place, name: str, allowed: set[str], kinds: Mapping[str, str], found: _Findings) -> None:
    valid = [each for each, kind in kinds.items() if not allowed or not kind or kind in allowed]
    if name in valid:
        return
    if name in kinds:
        wanted = " or ".join(sorted(allowed))
        found.add(place, f"{name} is a {kinds[name]} connection; this needs one of kind {wanted}")
    else:
        found.known(place, "connection", name, valid)


def _queue(place: Place, queue: QueueModel, system: SystemModel, kinds: Mapping[str, str], found: _Findings) -> None:
    for name, limits, unit in (
        ("depth", queue.depth, ""),
        ("failed", queue.failed, ""),
        ("stuck", queue.stuck, ""),
        ("oldest", queue.oldest, "ms"),
    ):
        found.thresholds((*place, name), limits.warning, limits.critical)
        found.unit((*place, name), limits, unit)
    if bool(queue.bullmq) == bool(queue.sorted_sets):
        found.add(place, "a queue needs either bullmq or sorted_sets")
    else:
        _connection(place, queue.bullmq or queue.sorted_sets, {"redis"}, kinds, found)
    if queue.workers:
        found.known((*place, "workers"), "component or check", queue.workers, [*system.components, *system.checks])


def _component(
    place: Place, component: ComponentModel, system: SystemModel, kinds: Mapping[str, str], found: _Findings
) -> None:
    if component.restart:
        engine, _, service = component.restart.partition(".")
        _connection((*place, "restart"), engine, {"docker"}, kinds, found)
        if not service:
            found.add((*place, "restart"), f"restart names no service; write it as {engine}.SERVICE")
    deployment, where = component.deployment, (*place, "deployment")
    if deployment is not None:
        if bool(deployment.netlify) == bool(deployment.compose):
            found.add(where, "a deployment needs either netlify or compose")
        elif deployment.netlify:
            _connection((*where, "netlify"), deployment.netlify, {"netlify"}, kinds, found)
        else:
            _connection((*where, "compose"), deployment.compose, {"command"}, kinds, found)
            _connection((*where, "engine"), deployment.engine, {"docker"}, kinds, found)
            for key in ("file", "service", "image_variable"):
                # Without its service, `up` would start the whole project; without its variable, the same image again.
                if not getattr(deployment, key) and not found.by_environment((*where, key)):
                    found.add(where, f"a deployment by compose needs {key}; add it")
            if deployment.image_variable and not _VARIABLE.fullmatch(deployment.image_variable):
                text = "image_variable must be the name of an environment variable, such as NEWSLETTER_TAG"
                found.add((*where, "image_variable"), text)
    for check in component.verify:
        found.known((*place, "verify"), "check", check, system.checks)


def _nearest(name: str, valid: Collection[str]) -> str:
    near = difflib.get_close_matches(name, valid, n=1)
    return f"did you mean {near[0]}?" if near else "known: " + (", ".join(valid) or "none")
