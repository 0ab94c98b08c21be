"""The outbox sender: one task per queue that has something to send, several channels at once."""

import asyncio
import contextlib
import functools

import structlog

from bot.domain.errors import Unavailable
from bot.outbox import channel_queues, routes
from bot.outbox.message import FRESH, ChannelQueue, Delayed, OutboxMessage, Outcome, Sending
from bot.outbox.routes import Route, Routes
from bot.ports import Clock
from bot.store import Ledger

_log = structlog.get_logger(__name__)

_POLL = 1.0
_LEDGER_PAUSE = 0.5
_SETTLE_PATIENCE = 5.0
_STOP_PATIENCE = 6.0


class Sender:
    """Sends what the outbox holds: after every commit that puts a message there, and once a second."""

    def __init__(self, ledger: Ledger, clock: Clock, routes: Routes, *, owner: str) -> None:
        self._ledger = ledger
        self._clock = clock
        self._routes = routes
        self._owner = owner
        self._tasks: dict[ChannelQueue, asyncio.Task[None]] = {}
        self._paused: dict[tuple[str, str, bool], int] = {}
        self._woken = asyncio.Event()
        self._quiet = asyncio.Event()
        self._looking = False
        self._running = False
        self._stopping = False
        self._ledger_silent = False
        ledger.watch(self._committed)

    async def run(self) -> None:
        """Send until `stop` is called."""
        self._running = True
        while not self._stopping:
            self._woken.clear()
            pause = _POLL
            try:
                pause = await self._start_queues()
            except Unavailable as error:
                self._note_silence(error)
            except Exception as error:  # noqa: BLE001 - the edge: the sender outlives any defect in one look
                _log.error("outbox cannot be read", error=str(error), exc_info=error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()

    async def stop(self) -> None:
        """Let the messages in mid-send end and record them; nothing new is started."""
        self._stopping = True
        self._woken.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=_STOP_PATIENCE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def settle(self) -> None:
        """Wait until all that may go now has gone, five seconds at most: a channel may be slow or limited."""
        if self._stopping or not self._running:
            return
        self._look_now()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_PATIENCE):
                await self._quiet.wait()

    def _committed(self, statements: frozenset[str]) -> None:
        if "put_message" in statements:
            self._look_now()

    def _look_now(self) -> None:
        self._quiet.clear()
        self._woken.set()

    async def _start_queues(self) -> float:
        """Start a task for every queue with something due; seconds until the next look."""
        self._looking = True
        try:
            due, upcoming = await self._ledger.read(lambda tx: channel_queues.due_queues(tx, self._clock.now()))
        finally:
            self._looking = False
        self._ledger_silent = False
        wall = self._clock.wall()
        self._paused = {limit: until for limit, until in self._paused.items() if until > wall}
        for queue in due:
            if queue not in self._tasks and queue.limit not in self._paused and not self._stopping:
                task = asyncio.create_task(self._work(queue), name=f"send {queue.lease} to {queue.channel}")
                self._tasks[queue] = task
        self._note_quiet()
        waits = [until - wall for until in self._paused.values()]
        if upcoming is not None:
            waits.append(upcoming - self._clock.now())
        return max(0.01, min([_POLL, *(wait / 1000 for wait in waits)]))

    async def _work(self, queue: ChannelQueue) -> None:
        """Send what the queue holds, one after another; a commit each, which ends one message and marks the next."""
        route = self._routes.named(queue.route)
        done: tuple[OutboxMessage, Outcome] | None = None
        sent = False
        try:
            while True:
                failure = None if queue.edits else await routes.prepare(route, queue.channel)
                marked = self._sending()
                message = await self._advance(queue, route, marked, done)
                if message is None:
                    break
                if failure is not None:
                    failed = routes.outcome_of(route, message, failure)
                    self._slow_down(queue, failed)
                    await self._advance(queue, route, marked, (message, failed), last=True)
                    sent = True
                    break
                if self._clock.wall() - marked.wall > FRESH and message.doubtful_since is None:
                    done = message, Delayed("the process stood still", pause=0)
                else:
                    done = message, await routes.send(route, message)
                self._slow_down(queue, done[1])
                sent = True
        except Unavailable as error:
            self._note_silence(error)
        except Exception as error:  # noqa: BLE001 - the edge: a defect in one queue must not stop the others
            _log.error(
                "queue failed",
                route=queue.route,
                channel=queue.channel,
                lane=queue.lane,
                error=str(error),
                exc_info=error,
            )
        finally:
            del self._tasks[queue]
            if sent:
                self._woken.set()  # What came in meanwhile, and what waited for this queue's pages.
            self._note_quiet()

    async def _advance(
        self,
        queue: ChannelQueue,
        route: Route,
        marked: Sending,
        done: tuple[OutboxMessage, Outcome] | None,
        *,
        last: bool = False,
    ) -> OutboxMessage | None:
        """The next message, unless `last`. What was sent is written down however long the ledger is silent."""
        while True:
            more = not self._stopping and not last and queue.limit not in self._paused
            try:
                step = functools.partial(
                    channel_queues.advance,
                    queue=queue,
                    sending=marked,
                    done=done,
                    more=more,
                    idempotent=route.idempotent,
                )
                return await self._ledger.write(step)
            except Unavailable as error:
                if done is None or self._stopping:
                    raise
                self._note_silence(error)
            await asyncio.sleep(_LEDGER_PAUSE)
            marked = self._sending()

    def _slow_down(self, queue: ChannelQueue, outcome: Outcome) -> None:
        """When a route asks to wait, both lanes of the channel do, for posts or for edits; pages then go first."""
        if isinstance(outcome, Delayed) and outcome.pause is not None:
            self._paused[queue.limit] = self._clock.wall() + outcome.pause

    def _sending(self) -> Sending:
        return Sending(self._owner, self._clock.now(), self._clock.wall())

    def _note_quiet(self) -> None:
        """Tell `settle` that nothing is left; not while a look is under way, which may find something."""
        if not (self._tasks or self._looking or self._woken.is_set()):
            self._quiet.set()

    def _note_silence(self, error: Unavailable) -> None:
        if not self._ledger_silent:
            _log.warning("ledger is silent, sending waits", error=str(error))
        self._ledger_silent = True
