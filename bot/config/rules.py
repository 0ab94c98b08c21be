"""What a valid shape can still get wrong: unknown names, escalation policies that reach nobody, forbidden commands."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.config.models import (
    CheckModel,
    QueueModel,
    SeverityModel,
    StewardModel,
    SystemModel,
    TableModel,
)
from bot.config.problems import Call, Findings, Measure, known_names
from bot.config.source import Place, Problem, Source
from bot.domain.forbidden import refusal
from bot.domain.policy import Risk
from bot.domain.schedule_phrase import parse_phrase

_INSTALLATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Offered(Protocol):
    """What an adapter offers to checks and tables."""

    @property
    def measures(self) -> Mapping[str, Measure]:
        """What a check may name after the dot."""
        ...

    @property
    def tables(self) -> Mapping[str, Call]:
        """What a table may name after the dot."""
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


def of_every_file(source: Source) -> list[Problem]:
    """Commands that must never run, wherever they are written."""
    refusals = ((place, refusal(text)) for place, text in source.strings())
    return [source.problem(place, f"this command is refused: {reason}") for place, reason in refusals if reason]


def of_steward(
    steward: StewardModel, source: Source, systems: Collection[str], actions: Iterable[Action]
) -> list[Problem]:
    """Cross-references of `steward.yaml`. `systems`: the names of all."""
    found = Findings(source)
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
        _escalation(severity, row, steward, found)
    _schedules(steward, systems, found)
    return found.problems


def _people(steward: StewardModel, found: Findings) -> None:
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


def _pagerduty(steward: StewardModel, found: Findings) -> None:
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


def _roles(steward: StewardModel, found: Findings) -> None:
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


def _raised(steward: StewardModel, actions: Mapping[str, Risk], found: Findings) -> None:
    for name, risk in steward.policy.raise_.items():
        place: Place = ("policy", "raise", name)
        found.known(place, "action", name, actions)
        declared = actions.get(name)
        if declared is not None and risk.rank < declared.rank:
            found.add(place, f"{name} is {declared}; a risk may be raised, never lowered to {risk}; take it away")


def _business_hours(steward: StewardModel, found: Findings) -> None:
    hours = steward.business_hours
    if not hours.days:
        found.add(("business_hours", "days"), "no day is a business day; name at least one, such as mon")
    if hours.end <= hours.start:
        found.add(("business_hours", "end"), f"business hours end at {hours.end}, before they start; make it later")
    if hours.country:
        import holidays  # noqa: PLC0415 - 9 MB and 230 ms that only a named country is worth

        found.known(("business_hours", "country"), "country", hours.country, holidays.list_supported_countries())


def _schedules(steward: StewardModel, systems: Collection[str], found: Findings) -> None:
    for name, schedule in steward.schedules.items():
        try:
            parse_phrase(schedule.when)
        except ValueError as error:
            found.add(("schedules", name, "when"), str(error))
        for system in schedule.systems:
            found.known(("schedules", name, "systems"), "system", system, systems)


def _escalation(severity: str, row: SeverityModel, steward: StewardModel, found: Findings) -> None:
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
    system: SystemModel, source: Source, kinds: Mapping[str, str], offered: Mapping[str, Offered]
) -> list[Problem]:
    """Cross-references of one system's file, but for what adapters provide; see `provided_by`.

    `kinds`: connection → kind, empty where the connection itself has a mistake; `offered`: connection → its adapter.
    """
    found = Findings(source)
    if system.system == "steward":
        found.add(("system",), "steward is the bot's own name, under which /health shows PagerDuty; choose another")
    for name, check in system.checks.items():
        _check(name, check, kinds, offered, found)
    for name, table in system.tables.items():
        _table(name, table, kinds, offered, found)
        if name in system.checks or name in system.queues:
            found.add(("tables", name), f"a table and a check or queue are both called {name}; rename one")
    _titles(system, found)
    for name, queue in system.queues.items():
        _queue(name, queue, system, found)
    for name, component in system.components.items():
        for check_name in component.verify:
            found.known(("components", name, "verify"), "check", check_name, system.checks)
    return found.problems


def _check(
    name: str, check: CheckModel, kinds: Mapping[str, str], offered: Mapping[str, Offered], found: Findings
) -> None:
    place: Place = ("checks", name)
    if bool(check.get) == bool(check.measure):
        found.add(place, f"the check {name} needs either get or measure")
    elif check.get:
        for key in check.args:
            found.add((*place, "args", key), f"a get takes path and expect, no argument {key}; take it away")
        named = {each for each, it in offered.items() if "status" in it.measures or not kinds.get(each)}
        allowed = {kinds[each] for each in named}
        found.connection((*place, "get"), check.get, allowed or {"http"}, kinds)
        if check.get in named:
            measure = offered[check.get].measures["status"]
            _arguments(place, check.measured[2], measure, f"{check.get}.status", found)
            found.unit(place, check, measure.unit)
    else:
        connection, what, arguments = check.measured
        found.connection((*place, "measure"), connection, set(), kinds)
        if connection in offered:
            measures = offered[connection].measures
            if what not in measures:
                hint = known_names(what, measures)
                found.add((*place, "measure"), f"{connection} cannot measure {what or 'nothing'}; {hint}")
            else:
                _arguments((*place, "args"), arguments, measures[what], check.measure, found)
                found.unit(place, check, measures[what].unit)
    found.thresholds(place, check.warning, check.critical)


def _table(
    name: str, table: TableModel, kinds: Mapping[str, str], offered: Mapping[str, Offered], found: Findings
) -> None:
    place: Place = ("tables", name)
    connection, _, what = table.table.partition(".")
    found.connection((*place, "table"), connection, set(), kinds)
    if connection in offered:
        tables = offered[connection].tables
        if what not in tables:
            found.add(
                (*place, "table"), f"{connection} has no table {what or 'without a name'}; {known_names(what, tables)}"
            )
        else:
            _arguments((*place, "args"), table.args, tables[what], table.table, found)


def _arguments(place: Place, given: Mapping[str, object], call: Call, what: str, found: Findings) -> None:
    for name in sorted(call.needed - given.keys()):
        found.add(place, f"{what} needs {name}; add it to its args")
    for name, value in given.items():
        if name not in call.args:
            found.add((*place, name), f"{what} takes no argument {name}; {known_names(name, call.args)}")
        elif wrong := call.wrong(name, value):
            found.add((*place, name), f"{name} of {what} {wrong}")


def _titles(system: SystemModel, found: Findings) -> None:
    """Two lines of one name tell nobody which of the two is ill."""
    shown: dict[str, str] = {}
    for name, check in system.checks.items():
        title = check.title or name
        other = shown.setdefault(title.casefold(), name)
        if other != name:
            found.add(
                ("checks", name), f"the checks {other} and {name} are both shown as {title}; give one another title"
            )


def _queue(name: str, queue: QueueModel, system: SystemModel, found: Findings) -> None:
    place: Place = ("queues", name)
    if name in system.checks:
        found.add(place, f"a check and a queue are both called {name}; rename one")
    for limit, limits, unit in (
        ("depth", queue.depth, ""),
        ("failed", queue.failed, ""),
        ("stuck", queue.stuck, ""),
        ("oldest", queue.oldest, "ms"),
    ):
        found.thresholds((*place, limit), limits.warning, limits.critical)
        found.unit((*place, limit), limits, unit)
    if queue.workers:
        found.known((*place, "workers"), "component or check", queue.workers, [*system.components, *system.checks])
