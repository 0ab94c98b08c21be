"""The Slack route: posts, edits and threads. A post that may have arrived is looked up before it is repeated."""

import asyncio
import dataclasses

import structlog

from bot.domain import message_json
from bot.domain.errors import OutcomeUnknown, Rejected, TargetError, Unreachable
from bot.domain.message import Message, Small
from bot.outbox.message import (
    LOOK_UP_AFTER,
    LOOK_UP_PAUSE,
    PAGE_WAITS,
    Delivered,
    Doubtful,
    NotThere,
    OutboxMessage,
    Outcome,
)
from bot.outbox.routes import Route
from bot.ports import Chat, Clock, DirectChannels, Posted, RateLimited

_log = structlog.get_logger(__name__)

_LOOK_BACK = 60_000
"""How far before its writing a message is looked for, ms: Slack stamps by a clock of its own."""

REPEAT_MARK = "(may be a repeat)"


class SlackRoute(Route):
    """A channel is an id of Slack's, or `@U…` for the direct messages with that user."""

    name = "slack"
    idempotent = False

    def __init__(self, chat: Chat, rooms: DirectChannels, clock: Clock) -> None:
        self._chat = chat
        self._rooms = rooms
        self._clock = clock
        self._direct: dict[str, str] = {}

    async def prepare(self, channel: str) -> None:
        """Look up the channel of direct messages.

        Looked up in `send`, a page could start seconds after somebody has acknowledged it.
        """
        if not channel.startswith("@") or channel in self._direct:
            return
        try:
            self._direct[channel] = await self._rooms.direct_channel(channel.removeprefix("@"))
        except OutcomeUnknown as error:
            # Opening it twice is harmless: nothing was said yet.
            raise Unreachable(str(error)) from error

    async def send(self, message: OutboxMessage) -> Outcome:
        content = message_json.load(message.body)
        if message.posted is not None:
            await self._chat.update(message.posted, content, key=message.key)
            return Delivered(message.posted, message.revision)
        channel = self._direct.get(message.queue.channel, message.queue.channel)
        thread = message.root.ts if message.root and message.root.channel == channel else None
        if message.doubtful_since is not None and not message.repeat:
            return await self._look_up(message, message.doubtful_since, channel, thread)
        if message.repeat:
            marked = (*content.parts, Small((REPEAT_MARK,)))
            content = dataclasses.replace(content, text=f"{content.text} {REPEAT_MARK}", parts=marked)
        return Delivered(await self._post(message.key, channel, content, thread), message.revision)

    async def _post(self, key: str, channel: str, content: Message, thread: str | None) -> Posted:
        try:
            return await self._chat.post(channel, content, thread=thread, key=key)
        except Rejected as error:
            # A layout that Slack refuses must not silence the message: say it in plain words.
            _log.error("message rejected, sent as plain text", key=key, error=str(error))
            return await self._chat.post(channel, Message.plain(content.text), thread=thread, key=key)

    async def _look_up(self, message: OutboxMessage, since: int, channel: str, thread: str | None) -> Outcome:
        """Find an earlier attempt by its key; a page waits for this only as long as it may."""
        patience = PAGE_WAITS
        if message.queue.lane == "page":
            patience = max(0, since + LOOK_UP_AFTER + PAGE_WAITS - self._clock.wall())
        try:
            async with asyncio.timeout(patience / 1000):
                earliest = message.created_at - _LOOK_BACK
                found = await self._chat.find(channel, thread=thread, key=message.key, since=earliest)
        except RateLimited as limit:
            return Doubtful("look-up: rate limited", since=since, pause=limit.retry_after)
        except (TargetError, TimeoutError) as error:
            return Doubtful(f"look-up: {error}", since=since, pause=LOOK_UP_PAUSE)
        return NotThere() if found is None else Delivered(found, message.attempted or 0)
