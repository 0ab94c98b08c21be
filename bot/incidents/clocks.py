"""The two clocks of an incident: to the first acknowledgement, and to the mitigation. A verdict once given stands."""

from collections.abc import Sequence

from bot.domain.message import Inline, Line, Moment
from bot.domain.timing import MINUTE, span
from bot.incidents.escalation import EscalationPolicy
from bot.incidents.model import ClockName, Incident, Severity, Verdict

Run = tuple[ClockName, int, int | None]
"""A clock that runs from `planned_from`: its name, when it runs out, when it was done."""


def settled(policy: EscalationPolicy, incident: Incident, now: int) -> tuple[Verdict, ...]:
    """The verdicts that stand, and those that the clocks of now have come to: done, or run out."""
    due = [
        Verdict(clock, incident.severity, incident.planned_from, limit, done)
        for clock, limit, done in _runs(policy, incident)
        if _standing(incident, clock) is None and (done is not None or limit < now)
    ]
    return (*incident.verdicts, *due)


def shown(policy: EscalationPolicy, incident: Incident, now: int) -> Line:
    """Both clocks for the header; what earlier runs came to stands before them: `before: … / now: …`."""
    earlier = [verdict for verdict in incident.verdicts if verdict.start != incident.planned_from]
    told: list[Line] = []
    for clock, limit, done in _runs(policy, incident):
        standing = _standing(incident, clock)
        if standing is not None:
            told.append(_verdict(standing, incident, now, done))
        elif done is not None or limit <= now:
            told.append(_verdict(Verdict(clock, incident.severity, incident.planned_from, limit, done), incident, now))
        else:
            told.append((f"{clock} by ", coming(limit, policy, now)))
    if not earlier:
        return _joined(told)
    before = _joined([_verdict(verdict, incident, now) for verdict in earlier])
    after: Line = (" / now: ", *_joined(told)) if told else ()
    return ("before: ", *before, *after)


def _joined(told: Sequence[Line]) -> Line:
    parts: list[Inline] = []
    for number, line in enumerate(told):
        parts += [" · "] * bool(number) + list(line)
    return tuple(parts)


def coming(at: int, policy: EscalationPolicy, now: int) -> Moment:
    """A moment to come. In business hours the time alone would not say of which day."""
    return Moment(at, "time" if policy.phones else "date", now)


def _runs(policy: EscalationPolicy, incident: Incident) -> list[Run]:
    """What was done before the start needs no clock any more: raised, an acknowledged incident is acknowledged."""
    start = incident.planned_from
    runs: list[Run] = [
        ("respond", policy.respond_by(start), _first(incident.acknowledged_at, incident.mitigated_at)),
        ("mitigate", policy.escalate_by(start), incident.mitigated_at),
    ]
    return [(clock, limit, done) for clock, limit, done in runs if done is None or done >= start]


def _first(*moments: int | None) -> int | None:
    return next((moment for moment in moments if moment is not None), None)


def _standing(incident: Incident, clock: ClockName) -> Verdict | None:
    given = (verdict for verdict in incident.verdicts if verdict.clock == clock)
    return next((verdict for verdict in given if verdict.start == incident.planned_from), None)


def _verdict(verdict: Verdict, incident: Incident, now: int, done: int | None = None) -> Line:
    """`respond missed (12 min)`, with the severity where that was another one."""
    other = verdict.severity is not incident.severity
    name = f"{verdict.clock}{_at(verdict.severity) if other else ''} {'kept' if verdict.kept else 'missed'} ("
    moment = verdict.done if verdict.done is not None else done
    if moment is None:
        return (name, Moment(verdict.limit, now=now), ")")
    # Rounded up: a clock of five minutes that was missed by seconds does not read as five minutes.
    took = span(max(1, -(-(moment - verdict.start) // MINUTE)) * MINUTE)
    return (f"{name}{took})",)


def _at(severity: Severity) -> str:
    return f" as {severity}"
