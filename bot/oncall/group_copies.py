"""The group copies duty: reads every ten minutes who holds which role, so that a copy is there when Slack is silent.

A copy serves for an hour; at night nobody else would have read one within it.
"""

from bot.domain.timing import MINUTE
from bot.oncall.directory import Directory
from bot.ports import Clock

EVERY = 10 * MINUTE


class GroupCopies:
    """Goes by the machine's clock: a demo's clock that is moved on must not make copies look fresh."""

    name = "group copies"

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._read_at: int | None = None

    async def run(self, now: int) -> bool:  # noqa: ARG002 - the engine's time is people's time, see above
        """Read every group once, if ten minutes have passed."""
        wall = self._clock.wall()
        if self._read_at is None or wall - self._read_at >= EVERY:
            self._read_at = wall
            await self._directory.read_groups()
        return False

    async def next_due(self) -> int | None:
        """Nobody waits for it; the engine's regular cycle is often enough."""
        return None
