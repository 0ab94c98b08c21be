"""The health poller: reads every system once a minute, and says once when something cannot be read at all."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from bot.domain.message import Bold, Line, Message, Moment, Paragraph
from bot.domain.reading import Reading, Status
from bot.domain.timing import MINUTE, SECOND
from bot.health.service import Health
from bot.outbox import service as outbox
from bot.ports import Clock
from bot.store import Ledger, Tx
from bot.systems import System, Systems

EVERY = MINUTE
FIRST_AFTER = 2 * SECOND
"""When the first round starts: once the bot is ready, which a round of every client's first call would delay."""

BLIND_AFTER = 10 * MINUTE


class HealthPoller:
    """So that `since` and trends are known before a person asks, and blindness is not mistaken for health."""

    name = "health"

    def __init__(
        self,
        health: Health,
        systems: Systems,
        ledger: Ledger,
        clock: Clock,
        *,
        channel: str,
        follow: Callable[[str, Sequence[Reading]], Awaitable[None]] | None = None,
    ) -> None:
        self._health = health
        self._systems = systems
        self._ledger = ledger
        self._clock = clock
        self._channel = channel
        self._follow = follow
        self._due: int | None = None
        self._running: asyncio.Task[None] | None = None

    async def run(self, now: int) -> bool:
        """Start a round in the background where one is due; a slow target never holds the cycle up."""
        if self._due is None:
            self._due = now + FIRST_AFTER
        if now >= self._due and (self._running is None or self._running.done()):
            self._due = now + EVERY
            done, self._running = self._running, asyncio.create_task(self.round())
            if done is not None:
                done.result()
        return False

    async def next_due(self) -> int | None:
        """A round that is late hurts nobody; the engine's cycle of a second is often enough."""
        return None

    async def close(self) -> None:
        """Stop a round that is under way."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def round(self) -> None:
        """Read every system, and tell what has been unknown for too long."""
        systems = self._systems.all()
        found = await asyncio.gather(*(self._health.readings(system.name) for system in systems))
        for system, readings in zip(systems, found, strict=True):
            await self._tell(system, readings)
            if self._follow is not None:
                await self._follow(system.name, readings)

    async def _tell(self, system: System, readings: Sequence[Reading]) -> None:
        now = self._clock.now()
        blind = {
            f"unknown:{system.name}:{reading.check}:{reading.since}": reading
            for reading in readings
            if reading.status is Status.UNKNOWN and reading.since is not None and now - reading.since >= BLIND_AFTER
        }
        if not blind:
            return

        def work(tx: Tx) -> None:
            for key, reading in blind.items():
                if not outbox.is_queued(tx, key):
                    outbox.post(tx, key=key, channel=self._channel, message=_blindness(system, reading), now=now)

        await self._ledger.write(work)


def _blindness(system: System, reading: Reading) -> Message:
    reason = reading.reason or reading.value
    since: Line = (" since ", Moment(reading.since, now=reading.at)) if reading.since is not None else ()
    first: Line = (f"{Status.UNKNOWN.sign} ", Bold(f"{system.title}: {reading.title}"), " cannot be read", *since)
    text = f"{Status.UNKNOWN.sign} {system.title}: {reading.title} cannot be read: {reason}"
    second = "This is our own trouble, so its health is not known until it is mended. I say this once."
    return Message(text, (Paragraph((first, (reason,), (second,))),))
