"""The heartbeat: one request a minute after a whole cycle, so that a watch outside notices when the bot is dead."""

from collections.abc import Awaitable, Callable

from bot.domain.timing import MINUTE
from bot.ports import Clock

Beat = Callable[[], Awaitable[None]]
"""Fetches the address once; raises a `TargetError` where that fails."""


class Heartbeat:
    """Beats by the machine's clock: a demo's clock that is moved must not look like life."""

    name = "heartbeat"

    def __init__(self, clock: Clock, beat: Beat, whole_cycle_at: Callable[[], int | None]) -> None:
        self._clock = clock
        self._beat = beat
        self._whole_cycle_at = whole_cycle_at
        self._beaten_at: int | None = None

    async def run(self, now: int) -> bool:  # noqa: ARG002 - the engine's time is people's time, see above
        """Beat if a minute has passed and every duty has ended a cycle within it."""
        wall, whole = self._clock.wall(), self._whole_cycle_at()
        if whole is None or wall - whole > MINUTE:
            return False
        if self._beaten_at is None or wall - self._beaten_at >= MINUTE:
            self._beaten_at = wall
            await self._beat()
        return False

    async def next_due(self) -> int | None:
        """The engine's cycle of a second is precise enough."""
        return None
