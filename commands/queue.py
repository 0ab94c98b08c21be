"""`/queue`: what waits, runs and fails in a queue, which way it goes, and the buttons for what can be done."""

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
    Paragraph,
    Part,
    Small,
)
from bot.domain.policy import Risk
from bot.domain.reading import Status
from bot.domain.timing import MINUTE, span
from bot.services.container import Services
from bot.services.invocation import Incoming, Invocation, button, command
from bot.services.queues import QueueView

USAGE = "/queue SYSTEM [QUEUE]"


@dataclass(frozen=True, slots=True)
class QueueRequest:
    """Which system, and which of its queues; empty for all of them."""

    system: str
    queue: str = ""
    risk: Risk = Risk.READ

    @classmethod
    def parse(cls, incoming: Incoming) -> "QueueRequest":
        """`newsletter campaign-emails` → a request."""
        words = incoming.text.split()
        if not words:
            raise UsageError(f"Name a system. Usage: {USAGE}")
        if len(words) > 2:
            raise UsageError(f"/queue takes a system and a queue, not {len(words)} words. Usage: {USAGE}")
        return cls(words[0].lower(), " ".join(words[1:]).lower())


@command("/queue", usage=USAGE, description="What waits, runs and fails in a queue", parse=QueueRequest.parse)
async def queue(call: Invocation[QueueRequest], services: Services) -> Message:
    """Look at one queue, or at all of a system."""
    return await _answer(call.request, services)


@button("queue.show", parse=QueueRequest.parse, in_place=True)
async def show(call: Invocation[QueueRequest], services: Services) -> Message:
    """Look again, in place."""
    return await _answer(call.request, services)


async def _answer(request: QueueRequest, services: Services) -> Message:
    system = services.systems[request.system]
    if not system.queues:
        raise UsageError(f"{system.name} has no queues; its configuration file names none.")
    names = [request.queue] if request.queue else list(system.queues)
    messages = [queue_message(await services.queues.look(system.name, name)) for name in names]
    if len(messages) == 1:
        return messages[0]
    return Message("; ".join(it.text for it in messages), tuple(part for it in messages for part in it.parts))


_BARS = "▁▂▃▄▅▆▇█"


def trend(history: Sequence[tuple[int, float]], now: int, waiting: int) -> str:
    """`↑ 12/min, 40 → 1,240 in 10 min` from samples of the waiting count; empty without an older sample."""
    older = [(at, value) for at, value in history if at <= now - MINUTE]
    if not older:
        return ""
    at, before = next(((a, v) for a, v in older if a >= now - 10 * MINUTE), older[-1])
    if before == waiting:
        return f"→ steady at {waiting:,}"
    per_minute = (waiting - before) / max(1.0, (now - at) / MINUTE)
    arrow = "↑" if per_minute > 0 else "↓"
    return f"{arrow} {abs(per_minute):,.0f}/min, {before:,.0f} → {waiting:,} in {span(now - at)}"


def chart(values: Sequence[float], width: int = 30) -> str:
    """The last values as bars, the highest one full; empty for fewer than three."""
    if len(values) < 3 or max(values) <= 0:
        return ""
    step = max(1, -(-len(values) // width))
    sampled = list(values)[::-1][::step][::-1]
    return "".join(_BARS[round(value / max(sampled) * (len(_BARS) - 1))] for value in sampled)


def queue_message(view: QueueView) -> Message:
    """One queue: what waits, what runs, what failed, and the buttons for what can be done."""
    state, queue = view.state, view.queue
    status, limit = queue.thresholds.judge(state.waiting)
    warnings = state.warnings
    if status is Status.HEALTHY and warnings:
        status = Status.WARNING
    crossed = f" ({status} {limit})" if limit else ""
    text = f"{status.sign} {view.system.title} · {queue.name}: {state.waiting:,} waiting{crossed}"
    parts: list[Part] = [Paragraph(((Bold(text),),)), Facts(_facts(view, crossed))]
    bars = chart([value for _, value in view.history])
    if bars:
        parts.append(Small((f"waiting, last hour {bars}",)))
    if warnings:
        parts.append(Paragraph(tuple((f"🟡 {warning}",) for warning in warnings)))
    parts += [Small((Moment(view.at, "seconds"), " · only you see this")), _buttons(view)]
    return Message(text, tuple(parts))


def _facts(view: QueueView, crossed: str) -> tuple[tuple[str, Line], ...]:
    state = view.state
    oldest = span(state.oldest_ms) if state.oldest_ms is not None else "nothing waits"
    going = trend(view.history, view.at, state.waiting) or "no earlier reading yet"
    facts = [("Waiting", f"{state.waiting:,}{crossed}"), ("Active", f"{state.active:,}")]
    optional = (
        ("Delayed", state.delayed),
        ("Failed", state.failed),
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
    value = f"{view.system.name} {view.queue.name}"
    found = []
    if view.queue.retriable is not None:
        found.append(Button("Retry failed…", "queue.retry_failed", value))
    if view.queue.clearable is not None:
        found.append(Button("Clear stuck…", "queue.clear_stuck", value))
        if view.state.expired:
            ask = Confirm("Remove expired jobs?", "You will see the plan with the count and samples first.")
            found.append(Button("Remove expired…", "queue.remove_expired", value, confirm=ask))
    return Buttons((*found, Button("Refresh", "queue.show", value)))


LISTENERS = (queue, show)
