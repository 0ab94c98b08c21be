"""Escalation: from the severity matrix and an incident's situation to the next step, as a pure function.

Two clocks run. *Respond* runs to the first acknowledgement and pages one level after the other. *Escalate* runs to the
mitigation; once somebody has acknowledged it only informs. An owner who falls silent is paged, then the next level.
"""

from dataclasses import dataclass, replace
from typing import Literal

from bot.domain.business_hours import BusinessHours
from bot.domain.timing import MINUTE
from bot.incidents.model import Incident, PingKind, State

REPEAT = 15 * MINUTE
"""How often the last level is paged again while nobody answers."""

GAP = MINUTE
"""Late levels (the bot was down) fire one at a time, this far apart, so that each person can still react."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of an escalation policy: whom it notifies, how long after the start, and what keeps it away."""

    notify: tuple[str, ...]
    after: int = 0
    unless: Literal["acknowledged", "mitigated"] = "acknowledged"


@dataclass(frozen=True, slots=True)
class EscalationPolicy:
    """One row of the severity matrix. `hours` is set where time counts in business hours only and nobody is phoned.

    `escalate` None stands for "next business day"; `stale` None means that a silent owner is left alone.
    """

    respond: int
    escalate: int | None
    levels: tuple[Level, ...]
    stale: int | None = None
    hours: BusinessHours | None = None

    @property
    def phones(self) -> bool:
        """Whether people are paged at any hour and through PagerDuty."""
        return self.hours is None

    def moment(self, start: int, after: int) -> int:
        """`after` ms later, by the clock on the wall or by business time."""
        return start + after if self.hours is None else self.hours.after(start, after)

    def respond_by(self, start: int) -> int:
        """When the respond clock runs out."""
        return self.moment(start, self.respond)

    def escalate_by(self, start: int) -> int:
        """When the escalate clock runs out."""
        if self.escalate is not None:
            return self.moment(start, self.escalate)
        if self.hours is None:
            raise ValueError("only a severity of business hours can wait for the next business day")
        # Counted from when work begins: what comes in on a Saturday is Monday's, so its next business day is Tuesday.
        # What comes in right before closing time is answered later than that morning, and mitigated no earlier.
        return max(self.hours.next_day(self.hours.next_open(start)), self.respond_by(start))


@dataclass(frozen=True, slots=True)
class Step:
    """What happens next: at `at`, the level `level` (from 1) is told. For `still` the owner is, whatever the level."""

    at: int
    level: int
    kind: PingKind


def next_step(policy: EscalationPolicy, incident: Incident) -> Step | None:
    """The next step if nothing happens until then; None where nobody waits for anything."""
    if incident.state is State.OPEN:
        return _page(policy, incident)
    if incident.state is State.ACKNOWLEDGED:
        steps = [step for step in (_silence(policy, incident), _inform(policy, incident)) if step is not None]
        return min(steps, key=lambda step: step.at, default=None)
    return None


def timeline(policy: EscalationPolicy, incident: Incident) -> list[Step]:
    """Who is paged when, if nobody answers: the steps that are still to come, up to and including the last level."""
    steps: list[Step] = []
    waiting = replace(incident, state=State.OPEN)
    while waiting.paged < len(policy.levels):
        step = _page(policy, waiting)
        steps.append(step)
        waiting = after_step(waiting, step, step.at)
    return steps


def after_step(incident: Incident, step: Step, now: int) -> Incident:
    """The incident once this step has been taken."""
    if step.kind == "inform":
        return replace(incident, informed=step.level, informed_at=now)
    if step.kind == "still":
        return replace(incident, nudged_at=now)
    reached = replace(incident, paged=max(incident.paged, step.level), paged_at=now)
    if step.kind == "stale":
        return replace(reached, nudged_at=now)
    return reached


def following_level(policy: EscalationPolicy, incident: Incident) -> int:
    """The level that comes after those paged so far; the last one where all have been."""
    return min(incident.paged + 1, len(policy.levels))


def _page(policy: EscalationPolicy, incident: Incident) -> Step:
    last = incident.paged_at
    if incident.paged >= len(policy.levels):
        every = REPEAT if policy.phones else policy.respond
        start = incident.planned_from if last is None else last
        return Step(policy.moment(start, every), len(policy.levels), "repeat")
    due = policy.moment(incident.planned_from, policy.levels[incident.paged].after)
    earliest = due if last is None else last + GAP
    return Step(max(due, earliest), incident.paged + 1, "page")


def _inform(policy: EscalationPolicy, incident: Incident) -> Step | None:
    """The escalate clock after an acknowledgement: levels `unless: mitigated`, else the next level when it runs out."""
    reached = max(incident.paged, incident.informed)
    earliest = 0 if incident.informed_at is None else incident.informed_at + GAP
    due = policy.escalate_by(incident.planned_from)
    lasting = [number for number, level in enumerate(policy.levels, 1) if level.unless == "mitigated"]
    for number in lasting:
        if number > reached:
            at = policy.moment(incident.planned_from, policy.levels[number - 1].after)
            return Step(max(at, earliest), number, "inform")
    if not lasting and not incident.informed and due > (incident.acknowledged_at or 0):
        return Step(due, following_level(policy, incident), "inform")
    return None


def _silence(policy: EscalationPolicy, incident: Incident) -> Step | None:
    """The owner's silence: first they are asked whether they are still on it, then the next level is paged."""
    if policy.stale is None or incident.updated_at is None:
        return None
    if incident.nudged_at is None:
        return Step(policy.moment(incident.updated_at, policy.stale), incident.paged, "still")
    every = policy.respond if incident.paged < len(policy.levels) else REPEAT
    return Step(policy.moment(incident.nudged_at, every), following_level(policy, incident), "stale")
