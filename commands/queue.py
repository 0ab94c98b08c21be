"""`/queue`: what waits, runs and fails in a queue, which way it goes, and the buttons for what can be done."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.errors import UsageError
from bot.domain.message import (
    Bold,
    Button,
    Buttons,
    Confirm,
    Facts,
    Line,
    Message,
    Moment,
    Outcome,
    Paragraph,
    Part,
    Small,
)
from bot.domain.policy import Risk
from bot.domain.reading import Status
from bot.domain.timing import MINUTE, span
from bot.health.messages import reading_line
from bot.operations.actions.clear_stuck import ClearStuck
from bot.operations.actions.remove_expired import RemoveExpired
from bot.operations.actions.retry_failed import RetryFailed
from bot.ports import QueueState
from bot.queues.service import NEWEST_FAILED, QueueView
from bot.requests.invocation import Incoming, Invocation, button, command
from bot.requests.services import Services

USAGE = "/queue [SYSTEM] [QUEUE]"
MOST_BUTTONS = 20


@dataclass(frozen=True, slots=True)
class QueueRequest:
    """The words that name a system and one of its queues; none for all of them."""

    words: tuple[str, ...] = ()
    risk: Risk = Risk.READ

    @classmethod
    def parse(cls, incoming: Incoming) -> "QueueRequest":
        """`newsletter campaign-emails` → a request."""
        return cls(tuple(incoming.text.split()))


@command("/queue", usage=USAGE, description="What waits, runs and fails in a queue", parse=QueueRequest.parse)
async def queue(call: Invocation[QueueRequest], services: Services) -> Message:
    """Look at one queue, at all of a system, or at all of them."""
    return await _answer(call.request, services)


@button("queue.show", parse=QueueRequest.parse, in_place=True)
async def show(call: Invocation[QueueRequest], services: Services) -> Message:
    """Look again, in place."""
    return await _answer(call.request, services)


async def _answer(request: QueueRequest, services: Services) -> Message:
    if not request.words:
        found = await asyncio.gather(*(services.queues.looks(system) for system in services.systems.all()))
        return overview_message([views for views in found if views])
    system, name = services.systems.named_in(request.words)
    if not system.queues:
        raise UsageError(f"{system.name} has no queues; its configuration file names none.")
    views = await services.queues.looks(system, (system.queue(name),) if name else ())
    messages = [queue_message(view) for view in views]
    return Message(
        "; ".join(it.text for it in messages), tuple(part for it in messages for part in it.parts), messages[0].outcome
    )


def overview_message(systems: Sequence[Sequence[QueueView]]) -> Message:
    """Every queue of every system, one a line; the worst system first."""
    ordered = sorted(systems, key=lambda views: views[0].reading.status.rank)
    views = [view for each in ordered for view in each]
    if not views:
        return Message.plain("No system has queues; the configuration files name none.")
    worst = ordered[0][0].reading.status
    ill = sum(view.reading.status is not Status.HEALTHY for view in views)
    said = f"{ill} of {len(views)} need a look" if ill else f"{len(views)} healthy"
    text = f"{worst.sign} Queues: {said}"
    parts: list[Part] = [Paragraph(((Bold(text),),))]
    parts += [Paragraph(((Bold(it[0].system.title),), *(reading_line(view.reading) for view in it))) for it in ordered]
    buttons = [Button(view.queue.name, "queue.show", _value(view)) for view in views[:MOST_BUTTONS]]
    parts += [_read_at(views), Buttons((*buttons, Button("Refresh", "queue.show", "")))]
    return Message(text, tuple(parts), _outcome(worst))


_BARS = "▁▂▃▄▅▆▇█"


def trend(history: Sequence[tuple[int, float]], now: int, waiting: int) -> str:
    """`↑ 120/min, 40 → 1,240 in 10 min`: the way it goes now, for as long as it has gone that way; 10 min at most.

    From samples of the waiting count, oldest first; empty without one.
    """
    newest_first = [(at, value) for at, value in reversed(history) if now - 10 * MINUTE <= at < now]
    if not newest_first:
        return ""
    start, before = now, float(waiting)
    direction = 0.0
    for at, value in newest_first:
        step = before - value
        if direction and step * direction < 0:
            break
        direction = direction or step
        start, before = at, value
    if not direction:
        return f"→ steady at {waiting:,}"
    per_minute = abs(waiting - before) * MINUTE / (now - start)
    return f"{'↑' if direction > 0 else '↓'} {per_minute:,.0f}/min, {before:,.0f} → {waiting:,} in {span(now - start)}"


def chart(values: Sequence[float], width: int = 30) -> str:
    """The last values as bars, the highest one full; empty for fewer than three."""
    if len(values) < 3 or max(values) <= 0:
        return ""
    step = max(1, -(-len(values) // width))
    sampled = list(values)[::-1][::step][::-1]
    return "".join(_BARS[round(value / max(sampled) * (len(_BARS) - 1))] for value in sampled)


def queue_message(view: QueueView) -> Message:
    """One queue: what waits, what runs, what failed and why, and the buttons for what can be done."""
    reading = view.reading
    crossed = f" ({reading.threshold})" if reading.threshold else ""
    told = " · ".join(each for each in (f"{reading.value}{crossed}", reading.reason) if each)
    text = f"{reading.status.sign} {view.system.title} · {view.queue.name}: {told}"
    parts: list[Part] = [Paragraph(((Bold(text),),))]
    if view.state is not None:
        parts.append(Facts(_facts(view, view.state, crossed)))
        bars = chart([value for _, value in view.history])
        if bars:
            parts.append(Small((f"waiting, last hour {bars}",)))
        parts += _why_failed(view, view.state)
    parts += [_read_at([view]), _buttons(view)]
    return Message(text, tuple(parts), _outcome(reading.status))


def _why_failed(view: QueueView, state: QueueState) -> list[Part]:
    """The reasons of the newest failed jobs."""
    if not view.reasons:
        return []
    newest = f" of the newest {NEWEST_FAILED}" if (state.failed or 0) > NEWEST_FAILED else ""
    lines: list[Line] = [(f"{count:,} × {reason}",) for reason, count in view.reasons]
    return [Paragraph(((Bold(f"Why jobs failed{newest}"),), *lines))]


def _facts(view: QueueView, state: QueueState, crossed: str) -> tuple[tuple[str, Line], ...]:
    oldest = span(state.oldest_ms) if state.oldest_ms is not None else "nothing waits"
    going = trend(view.history, view.at, state.waiting) or "no earlier reading yet"
    facts = [("Waiting", f"{state.waiting:,}{crossed}"), ("Active", f"{state.active:,}")]
    optional = (
        ("Delayed", state.delayed),
        ("Failed", state.failed),
        ("Waiting for children", state.waiting_children),
        ("Expired", state.expired),
        ("Stuck", state.stuck),
    )
    facts += [(label, f"{count:,}") for label, count in optional if count is not None]
    facts += [("Oldest", oldest), ("Trend", going)]
    if state.workers is not None:
        facts.append(("Workers", f"{state.workers}"))
    if state.paused:
        facts.append(("Paused", "yes"))
    return tuple((label, (value,)) for label, value in facts)


def _buttons(view: QueueView) -> Buttons:
    value = _value(view)
    found = []
    if view.queue.retriable is not None and view.state is not None and view.state.failed:
        found.append(Button(RetryFailed.label, "queue.retry_failed", value))
    if view.queue.clearable is not None and view.state is not None:
        found.append(Button(ClearStuck.label, "queue.clear_stuck", value))
        if view.state.expired:
            ask = Confirm("Remove expired jobs?", "You will see the plan with the count and samples first.")
            found.append(Button(RemoveExpired.label, "queue.remove_expired", value, confirm=ask))
    return Buttons((*found, Button("Refresh", "queue.show", value)))


def _value(view: QueueView) -> str:
    return f"{view.system.name} {view.queue.name}"


def _read_at(views: Sequence[QueueView]) -> Small:
    return Small((Moment(max(view.at for view in views), "seconds"), " · only you see this"))


def _outcome(status: Status) -> Outcome:
    return "done" if status is Status.HEALTHY else "unhealthy"


LISTENERS = (queue, show)
