"""Queues: their state now, and which way they are going."""

from dataclasses import dataclass

from bot.ports import Clock, QueueState
from bot.services.systems import System, Systems, WatchedQueue
from bot.store import Ledger, Row

TREND_WINDOW = 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class QueueView:
    """One queue at one moment, with the waiting counts of the last hour, oldest first: (epoch ms, waiting)."""

    system: System
    queue: WatchedQueue
    state: QueueState
    history: tuple[tuple[int, float], ...]
    at: int


class Queues:
    """The queues of all systems."""

    def __init__(self, ledger: Ledger, clock: Clock, systems: Systems) -> None:
        self._ledger = ledger
        self._clock = clock
        self._systems = systems

    async def look(self, system: str, queue: str) -> QueueView:
        """One queue now. Raises `NotFound` for an unknown name, `TargetError` where the queue cannot be read."""
        target = self._systems[system]
        watched = target.queue(queue)
        now = self._clock.now()
        state = await watched.source.state(now)

        rows: list[Row] = await self._ledger.read(
            lambda tx: tx.all("recent_samples", system=system, check_name=queue, since=now - TREND_WINDOW)
        )
        history = tuple((int(row["at"]), float(row["value"])) for row in rows)
        return QueueView(target, watched, state, history, now)
