"""The lease of an operation that runs here: renewed while it runs, and the end of a step that goes on without it.

Two clocks are watched. A deadline of the event loop ends a step whose process stood still, before anything of the step
goes on: it is looked at in every turn of the loop. `check` compares the machine's time, which also counts a suspension.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from bot.domain.errors import OutcomeUnknown, Unavailable
from bot.domain.timing import SECOND, span
from bot.ports import Clock
from bot.store import Ledger

LEASE = 5 * SECOND
_RENEW_EVERY = LEASE / 3 / SECOND
_BEAT_EVERY = LEASE / 5 / SECOND
_STANDSTILL = LEASE * 3 / 5 / SECOND
"""A renewal is less than two fifths of a lease old, so a process that stood still for less still holds it."""

T = TypeVar("T")


class Lost(Exception):
    """The lease is not ours any more, or was not renewed in time: another replica may say what came of it."""


class Lease:
    """One process's right to act on one operation."""

    def __init__(self, ledger: Ledger, clock: Clock, owner: str, number: int) -> None:
        self.owner = owner
        self.number = number
        self._ledger = ledger
        self._clock = clock
        self._until = 0
        self._deadline = 0.0
        self._scope: asyncio.Timeout | None = None
        self._acting = False

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Renew it in the background."""
        tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self._beat())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()

    @contextlib.asynccontextmanager
    async def needed(self) -> AsyncIterator[None]:
        """What stands in here ends with `Lost` as soon as the lease is not ours and fresh."""
        await self.renew()
        try:
            async with asyncio.timeout_at(self._deadline) as scope:
                self._scope = scope
                yield
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise Lost from error
        finally:
            self._scope = None

    async def renew(self) -> None:
        """Raise `Lost` where it is not ours any more."""
        since = self.moment()
        held = await self._ledger.write(
            lambda tx: tx.run("extend_operation_lease", number=self.number, owner=self.owner, lease_until=since[0])
        )
        if not held:
            raise Lost
        self.renewed(since)

    def moment(self) -> tuple[int, float]:
        """Until when a renewal of this moment counts: by the machine's time, and by the event loop's."""
        return self._clock.wall() + LEASE, asyncio.get_running_loop().time() + LEASE / SECOND

    def renewed(self, until: tuple[int, float]) -> None:
        """The ledger holds a renewal until then."""
        self._until = max(self._until, until[0])
        self._deadline = max(self._deadline, until[1])
        if not self._acting:
            self._reschedule(self._deadline)

    async def act(self, change: Callable[[], Awaitable[T]], *, began: int, patience: int) -> T:
        """Make the change, if the lease is still fresh by both clocks; `began`: the machine's time of its intent.

        From here on a ledger that does not answer ends nothing any more, but a standstill and a lost lease do.
        """
        left = (began + patience // 2 - self._clock.wall()) / SECOND
        if self._clock.wall() >= self._until or left <= 0:
            raise Lost
        self._acting = True
        self._alive()
        try:
            async with asyncio.timeout(left) as limit:
                return await change()
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise OutcomeUnknown(f"no answer within {span(patience // 2)}; it may have happened") from error
        finally:
            self._acting = False

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_EVERY)
            # A ledger that is busy for a moment must not end the renewals.
            with contextlib.suppress(Unavailable):
                try:
                    await self.renew()
                except Lost:
                    self._reschedule(0.0)
                    return

    async def _beat(self) -> None:
        """Show while a change is under way that this process does not stand still."""
        while True:
            await asyncio.sleep(_BEAT_EVERY)
            if self._acting:
                self._alive()

    def _alive(self) -> None:
        self._reschedule(asyncio.get_running_loop().time() + _STANDSTILL)

    def _reschedule(self, when: float) -> None:
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(when)
