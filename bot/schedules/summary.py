"""A scheduled post: what is open and what waits, how the systems are, what changed since, who is on call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.domain.message import Bold, Heading, Line, Message, Moment, Paragraph, Part, Small
from bot.domain.reading import Status
from bot.domain.timing import MINUTE, span
from bot.health.messages import Report, overview_message, worst_of
from bot.incidents.messages import concern, summary_line
from bot.incidents.model import Incident
from bot.incidents.view import SIGNS
from bot.operations.model import Operation, State

LATE = 2 * MINUTE
"""From here on a post says that it is late."""

MOST = 12
"""Lines of one kind; the rest is counted."""

Digest = Mapping[str, str]
"""Status by `system/check`."""


@dataclass(frozen=True, slots=True)
class Before:
    """What the last post said, and when; nothing before the first one."""

    digest: Digest
    at: int | None


@dataclass(frozen=True, slots=True)
class Affairs:
    """What people have to do with, beside the readings.

    `open`: incidents that are not resolved, the worst first. `opened`: those of the time since `since` (epoch ms; None
    before the first post), or None where nothing is said of them. `waiting`: operations that wait for an approval, and
    those of which nobody knows what came. `on_call`: rotation and person.
    """

    open: Sequence[Incident] = ()
    opened: Sequence[Incident] | None = None
    since: int | None = None
    waiting: Sequence[Operation] = ()
    on_call: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a schedule: its title, when it was due, when it happens, how many others were missed meanwhile."""

    title: str
    due: int
    now: int
    missed: int = 0


def digest_of(reports: Sequence[Report]) -> dict[str, str]:
    """What the next post compares with."""
    return {
        f"{report.system}/{reading.check}": reading.status.value for report in reports for reading in report.readings
    }


def summary(run: Run, reports: Sequence[Report], before: Before, affairs: Affairs) -> Message:
    """The post. What people have to do comes before what was read."""
    overview = overview_message(reports, private=False)
    parts: list[Part] = [*_duties(affairs, {report.system: report.title for report in reports}), *overview.parts]
    if before.at is not None:
        parts.append(Paragraph(_changes(reports, before, before.at)))
    return _post(run, affairs, worst_of(reports), overview.text, parts)


def failed_summary(run: Run, reason: str, affairs: Affairs) -> Message:
    """The post of a run whose readings could not be gathered: silence would look like health."""
    text = f"⚪ the checks could not be run: {reason}"
    said = Paragraph(((f"⚪ The checks could not be run: {reason}",),))
    return _post(run, affairs, Status.UNKNOWN, text, [*_duties(affairs, {}), said])


def _post(run: Run, affairs: Affairs, status: Status, text: str, parts: Sequence[Part]) -> Message:
    """Under a heading that is no better than the worst incident, outcome or reading. `status`: of the readings."""
    worst = min(affairs.open, key=lambda it: (not it.active, it.severity.rank), default=None)
    found = [status, *(concern(incident).status for incident in affairs.open)]
    found += [Status.WARNING for operation in affairs.waiting if operation.state is State.UNKNOWN]
    overall = min(found, key=lambda each: each.rank)
    told, heading = text, f"{overall.sign} {run.title}"
    if worst is not None:
        others = f" and {len(affairs.open) - 1} more" if len(affairs.open) > 1 else ""
        state = f"is {'open' if worst.active else worst.state.value}{others}"
        sign = SIGNS[worst.state] if concern(worst).status is overall else overall.sign
        heading = f"{sign} {run.title}: {worst.id} {worst.severity} {state}"
        told = f"{SIGNS[worst.state]} {worst.id} {worst.severity} {worst.title} {state} · {text}"
    ending: list[Part] = [Paragraph(_opened(affairs))] if affairs.opened is not None else []
    if affairs.on_call:
        people = ", ".join(f"{role} @{person}" for role, person in affairs.on_call)
        ending.append(Paragraph(((Bold("On call"), f" {people}"),)))
    return Message(f"{run.title}: {told}", (Heading(heading), *parts, *ending, *_lateness(run)))


def _duties(affairs: Affairs, titles: Mapping[str, str]) -> list[Part]:
    """What is open, and what waits for somebody's decision."""
    parts: list[Part] = []
    if affairs.open:
        found: list[Line] = [summary_line(it, titles.get(it.system, it.system)) for it in affairs.open]
        parts.append(Paragraph(_cut(found)))
    if affairs.waiting:
        lines: list[Line] = [
            (
                "🔐 " if it.state is State.PENDING else "❓ ",
                Bold(it.id),
                f" {it.plan.title} · ",
                "waits for approval" if it.state is State.PENDING else "nobody knows yet whether it happened",
                f" · @{it.requester.person} ",
                Moment(it.created_at, "date"),
            )
            for it in affairs.waiting
        ]
        parts.append(Paragraph(_cut(lines)))
    return parts


def _cut(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The first ones, and how many more there are."""
    more: tuple[Line, ...] = ((f"… and {len(lines) - MOST} more",),) if len(lines) > MOST else ()
    return (*lines[:MOST], *more)


def _changes(reports: Sequence[Report], before: Before, at: int) -> tuple[Line, ...]:
    lines: list[Line] = []
    for report in reports:
        for reading in report.readings:
            earlier = before.digest.get(f"{report.system}/{reading.check}")
            if earlier is not None and earlier != reading.status.value:
                was = Status(earlier)
                lines.append((f"{was.sign} → {reading.status.sign} {report.title}: {reading.title}",))
    if not lines:
        return (("Nothing changed since ", Moment(at), "."),)
    return ((Bold("Changed since "), Moment(at)), *_cut(lines))


def _opened(affairs: Affairs) -> tuple[Line, ...]:
    """Incidents since the post before, the worst first."""
    since: Line = (" since ", Moment(affairs.since, "date")) if affairs.since else (" so far",)
    if not affairs.opened:
        return (("No incident was opened", *since, "."),)
    lines: list[Line] = []
    for incident in sorted(affairs.opened, key=lambda it: (it.severity.rank, it.number)):
        end = incident.resolved_at
        took = f"resolved after {span(end - incident.opened_at)}" if end is not None else incident.state.value
        lines.append((f"{incident.id} {incident.severity} {incident.title} · {took}",))
    noun = "incident" if len(lines) == 1 else "incidents"
    return ((Bold(f"{len(lines)} {noun} opened"), *since), *_cut(lines))


def _lateness(run: Run) -> tuple[Part, ...]:
    if run.now - run.due <= LATE:
        return ()
    more = f"; {run.missed} more {'run was' if run.missed == 1 else 'runs were'} missed" if run.missed else ""
    return (Small((f"Late by {span(run.now - run.due)}: it was due at ", Moment(run.due), more)),)
