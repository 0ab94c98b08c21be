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
    """One level of a ladder: names of on-call roles or of roles, how long after the start, and what keeps it away."""

    notify: tuple[str, ...]
    after: int = 0
    unless: Literal["acknowledged", "mitigated"] = "acknowledged"


@dataclass(frozen=True, slots=True)
class Ladder:
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


def next_step(ladder: Ladder, incident: Incident) -> Step | None:
    """The next step if nothing happens until then; None where nobody waits for anything."""
    if incident.state is State.OPEN:
        return _page(ladder, incident)
    if incident.state is State.ACKNOWLEDGED:
        steps = [step for step in (_silence(ladder, incident), _inform(ladder, incident)) if step is not None]
        return min(steps, key=lambda step: step.at, default=None)
    return None


def timeline(ladder: Ladder, incident: Incident) -> list[Step]:
    """Who is paged when, if nobody answers: the steps that are still to come, up to and including the last level."""
    steps: list[Step] = []
    waiting = replace(incident, state=State.OPEN)
    while waiting.paged < len(ladder.levels):
        step = _page(ladder, waiting)
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


def following_level(ladder: Ladder, incident: Incident) -> int:
    """The level that comes after those paged so far; the last one where all have been."""
    return min(incident.paged + 1, len(ladder.levels))


def _page(ladder: Ladder, incident: Incident) -> Step:
    last = incident.paged_at
    if incident.paged >= len(ladder.levels):
        every = REPEAT if ladder.phones else ladder.respond
        start = incident.planned_from if last is None else last
        return Step(ladder.moment(start, every), len(ladder.levels), "repeat")
    due = ladder.moment(incident.planned_from, ladder.levels[incident.paged].after)
    earliest = due if last is None else last + GAP
    return Step(max(due, earliest), incident.paged + 1, "page")


def _inform(ladder: Ladder, incident: Incident) -> Step | None:
    """The escalate clock after an acknowledgement: levels `unless: mitigated`, else the next level when it runs out."""
    reached = max(incident.paged, incident.informed)
    earliest = 0 if incident.informed_at is None else incident.informed_at + GAP
    due = ladder.escalate_by(incident.planned_from)
    lasting = [number for number, level in enumerate(ladder.levels, 1) if level.unless == "mitigated"]
    for number in lasting:
        if number > reached:
            at = ladder.moment(incident.planned_from, ladder.levels[number - 1].after)
            return Step(max(at, earliest), number, "inform")
    if not lasting and not incident.informed and due > (incident.acknowledged_at or 0):
        return Step(due, following_level(ladder, incident), "inform")
    return None


def _silence(ladder: Ladder, incident: Incident) -> Step | None:
    """The owner's silence: first they are asked whether they are still on it, then the next level is paged."""
    if ladder.stale is None or incident.updated_at is None:
        return None
    if incident.nudged_at is None:
        return Step(ladder.moment(incident.updated_at, ladder.stale), incident.paged, "still")
    every = ladder.respond if incident.paged < len(ladder.levels) else REPEAT
    return Step(ladder.moment(incident.nudged_at, every), following_level(ladder, incident), "stale")
