"""A system's health as one message: worst first, failing checks one a line, healthy ones folded into a count."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.message import Bold, Button, Buttons, Inline, Line, Message, Moment, Paragraph, Part, Small
from bot.domain.reading import Reading, Status
from bot.domain.timing import span

FOLDED_NAMES = 6
"""How many healthy checks are named in the folded line."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was read of one system. `pending`: titles of checks that have not answered yet. Times in epoch ms and ms."""

    system: str
    title: str
    readings: tuple[Reading, ...]
    at: int
    took: int
    pending: tuple[str, ...] = ()
    context: tuple[Line, ...] = ()

    @property
    def worst(self) -> Status:
        """The status of the worst reading; unknown where nothing could be read."""
        return min((reading.status for reading in self.readings), key=lambda s: s.rank, default=Status.UNKNOWN)


def worst_first(readings: Sequence[Reading]) -> list[Reading]:
    """Readings by status, then by how long they have been so, then by title."""
    return sorted(readings, key=lambda reading: (reading.status.rank, reading.since or 0, reading.title))


def tally(readings: Sequence[Reading]) -> str:
    """`2 critical, 1 warning, 1 unknown, 8 healthy`; statuses that nobody has are left out."""
    counts = Counter(reading.status for reading in readings)
    named = ", ".join(f"{counts[status]} {status}" for status in Status if counts[status])
    return named or "nothing to check"


def headline(report: Report) -> str:
    """The line that says the main thing alone."""
    waiting = f", {len(report.pending)} still answering" if report.pending else ""
    sign = report.worst.sign if report.readings or not report.pending else "⏳"
    return (
        f"{sign} {report.title}: {tally(report.readings)}{waiting}"
        if report.readings
        else f"{sign} {report.title}{waiting}"
    )


def reading_line(reading: Reading) -> Line:
    """`🔴 app  503 since 02:41`, or `🟡 db connections  84 % (warning > 80 %) since 02:50 ↑`."""
    parts: list[Inline] = [f"{reading.status.sign} ", Bold(reading.title)]
    value = f"{reading.value} ({reading.threshold})" if reading.threshold else reading.value
    told = " · ".join(text for text in (value.strip(), reading.reason) if text)
    if told:
        parts.append(f"  {told}")
    if reading.since is not None:
        parts += [" since ", Moment(reading.since, now=reading.at)]
    if reading.trend:
        parts.append(f" {reading.trend}")
    return tuple(parts)


def body(report: Report) -> tuple[Part, ...]:
    """The readings without header and buttons, for summaries that hold several systems."""
    ordered = worst_first(report.readings)
    lines: list[Line] = [reading_line(reading) for reading in ordered if reading.status is not Status.HEALTHY]
    healthy = [reading for reading in ordered if reading.status is Status.HEALTHY]
    if healthy:
        names = [f"{it.title} ×{it.count}" if it.count > 1 else it.title for it in healthy[:FOLDED_NAMES]]
        more = " …" if len(healthy) > FOLDED_NAMES else ""
        lines.append((f"{Status.HEALTHY.sign} {len(healthy)} healthy: {', '.join(names)}{more}",))
    lines += [(f"🟡 {reading.title}: {note}",) for reading in healthy for note in reading.notes]
    if report.pending:
        lines.append((f"⏳ still answering: {', '.join(report.pending)}",))
    return (Paragraph(tuple(lines)),) if lines else ()


def health_message(report: Report, *, private: bool = True) -> Message:
    """The answer to `/health SYSTEM`; `private` says who sees it and offers to share it."""
    seen = " · only you see this" if private else ""
    buttons = [
        Button("Queue", "queue.show", report.system),
        Button("Roll back…", "rollback.choose", report.system),
        Button("Restart…", "restart.choose", report.system),
        Button("Open incident", "incident.open_form", report.system),
        Button("Share", "health.share", report.system),
        Button("Refresh", "health.refresh", report.system),
    ]
    parts: list[Part] = [Paragraph(((Bold(headline(report)),),)), *body(report)]
    if report.context:
        parts.append(Paragraph(report.context))
    parts.append(Small((Moment(report.at, "seconds"), f", {span(report.took)}{seen}")))
    if private and not report.pending:
        parts.append(Buttons(tuple(buttons)))
    return Message(headline(report), tuple(parts), "done" if report.worst is Status.HEALTHY else "unhealthy")


def overview_message(reports: Sequence[Report], *, private: bool = True) -> Message:
    """The answer to `/health` alone: every system, the worst one first."""
    ordered = sorted(reports, key=lambda report: report.worst.rank)
    readings = [reading for report in ordered for reading in report.readings]
    worst = min((report.worst for report in ordered), key=lambda s: s.rank, default=Status.UNKNOWN)
    text = f"{worst.sign} {len(ordered)} systems: {tally(readings)}"
    parts: list[Part] = []
    for report in ordered:
        parts += [Paragraph(((Bold(headline(report)),),)), *body(report)]
    if ordered:
        took = max(report.took for report in ordered)
        seen = " · only you see this" if private else ""
        parts.append(Small((Moment(max(report.at for report in ordered), "seconds"), f", {span(took)}{seen}")))
    if private and not any(report.pending for report in ordered):
        details = [Button(report.title, "health.refresh", report.system) for report in ordered[:10]]
        parts.append(Buttons((*details, Button("Share", "health.share", ""), Button("Refresh", "health.refresh", ""))))
    return Message(text, tuple(parts), "done" if worst is Status.HEALTHY else "unhealthy")
