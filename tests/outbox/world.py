"""A sender over the fakes, and words for what the tests put into its outbox."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.domain.message import Message
from bot.outbox import pagerduty
from bot.outbox import service as outbox
from bot.outbox.message import Lane
from bot.outbox.pagerduty import PagerDutyRoute
from bot.outbox.routes import Route, Routes
from bot.outbox.sender import Sender
from bot.outbox.slack import SlackRoute
from bot.ports import Page
from bot.store import Ledger
from tests.fakes.chat import FakeChat
from tests.fakes.clock import FakeClock
from tests.fakes.pager import FakePager


@dataclass(slots=True)
class Post:
    """One replica's sender, the ledger it works on, and what people see."""

    ledger: Ledger
    clock: FakeClock
    chat: FakeChat = field(default_factory=FakeChat)
    pager: FakePager = field(default_factory=FakePager)
    owner: str = "replica-1"
    further: tuple[Route, ...] = ()
    sender: Sender = field(init=False)
    _task: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.chat.clock = self.clock.now
        slack = SlackRoute(self.chat, self.chat, self.clock)
        routes = Routes(slack, PagerDutyRoute(self.pager), *self.further)
        self.sender = Sender(self.ledger, self.clock, routes, owner=self.owner)

    async def start(self) -> None:
        """Start sending."""
        self._task = asyncio.create_task(self.sender.run())
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """Stop gracefully."""
        await self.sender.stop()
        if self._task is not None:
            await self._task

    async def die(self) -> None:
        """End as if killed: nothing more is written."""
        assert self._task is not None
        doomed = [self._task, *self.sender._tasks.values()]
        for task in doomed:
            task.cancel()
        await asyncio.gather(*doomed, return_exceptions=True)

    async def put(
        self,
        key: str,
        text: str,
        *,
        channel: str = "C0ALERTS",
        lane: Lane = "rest",
        thread: str | None = None,
        guard: tuple[str, int] | None = None,
        fallback: str | None = None,
    ) -> None:
        """Write one message into the outbox."""
        now = self.clock.now()
        message = Message.plain(text)
        await self.ledger.write(
            lambda tx: outbox.post(
                tx,
                key=key,
                channel=channel,
                message=message,
                now=now,
                lane=lane,
                thread=thread,
                guard=guard,
                fallback=fallback,
            )
        )

    async def page(self, event: str, incident: str = "INC-1") -> None:
        """Write one event for the pager into the outbox."""
        now = self.clock.now()
        page = Page(event, incident, "mail stopped")
        await self.ledger.write(lambda tx: pagerduty.put(tx, key=f"{incident}:{event}", page=page, now=now))

    async def passes(self, milliseconds: int) -> None:
        """Let time pass, second by second, and let what falls due go out."""
        while milliseconds > 0:
            self.clock.advance(min(1_000, milliseconds))
            milliseconds -= 1_000
            await self.sender.settle()

    async def state(self, key: str) -> str:
        """A message's state in the outbox."""
        row = await self.ledger.read(lambda tx: tx.one("read_message", key=key))
        assert row is not None
        return str(row["state"])

    async def waiting(self) -> int:
        """How many messages have not left."""
        return sum(row["waiting"] for row in await self.ledger.read(lambda tx: tx.all("outbox_backlog")))

    async def audited(self) -> list[str]:
        """The kinds of what the audit tells, oldest first."""
        rows = await self.ledger.read(lambda tx: tx.all("read_audit", after="", n=1000))
        return [row["kind"] for row in rows]


async def poll(condition: Callable[[], bool]) -> None:
    """Wait until something that another task does has happened."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - another task's effect; nothing announces it
            await asyncio.sleep(0.005)
