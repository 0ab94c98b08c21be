"""The engine: every second, or earlier when something changed or falls due, each duty looks for its work."""

import asyncio
import contextlib

import structlog

from bot.engine.duty import Duty, Sender
from bot.ports import Clock
from bot.store import Ledger

_log = structlog.get_logger(__name__)

_CYCLE = 1.0
_PATIENCE = 0.1
"""How long a cycle waits for its duties: one that works on (channels, evidence) holds up no page of another."""

_SPACING = 0.1
_SETTLE_ROUNDS = 50
_SETTLE_PATIENCE = 30.0
_STOP_PATIENCE = 8.0
_REPEAT_LOG_AFTER = 60
# Written for every request or message; none of them makes a duty's work due.
_QUIET = frozenset(
    {
        *("keep_inbox", "give_up_inbox", "renew_inbox", "claim_inbox", "forget_inbox"),
        *("put_message", "hold_lane", "free_lane", "start_sending", "message_unconfirmed", "message_withdrawn"),
        *("message_delivered", "message_delayed", "message_doubtful", "message_failed", "message_rerouted"),
        *("forget_messages", "try_ledger"),
    }
)


class Engine:
    """Runs duties and the outbox sender until it is stopped. One failing or slow duty never holds the others."""

    def __init__(self, ledger: Ledger, clock: Clock, sender: Sender) -> None:
        self._ledger = ledger
        self._clock = clock
        self._duties: tuple[Duty, ...] = ()
        self._sender = sender
        self._running: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, int] = {}
        self._woken = asyncio.Event()
        self._stopping = False
        self._changes = 0
        self.cycles = 0
        self.last_cycle_at: int | None = None
        self._ended: dict[str, int] = {}
        ledger.watch(self._committed)

    @property
    def failing(self) -> dict[str, int]:
        """How often in a row each failing duty has failed."""
        return {name: count for name, count in self._failures.items() if count}

    @property
    def last_whole_cycle_at(self) -> int | None:
        """Since when every duty has got something done, by the machine's time; None while one fails or never has.

        One that works on and on counts with each piece: an outage that keeps a duty busy is no dead bot.
        """
        if self.failing or len(self._ended) < len(self._duties):
            return None
        return min(self._ended.values(), default=self.last_cycle_at)

    def add(self, *duties: Duty) -> None:
        """Run these too, from the next cycle on."""
        self._duties += duties

    async def run(self) -> None:
        """Cycle until `stop` is called."""
        sending = asyncio.create_task(self._sender.run(), name="sender")
        try:
            while not self._stopping:
                self._woken.clear()
                await self.cycle(patience=_PATIENCE)
                await self._wait()
        finally:
            await self._sender.stop()
            await sending
            await self._end_duties()

    async def stop(self) -> None:
        """Let the current cycle, the duties under way and the messages in mid-send end; `run` then returns."""
        self._stopping = True
        self._woken.set()

    async def cycle(self, *, patience: float) -> None:
        """Start every duty that is not still at work; wait for them, but not longer than `patience` seconds."""
        for duty in self._duties:
            if duty.name not in self._running:
                task = asyncio.create_task(self._perform(duty), name=f"duty {duty.name}")
                self._running[duty.name] = task
        if self._running:
            await asyncio.wait(self._running.values(), timeout=patience)
        self.cycles += 1
        self.last_cycle_at = self._clock.wall()

    async def settle(self) -> None:
        """Cycle and send until nothing that is due is left: the local workspace moves its clock by this."""
        for earlier_rounds in range(_SETTLE_ROUNDS):
            before = self._changes
            await self.cycle(patience=_SETTLE_PATIENCE)
            await self._sender.settle()
            # The first round may have met a duty that had read the clock before it was moved.
            if earlier_rounds and before == self._changes:
                return

    async def _perform(self, duty: Duty) -> None:
        try:
            more = True
            while more and not self._stopping:
                more = await duty.run(self._clock.now())
                self._ended[duty.name] = self._clock.wall()
        except Exception as error:  # noqa: BLE001 - the edge: a failing duty must not stop the others
            self._note_failure(duty.name, error)
        else:
            if self._failures.pop(duty.name, 0):
                _log.info("duty works again", duty=duty.name)
        finally:
            del self._running[duty.name]

    def _note_failure(self, name: str, error: Exception) -> None:
        count = self._failures.get(name, 0)
        self._failures[name] = count + 1
        if count % _REPEAT_LOG_AFTER == 0:
            _log.error("duty failed", duty=name, times=count + 1, error=str(error), exc_info=error)

    async def _wait(self) -> None:
        """Until the next second, the next due time or a change, whichever is first."""
        pause = _CYCLE
        for duty in self._duties:
            # A failing duty is tried once a second, however long its work has been due.
            if duty.name in self._failures or duty.name in self._running:
                continue
            try:
                due = await duty.next_due()
            except Exception as error:  # noqa: BLE001 - the edge, as above
                self._note_failure(duty.name, error)
                continue
            if due is not None:
                pause = min(pause, (due - self._clock.now()) / 1000)
        if not self._stopping:
            await asyncio.sleep(_SPACING)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, pause - _SPACING)):
                await self._woken.wait()

    def _committed(self, statements: frozenset[str]) -> None:
        self._changes += 1
        if statements - _QUIET:
            self._woken.set()

    async def _end_duties(self) -> None:
        if self._running:
            _, late = await asyncio.wait(self._running.values(), timeout=_STOP_PATIENCE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
