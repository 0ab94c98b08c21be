"""Hands one message to Slack or to the pager and says what became of it; no ledger in here."""

import asyncio
import dataclasses
import json

import structlog

from bot.domain import message_json
from bot.domain.errors import OutcomeUnknown, Rejected, TargetError, Unauthorized, Unreachable
from bot.domain.message import Message, Small
from bot.outbox.message import (
    LOOK_UP_AFTER,
    PAGE_WAITS,
    Delayed,
    Delivered,
    Doubtful,
    NotThere,
    OutboxMessage,
    Outcome,
    Undeliverable,
)
from bot.ports import ChannelGone, Chat, Clock, DirectChannels, Page, Pager, PersonGone, Posted, RateLimited

_log = structlog.get_logger(__name__)

_LOOK_UP_PAUSE = 1_000
_LOOK_BACK = 60_000
REPEAT_MARK = "(may be a repeat)"


class Delivery:
    """Delivers messages through the ports. Failures come back as outcomes; nothing is raised."""

    def __init__(self, chat: Chat, rooms: DirectChannels, pager: Pager, clock: Clock) -> None:
        self._chat = chat
        self._rooms = rooms
        self._pager = pager
        self._clock = clock
        self._direct: dict[str, str] = {}

    async def deliver(self, message: OutboxMessage) -> Outcome:
        """Send, edit, or look up first where an earlier attempt may have arrived."""
        try:
            if message.route == "pagerduty":
                return await self._page(message)
            return await self._say(message)
        except Exception as error:  # noqa: BLE001 - the edge: one message must not stop the queue
            return self.failed(message, error)

    async def open(self, channel: str) -> Exception | None:
        """Look up the direct messages of `@U…`, before the ledger is asked whether a page is still wanted; what failed.

        Looked up after that, a page could start seconds after somebody has acknowledged it.
        """
        if not channel.startswith("@") or channel in self._direct:
            return None
        try:
            self._direct[channel] = await self._rooms.direct_channel(channel.removeprefix("@"))
        except OutcomeUnknown as error:
            return Unreachable(str(error))  # Opening it twice is harmless: nothing was said yet.
        except Exception as error:  # noqa: BLE001 - the edge, as above
            return error
        return None

    async def _page(self, message: OutboxMessage) -> Outcome:
        try:
            await self._pager.send(Page(**json.loads(message.body)))
        except OutcomeUnknown as error:
            return Delayed(str(error))  # The dedup key makes a second event harmless.
        return Delivered(Posted("pagerduty", message.key), message.revision)

    async def _say(self, message: OutboxMessage) -> Outcome:
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
        return Delivered(await self._post(message, channel, content, thread), message.revision)

    async def _post(self, message: OutboxMessage, channel: str, content: Message, thread: str | None) -> Posted:
        try:
            return await self._chat.post(channel, content, thread=thread, key=message.key)
        except Rejected as error:
            # A layout that Slack refuses must not silence the message: say it in plain words.
            _log.error("message rejected, sent as plain text", key=message.key, error=str(error))
            return await self._chat.post(channel, Message.plain(content.text), thread=thread, key=message.key)

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
            return Doubtful(f"look-up: {error}", since=since, pause=_LOOK_UP_PAUSE)
        return NotThere() if found is None else Delivered(found, message.attempted or 0)

    @staticmethod
    def failed(message: OutboxMessage, error: Exception) -> Outcome:
        """What an error means for a message."""
        outcome: Outcome
        match error:
            case RateLimited():
                outcome = _undone(message, "rate limited", pause=error.retry_after)
            case ChannelGone():
                outcome = Undeliverable("the channel is archived, gone, or the bot is no member")
            case PersonGone():
                outcome = Undeliverable(str(error), for_good=True)
            case Unreachable() | Unauthorized():
                outcome = _undone(message, str(error))
            case Rejected():
                _log.error("message rejected", key=message.key, error=str(error))
                outcome = Undeliverable(str(error))
            case TargetError():
                outcome = _unanswered(message, str(error))
            case _:
                _log.error("message failed", key=message.key, error=str(error), exc_info=error)
                outcome = _unanswered(message, type(error).__name__)
        return outcome


def _undone(message: OutboxMessage, error: str, pause: int | None = None) -> Outcome:
    """Nothing was sent by this attempt; an earlier one stays in doubt."""
    if message.doubtful_since is not None:
        return Doubtful(error, since=message.doubtful_since, pause=pause or _LOOK_UP_PAUSE)
    return Delayed(error, pause)


def _unanswered(message: OutboxMessage, error: str) -> Outcome:
    """A repeated edit or event is harmless; a post is looked up first."""
    if message.posted is not None or message.route == "pagerduty":
        return Delayed(error)
    return Doubtful(error, since=message.doubtful_since)
