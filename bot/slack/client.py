"""Slack as the rest of the bot uses it: messages that must arrive, channels, and user groups.

Sources: https://docs.slack.dev/reference/methods, https://docs.slack.dev/messaging/message-metadata
"""

import math
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.errors import Rejected
from bot.domain.message import Message
from bot.ports import Posted, RateLimited
from bot.slack import failures
from bot.slack.blocks import render
from bot.slack.failures import as_target_error, translated
from bot.slack.values import Json

TIMEOUT_SECONDS = 5
_EVENT = "steward_message"
_PAGE, _PAGES = 200, 20
_CHANNELS = 1_000
_NAME, _TOPIC = 80, 250
_NAMES = 20
_SKEW = 60_000
"""By how much Slack's clock may be behind ours, in ms."""


@asynccontextmanager
async def open_client(
    *, token: str, url: str, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[AsyncWebClient]:
    """A client on one session: kept connections, 5 s for a whole call, no repetition by itself and no proxy."""
    # Its default handler repeats a post after a lost connection, and the message appears twice.
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
        client = PatientClient(
            clock=clock,
            token=token,
            base_url=url.rstrip("/") + "/",
            timeout=TIMEOUT_SECONDS,
            session=session,
            retry_handlers=[],
        )
        # Read from the environment in the constructor, for loopback addresses as well; there is no argument against it.
        client.proxy = None
        yield client


class PatientClient(AsyncWebClient):
    """Keeps every pause that Slack asks for, per method and channel: until it is over, the call is not made.

    One method's pause holds no other back: a page does not wait because an edit must.
    """

    def __init__(self, *, clock: Callable[[], float], **options: Any) -> None:  # noqa: ANN401 - the SDK's
        super().__init__(**options)
        self._clock = clock
        self._until: dict[tuple[str, str], float] = {}

    async def api_call(self, api_method: str, **options: Any) -> AsyncSlackResponse:  # noqa: ANN401 - the SDK's
        """As the SDK's. Raises `RateLimited` where Slack's last word about this method and channel was to wait."""
        given = options.get("json") or options.get("params") or options.get("data") or {}
        place = (api_method, str(given.get("channel", "")) if isinstance(given, Mapping) else "")
        now = self._clock()
        self._until = {known: until for known, until in self._until.items() if until > now}
        if place in self._until:
            raise RateLimited(math.ceil((self._until[place] - now) * 1000), api_method)
        try:
            return await super().api_call(api_method, **options)
        except SlackApiError as error:
            wait = failures.asked_to_wait(error)
            if wait is not None:
                self._until[place] = self._clock() + wait / 1000
            raise


class SlackChat:
    """Messages by `chat.*`; each carries its key in the metadata, so that it is found again after a crash."""

    def __init__(self, client: AsyncWebClient, zone: ZoneInfo) -> None:
        self._client = client
        self._zone = zone

    async def post(self, channel: str, message: Message, *, thread: str | None, key: str) -> Posted:
        rendered = render(message, self._zone)
        with translated("chat.postMessage", write=True):
            answer = await self._client.chat_postMessage(
                channel=channel,
                text=rendered.text,
                blocks=rendered.blocks,
                thread_ts=thread,
                metadata=_metadata(key),
                unfurl_links=False,
                unfurl_media=False,
            )
            return Posted(str(answer["channel"]), str(answer["ts"]))

    async def update(self, posted: Posted, message: Message, *, key: str) -> None:
        rendered = render(message, self._zone)
        with translated("chat.update", write=True):
            await self._client.chat_update(
                channel=posted.channel,
                ts=posted.ts,
                text=rendered.text,
                blocks=rendered.blocks,
                metadata=_metadata(key),
            )

    async def find(self, channel: str, *, thread: str | None, key: str, since: int) -> Posted | None:
        cursor = ""
        for _ in range(_PAGES):
            with translated("looking a message up", write=False):
                arguments: Json = {"channel": channel, "limit": _PAGE, "include_all_metadata": True}
                arguments |= {"oldest": f"{since / 1000:.6f}"} | ({"cursor": cursor} if cursor else {})
                answer: Any = (
                    await self._client.conversations_replies(ts=thread, **arguments)
                    if thread
                    else await self._client.conversations_history(**arguments)
                )
                for message in answer.get("messages", ()):
                    metadata: Json = message.get("metadata", {})
                    if metadata.get("event_type") == _EVENT and metadata.get("event_payload", {}).get("key") == key:
                        return Posted(channel, str(message["ts"]))
                cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
            if not cursor:
                return None
        return None


class SlackRooms:
    """Channels by `conversations.*`. A bot cannot open an archived channel again: `not_in_channel`."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def create_channel(self, name: str, *, since: int) -> str:
        # Archived channels keep their names as well, so a taken one gets a number.
        for number in range(1, _NAMES + 1):
            suffix = "" if number == 1 else f"-{number}"
            channel = await self._create(name[: _NAME - len(suffix)] + suffix)
            if channel is None and number == 1:
                channel = await self._own(name, since)
            if channel is not None:
                return channel
        raise Rejected(f"Slack refused conversations.create: {name} and {_NAMES - 1} more names are taken.")

    async def set_topic(self, channel: str, topic: str) -> None:
        with translated("conversations.setTopic", write=True):
            await self._client.conversations_setTopic(channel=channel, topic=topic[:_TOPIC])

    async def invite(self, channel: str, slack_id: str) -> None:
        with translated("conversations.invite", write=True):
            try:
                await self._client.conversations_invite(channel=channel, users=[slack_id])
            except SlackApiError as error:
                if failures.code(error) not in {"already_in_channel", "cant_invite_self"}:
                    raise

    async def archive(self, channel: str) -> None:
        with translated("conversations.archive", write=True):
            try:
                await self._client.conversations_archive(channel=channel)
            except SlackApiError as error:
                if failures.code(error) != "already_archived":
                    raise

    async def direct_channel(self, slack_id: str) -> str:
        with as_target_error("conversations.open"), translated("conversations.open", write=False):
            answer = await self._client.conversations_open(users=[slack_id])
            return str(answer["channel"]["id"])

    async def _create(self, name: str) -> str | None:
        """The new channel; None where the name is taken."""
        with translated("conversations.create", write=True):
            try:
                answer = await self._client.conversations_create(name=name)
            except SlackApiError as error:
                if failures.code(error) != "name_taken":
                    raise
                return None
            return str(answer["channel"]["id"])

    async def _own(self, name: str, since: int) -> str | None:
        """The channel of this name, or with a number behind it, that the bot itself created since then."""
        cursor = ""
        with translated("conversations.list", write=False):
            me = str((await self._client.auth_test())["user_id"])
            for _ in range(_PAGES):
                answer: Any = await self._client.conversations_list(
                    exclude_archived=True, limit=_CHANNELS, types="public_channel", cursor=cursor
                )
                for channel in answer["channels"]:
                    ending = str(channel["name"]).removeprefix(name)
                    ours = channel.get("creator") == me and channel["created"] * 1000 >= since - _SKEW
                    if ours and str(channel["name"]).startswith(name) and re.fullmatch(r"(-\d+)?", ending):
                        return str(channel["id"])
                cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
                if not cursor:
                    return None
        return None


class SlackGroups:
    """User groups by `usergroups.users.list`: the source of roles."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def members(self, group: str) -> frozenset[str]:
        with as_target_error("usergroups.users.list"), translated("usergroups.users.list", write=False):
            answer = await self._client.usergroups_users_list(usergroup=group)
            return frozenset(str(member) for member in answer["users"])


def _metadata(key: str) -> Json:
    return {"event_type": _EVENT, "event_payload": {"key": key}}
