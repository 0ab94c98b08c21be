"""A system's health as one message: worst first, failing checks one a line, healthy ones folded into a count."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.errors import BotError
from bot.domain.message import (
    Bold,
    Button,
    Buttons,
    Inline,
    Line,
    Message,
    Moment,
    Outcome,
    Paragraph,
    Part,
    Preformatted,
    Small,
)
from bot.domain.one_line import one_line
from bot.domain.reading import Reading, Status
from bot.domain.timing import span
from bot.ports import Rows
from bot.systems import Offer, Table

"""What a system may have beside its health, so that no button leads to a refusal."""

CELL = 60
"""How many characters of a cell are shown."""

FOLDED_NAMES = 6
"""How many healthy checks are named in the folded line."""


@dataclass(frozen=True, slots=True)
class Concern:
    """Something beside the readings that is not well: `INC-12 P0 open`."""

    status: Status
    text: str


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
    concerns: tuple[Concern, ...] = ()
    offers: tuple[Offer, ...] = ()

    @property
    def worst(self) -> Status:
        """The worst of all that is told; unknown where nothing could be read."""
        found = [*(reading.status for reading in self.readings), *(concern.status for concern in self.concerns)]
        return min(found if self.readings else [*found, Status.UNKNOWN], key=lambda status: status.rank)


def worst_first(readings: Sequence[Reading]) -> list[Reading]:
    """Readings by status; then what explains others, and last what is explained; then by how long, then by title."""
    causes = _causes(readings)

    def key(reading: Reading) -> tuple[int, int, int, str]:
        cause = causes.get(reading.lost)
        place = 1 if cause is None else 0 if cause is reading else 2
        return reading.status.rank, place, reading.since or 0, reading.title

    return sorted(readings, key=key)


def _causes(readings: Sequence[Reading]) -> dict[str, Reading]:
    """By connection the first reading that lost it, where more than one did: it explains the others."""
    lost: dict[str, list[Reading]] = {}
    for reading in readings:
        if reading.lost and reading.status is not Status.HEALTHY:
            lost.setdefault(reading.lost, []).append(reading)
    return {connection: found[0] for connection, found in lost.items() if len(found) > 1}


def tally(readings: Sequence[Reading]) -> str:
    """`2 critical, 1 warning, 1 unknown, 8 healthy`; statuses that nobody has are left out."""
    counts = Counter(reading.status for reading in readings)
    named = ", ".join(f"{counts[status]} {status}" for status in Status if counts[status])
    return named or "nothing to check"


def headline(report: Report) -> str:
    """The line that says the main thing alone; it is never better than what stands below it."""
    told = [tally(report.readings)] if report.readings or not report.pending else []
    return f"{_sign([report])} {report.title}: {', '.join([*told, *_beside([report])])}"


def _sign(reports: Sequence[Report]) -> str:
    """The worst sign; nothing is green before all have answered."""
    worst = worst_of(reports)
    if any(report.pending for report in reports) and (
        worst is Status.HEALTHY or not any(report.readings for report in reports)
    ):
        return "⏳"
    return worst.sign


def worst_of(reports: Sequence[Report]) -> Status:
    """The worst of several reports; unknown where there is none."""
    return min((report.worst for report in reports), key=lambda status: status.rank, default=Status.UNKNOWN)


def _beside(reports: Sequence[Report]) -> list[str]:
    """What is told beside the counts."""
    pending = sum(len(report.pending) for report in reports)
    told = [concern.text for report in reports for concern in report.concerns]
    return [*told, f"{pending} still answering"] if pending else told


def reading_line(reading: Reading) -> Line:
    """`🔴 app  503 since 02:41`, or `🟡 db connections  84 % (warning > 80 %) since 02:50 ↑`."""
    parts: list[Inline] = [f"{reading.status.sign} ", Bold(reading.title)]
    value = f"{reading.value} ({reading.threshold})" if reading.threshold else reading.value
    told = " · ".join(text for text in (value.strip(), reading.reason_told) if text)
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
    lines = _failing(ordered)
    healthy = [reading for reading in ordered if reading.status is Status.HEALTHY]
    if healthy:
        names = [f"{it.title} ×{it.count}" if it.count > 1 else it.title for it in healthy[:FOLDED_NAMES]]
        more = " …" if len(healthy) > FOLDED_NAMES else ""
        lines.append((f"{Status.HEALTHY.sign} {len(healthy)} healthy: {', '.join(names)}{more}",))
    if report.pending:
        lines.append((f"⏳ still answering: {', '.join(report.pending)}",))
    return (Paragraph(tuple(lines)),) if lines else ()


def _failing(ordered: Sequence[Reading]) -> list[Line]:
    """A line each; what lost the same connection as the line above shares one line below it."""
    causes = _causes(ordered)
    lines: list[Line] = []
    for reading in ordered:
        if reading.status is Status.HEALTHY or causes.get(reading.lost, reading) is not reading:
            continue
        lines.append(reading_line(reading))
        if reading.lost in causes:
            others = [it.title for it in ordered if it.lost == reading.lost and it is not reading]
            lines.append((f"{reading.status.sign} and with it: {', '.join(others)}",))
    return lines


def health_message(report: Report, *, private: bool = True, check: str = "") -> Message:
    """The answer to `/health SYSTEM`; `private` says who sees it and offers to share it; `check`: the only one read."""
    seen = " · only you see this" if private else ""
    buttons = [
        *(Button(offer.label, offer.listener, offer.value) for offer in report.offers),
        Button("Open incident", "incident.open_form", report.system),
        Button("Share", "health.share", f"{report.system} {check}".strip()),
        Button("Refresh", "health.refresh", f"{report.system} {check}".strip()),
    ]
    parts: list[Part] = [Paragraph(((Bold(headline(report)),),)), *body(report)]
    if report.context:
        parts.append(Paragraph(report.context))
    parts.append(Small((Moment(report.at, "seconds"), f", {span(report.took)}{seen}")))
    if private and not report.pending:
        parts.append(Buttons(tuple(buttons)))
    return Message(headline(report), tuple(parts), _outcome([report]))


def overview_message(reports: Sequence[Report], *, private: bool = True) -> Message:
    """The answer to `/health` alone: every system, the worst one first."""
    ordered = sorted(reports, key=lambda report: report.worst.rank)
    readings = [reading for report in ordered for reading in report.readings]
    text = f"{_sign(ordered)} {len(ordered)} systems: {', '.join([tally(readings), *_beside(ordered)])}"
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
    return Message(text, tuple(parts), _outcome(ordered))


def _outcome(reports: Sequence[Report]) -> Outcome:
    if any(report.pending for report in reports):
        return "pending"
    return "done" if worst_of(reports) is Status.HEALTHY else "unhealthy"


def table_message(system: str, table: Table, read: Rows | BotError, at: int, *, private: bool) -> Message:
    """The rows of a table, or why they could not be read."""
    told = f"{table.title} of {system}"
    value = f"{system} {table.name}"
    parts: list[Part] = []
    if isinstance(read, BotError):
        text = f"{Status.UNKNOWN.sign} {told}: {one_line(str(read))}"
        parts.append(Paragraph(((Bold(text),),)))
    else:
        more = "" if read.more == 0 else " and more" if read.more is None else f" and {read.more:,} more"
        count = f"{len(read.rows)} row{'s' if len(read.rows) > 1 else ''}"
        text = f"{told}: {count}{more}" if read.rows else f"{told}: none"
        parts.append(Paragraph(((Bold(text),),)))
        if read.rows:
            parts.append(Preformatted(_aligned(read)))
    parts.append(Small((Moment(at, "seconds"), " · only you see this" if private else "")))
    if private:
        parts.append(Buttons((Button("Share", "health.share", value), Button("Refresh", "health.refresh", value))))
    return Message(text, tuple(parts), "unhealthy" if isinstance(read, BotError) else "done")


def _aligned(read: Rows) -> str:
    """Columns under their names; a cell stays on its line."""
    lines = [read.columns, *(tuple(one_line(cell) for cell in row) for row in read.rows)]
    widths = [min(max(len(line[column]) for line in lines), CELL) for column in range(len(read.columns))]
    cut = [[cell if len(cell) <= CELL else f"{cell[: CELL - 1]}…" for cell in line] for line in lines]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cut
    )
