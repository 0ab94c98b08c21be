"""What all messages of an incident share: the view that they are drawn from, and the words for its state and plan."""

from dataclasses import dataclass

from bot.domain.message import Button, Confirm, Line, Moment
from bot.domain.people import Actor, called
from bot.domain.timing import SECOND
from bot.incidents import clocks as incident_clocks
from bot.incidents.escalation import EscalationPolicy, Step
from bot.incidents.model import Event, Incident, Ping, State, Way

SIGNS = {State.OPEN: "🚨", State.ACKNOWLEDGED: "✋", State.MITIGATED: "🩹", State.RESOLVED: "✅"}


FRESH = 10 * SECOND
"""A page that carries older readings than this says so: the checks did not answer when it was sent."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A step that is still to come, with the people it will reach."""

    step: Step
    people: tuple[Actor, ...]


@dataclass(frozen=True, slots=True)
class IncidentView:
    """An incident with everything its messages show. `follows` is the one step that comes next if nothing happens."""

    incident: Incident
    policy: EscalationPolicy
    system_title: str
    pings: tuple[Ping, ...]
    plan: tuple[Planned, ...]
    follows: Planned | None
    updates: tuple[Event, ...]
    can_roll_back: bool
    now: int
    ways: tuple[Way, ...] = ()

    @property
    def subject(self) -> str:
        """`P0 INC-12 Newsletter: mail stopped`."""
        incident = self.incident
        prefix = f"{self.system_title}: " if self.system_title else ""
        return f"{incident.severity} {incident.id} {prefix}{incident.title}"


def state_text(incident: Incident) -> str:
    """The state in words: `@sre has it`."""
    owner = at_name(incident.owner) if incident.owner else "nobody"
    return {
        State.OPEN: "nobody has it yet",
        State.ACKNOWLEDGED: f"{owner} has it",
        State.MITIGATED: "mitigated",
        State.RESOLVED: "resolved",
    }[incident.state]


def state_line(view: IncidentView) -> Line:
    """The state and since when; of a take-over also who had it before."""
    incident = view.incident
    since = {
        State.OPEN: None,
        # Taken before its moment was kept.
        State.ACKNOWLEDGED: incident.acknowledged_at if incident.owned_at is None else incident.owned_at,
        State.MITIGATED: incident.mitigated_at,
        State.RESOLVED: incident.resolved_at,
    }[incident.state]
    if since is None:
        return (state_text(incident),)
    before = incident.taken_from if incident.state is State.ACKNOWLEDGED else ""
    earlier: Line = (f" (before: {called(before)})",) if before else ()
    return (f"{state_text(incident)}, ", Moment(since, now=view.now), *earlier)


def evidence_lines(view: IncidentView, asked_at: int | None = None) -> tuple[Line, ...]:
    """What the checks said and when, and the change that is suspected: one that came later is the last one only.

    `asked_at`: when they were asked; where the answer is older than that, it says so.
    """
    incident, lines = view.incident, list[Line]()
    if incident.checks:
        at = incident.opened_at if incident.checks_at is None else incident.checks_at
        late = asked_at is not None and at < asked_at - FRESH
        lines.append(("Checks as of " if late else "Checks at ", Moment(at, now=view.now), f": {incident.checks}"))
    suspect = incident.suspect
    if suspect.text:
        label = "Suspect" if suspect.at is None or suspect.at <= incident.planned_from else "Last"
        when: Line = (", ", Moment(suspect.at, now=view.now)) if suspect.at is not None else ()
        lines.append((f"{label} change: {suspect.text}", *when))
    return tuple(lines)


def ways_line(view: IncidentView, ping: Ping) -> str:
    """What each way of a page did: ` · Slack sent · PagerDuty seen by @lead`.

    Of several services nobody knows which one somebody looked at: that they did stands behind all of them.
    """
    ways = [way for way in view.ways if way.number == ping.number and way.outcome != "withdrawn"]
    told = []
    for way in ways:
        alone = sum(each.way == way.way for each in ways) == 1
        name = "Slack" if way.way == "slack" else "PagerDuty"
        told.append(f" · {name}{'' if alone or not way.target else f' ({way.target})'} {_outcome(way)}")
    seen_by = next((way.seen_by for way in ways if way.seen_by and way.outcome != "seen"), "")
    if seen_by:
        told.append(f" · seen by {called(seen_by)}")
    return "".join(told)


def _outcome(way: Way) -> str:
    return {
        "waiting": "on its way",
        "failing": "failed, is tried again",
        "failed": "failed: cannot be reached",
        "withdrawn": "not needed",
        "given up": "failed, is not tried again",
        "sent": "sent" if way.way == "slack" else "accepted",
        "seen": f"seen by {called(way.seen_by)}",
    }[way.outcome]


def coming(at: int, view: IncidentView) -> Moment:
    """A moment to come."""
    return incident_clocks.coming(at, view.policy, view.now)


def planned_line(planned: Planned, view: IncidentView) -> Line:
    """A level that will be paged."""
    level = view.policy.levels[planned.step.level - 1]
    return (
        f"level {planned.step.level} {names_of(planned.people)} at ",
        coming(planned.step.at, view),
        f" unless {level.unless}",
    )


def follows_line(planned: Planned, view: IncidentView) -> Line:
    """The one step that comes next."""
    step = planned.step
    if step.kind == "page":
        return planned_line(planned, view)
    words = {
        "repeat": f"level {step.level} {names_of(planned.people)} again at ",
        "inform": f"level {step.level} {names_of(planned.people)} is told, unless mitigated, at ",
        "still": f"{names_of(planned.people)} is asked for an update at ",
        "stale": f"level {step.level} {names_of(planned.people)} is paged, without an update, at ",
    }
    return (words[step.kind], coming(step.at, view))


def page_next_buttons(view: IncidentView) -> tuple[Button, ...]:
    """The value carries the level, so that a press on an outdated message is refused instead of paging one further."""
    level = min(view.incident.paged + 1, len(view.policy.levels))
    if not view.incident.active:
        return ()
    names = f"level {level} ({', '.join(view.policy.levels[level - 1].notify)})"
    return (
        Button(
            f"Page level {level} now",
            "incident.page_next",
            f"{view.incident.token}:{level}",
            confirm=Confirm(f"Page level {level}?", f"This pages {names} at once.", yes="Page"),
        ),
    )


def names_of(people: tuple[Actor, ...]) -> str:
    """`@sre, @lead`, or `nobody`."""
    return ", ".join(at_name(actor) for actor in people) or "nobody"


def at_name(actor: Actor) -> str:
    """`@sre`, as text: a mention would ping."""
    return called(actor.person)
