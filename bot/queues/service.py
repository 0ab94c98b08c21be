"""Queues: their state now, what is not well in them, and which way they are going."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from bot.domain.errors import BotError
from bot.domain.reading import Reading, Status, blame
from bot.domain.timing import HOUR, span
from bot.ports import Clock, QueueState
from bot.store import Ledger, Tx
from bot.systems import QueueLimits, System, Systems, WatchedQueue

_log = structlog.get_logger(__name__)

History = tuple[tuple[int, float], ...]

TREND_WINDOW = HOUR
NEWEST_FAILED = 100
"""How many failed jobs are asked why they failed."""


@dataclass(frozen=True, slots=True)
class QueueView:
    """One queue at one moment, with the waiting counts of the last hour, oldest first: (epoch ms, waiting).

    `state` is None where it could not be read; `reasons`: why the newest failed jobs failed, the commonest first.
    """

    system: System
    queue: WatchedQueue
    reading: Reading
    state: QueueState | None = None
    reasons: tuple[tuple[str, int], ...] = ()
    history: History = ()

    @property
    def at(self) -> int:
        """When it was read."""
        return self.reading.at or 0


@dataclass(frozen=True, slots=True)
class _Finding:
    """One thing that is not well, for people: `1,500 failed (critical > 1,000)`."""

    status: Status
    text: str


def judged_queue(queue: WatchedQueue, state: QueueState) -> Reading:
    """The reading of a queue: what waits, and beside it what is not well, the worst first."""
    status, limit = queue.limits.waiting.judge(state.waiting)
    found = sorted(_findings(queue.limits, state), key=lambda finding: finding.status.rank)
    return Reading(
        queue.name,
        queue.name,
        min((status, *(finding.status for finding in found)), key=lambda each: each.rank),
        value=f"{state.waiting:,} waiting",
        number=state.waiting,
        threshold=f"{status} {limit}" if limit else "",
        reason=", ".join(finding.text for finding in found),
    )


def _findings(limits: QueueLimits, state: QueueState) -> list[_Finding]:
    found = []
    for value, text, thresholds in (
        (state.failed, f"{state.failed or 0:,} failed", limits.failed),
        (state.stuck, f"{state.stuck or 0:,} stuck", limits.stuck),
        (state.oldest_ms, f"oldest {span(state.oldest_ms or 0)}", limits.oldest),
    ):
        status, limit = thresholds.judge(value or 0)
        if limit is not None:
            found.append(_Finding(status, f"{text} ({status} {limit})"))
    if state.workers == 0:
        found.append(_Finding(Status.CRITICAL, "0 workers: nothing works on this queue"))
    if state.paused:
        found.append(_Finding(limits.paused, "paused"))
    if state.unreadable:
        found.append(_Finding(Status.UNKNOWN, state.unreadable))
    return found


class Queues:
    """The queues of all systems."""

    def __init__(self, ledger: Ledger, clock: Clock, systems: Systems) -> None:
        self._ledger = ledger
        self._clock = clock
        self._systems = systems

    async def looks(self, system: System, queues: Sequence[WatchedQueue] = ()) -> list[QueueView]:
        """These queues of a system now, or all of them, the worst first."""
        chosen = queues or tuple(system.queues.values())
        views = await asyncio.gather(*(self._look(system, queue) for queue in chosen))
        return sorted(views, key=lambda view: view.reading.status.rank)

    async def _look(self, system: System, queue: WatchedQueue) -> QueueView:
        """One queue now; what cannot be read is told in its reading."""
        now = self._clock.now()
        try:
            state = await queue.source.state(now)
            reasons = await _reasons(queue) if state.failed else ()
        except BotError as error:
            unread = Reading(queue.name, queue.name, blame(error), reason=str(error), at=now)
            return QueueView(system, queue, unread)
        except Exception as error:  # noqa: BLE001 - as for the checks: a defect costs one queue, not all of them
            _log.exception("queue not read", queue=queue.name)
            reason = f"our own error: {type(error).__name__}"
            return QueueView(system, queue, Reading(queue.name, queue.name, Status.UNKNOWN, reason=reason, at=now))

        history = await self._sampled(system, queue, now, state.waiting)
        return QueueView(system, queue, replace(judged_queue(queue, state), at=now), state, reasons, history)

    async def _sampled(self, system: System, queue: WatchedQueue, now: int, waiting: int) -> History:
        """The last hour with this reading, so that who looks again sees which way it went between the two looks.

        A ledger that cannot be written costs the trend, not the reading.
        """
        place = {"system": system.name, "check_name": queue.name}

        def sample(tx: Tx) -> History:
            tx.run("add_sample", **place, at=now, value=waiting)
            rows = tx.all("recent_samples", **place, since=now - TREND_WINDOW)
            return tuple((int(row["at"]), float(row["value"])) for row in rows)

        try:
            return await self._ledger.write(sample)
        except BotError:
            return ()


async def _reasons(queue: WatchedQueue) -> tuple[tuple[str, int], ...]:
    if queue.retriable is None:
        return ()
    failed = await queue.retriable.failed(NEWEST_FAILED)
    return tuple(Counter(job.reason or "no reason was kept" for job in failed).most_common(3))
