"""A scheduled post: the reports of several systems, what changed since the last one, and how late it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.domain.health import Report, overview_message
from bot.domain.incident import Incident
from bot.domain.message import Bold, Heading, Line, Message, Moment, Paragraph, Part, Small
from bot.domain.reading import Status
from bot.domain.timing import MINUTE, span

LATE = 2 * MINUTE
"""From here on a post says that it is late."""

MOST_CHANGES = 12

Digest = Mapping[str, str]
"""Status by `system/check`."""


@dataclass(frozen=True, slots=True)
class Before:
    """What the last post said, and when; nothing before the first one."""

    digest: Digest
    at: int | None


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


def summary(
    run: Run, reports: Sequence[Report], before: Before, incidents: Sequence[Incident] | None = None
) -> Message:
    """The post. `incidents`: those opened since the last one, for a review; None for a plain summary."""
    overview = overview_message(reports, private=False)
    parts: list[Part] = [Heading(run.title), *overview.parts]
    if before.at is not None:
        parts.append(Paragraph(_changes(reports, before, before.at)))
    if incidents is not None:
        parts.append(Paragraph(_incidents(incidents)))
    parts += _lateness(run)
    return Message(f"{run.title}: {overview.text}", tuple(parts))


def failed_summary(run: Run, reason: str) -> Message:
    """The post of a run whose readings could not be gathered: silence would look like health."""
    text = f"{run.title}: ⚪ the checks could not be run: {reason}"
    return Message(
        text, (Heading(run.title), Paragraph(((f"⚪ The checks could not be run: {reason}",),)), *_lateness(run))
    )


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
    more: tuple[Line, ...] = ((f"… {len(lines) - MOST_CHANGES} more",),) if len(lines) > MOST_CHANGES else ()
    return ((Bold("Changed since "), Moment(at)), *lines[:MOST_CHANGES], *more)


def _incidents(incidents: Sequence[Incident]) -> tuple[Line, ...]:
    if not incidents:
        return (("No incident was opened since the last review.",),)
    lines: list[Line] = [(Bold(f"{len(incidents)} opened since the last review"),)]
    for incident in incidents[:MOST_CHANGES]:
        end = incident.resolved_at
        took = f"resolved after {span(end - incident.opened_at)}" if end is not None else incident.state.value
        lines.append((f"{incident.id} {incident.severity} {incident.title} · {took}",))
    return tuple(lines)


def _lateness(run: Run) -> tuple[Part, ...]:
    if run.now - run.due <= LATE:
        return ()
    more = f"; {run.missed} more {'run was' if run.missed == 1 else 'runs were'} missed" if run.missed else ""
    return (Small((f"Late by {span(run.now - run.due)}: it was due at ", Moment(run.due), more)),)
