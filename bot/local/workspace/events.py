"""Events: what happens in the workspace is told to the app, again and again until it listens."""

import asyncio
from collections.abc import Sequence

from bot.local.workspace.delivery import NOT_IN_TIME, NOT_REACHED, Delivered, Delivery, Envelope
from bot.local.workspace.directory import BOT_USER, Channel, User
from bot.local.workspace.payloads import event_callback
from bot.local.workspace.slash import escape_mentions
from bot.local.workspace.state import Workspace
from bot.local.workspace.timeline import Post
from bot.local.workspace.values import Json, Misuse

# At once, after a minute, after five. https://docs.slack.dev/apis/events-api/#retries
RETRY_AFTER_S = (0.0, 60.0, 300.0)
REASONS = {NOT_IN_TIME: "http_timeout", NOT_REACHED: "connection_failed"}


class Events:
    """Sends events and retries those that the app did not take."""

    def __init__(
        self, workspace: Workspace, delivery: Delivery, retry_after_s: Sequence[float] = RETRY_AFTER_S
    ) -> None:
        self._workspace, self._delivery, self._retry_after_s = workspace, delivery, retry_after_s
        self._retries: set[asyncio.Task[None]] = set()

    async def send(self, event: Json) -> Delivered:
        """Deliver one event; what fails is tried again in the background."""
        payload = event_callback(self._workspace, event)
        delivered = await self._delivery.send(Envelope("events_api", payload))
        if not delivered.ok and not delivered.no_retry:
            task = asyncio.create_task(self._retry(payload, delivered))
            self._retries.add(task)
            task.add_done_callback(self._retries.discard)
        return delivered

    async def close(self) -> None:
        """Give up the retries that wait."""
        for task in self._retries:
            task.cancel()
        await asyncio.gather(*self._retries, return_exceptions=True)

    async def _retry(self, payload: Json, delivered: Delivered) -> None:
        for number, wait in enumerate(self._retry_after_s, start=1):
            await asyncio.sleep(wait)
            reason = REASONS.get(delivered.status, "http_error")
            delivered = await self._delivery.send(Envelope("events_api", payload, number, reason))
            if delivered.ok or delivered.no_retry:
                return


async def announce(workspace: Workspace, events: Events, user: User, kind: str, fields: Json) -> Delivered:
    """Send an event of any kind, as if this person had caused it."""
    if not workspace.manifest.subscribed(kind):
        raise Misuse(f"The app is not subscribed to {kind}; its manifest lists the events it hears of.", 409)
    event: Json = {"type": kind, "user": user.id, "event_ts": workspace.now_ts(), **fields}
    if kind == "app_home_opened":
        direct, home = workspace.directory.direct(user.id), workspace.views.home(user.id)
        event = {"tab": "home", "channel": direct.id if direct else "", **event}
        if home is not None:
            event["view"] = home.payload()
    return await events.send(event)


async def write(
    workspace: Workspace, events: Events, user: User, channel: Channel, *, text: str, thread_ts: str | None
) -> tuple[Post, list[Delivered]]:
    """A person writes a plain message; the app hears of it where it is subscribed."""
    if not text.strip():
        raise Misuse("A message needs text.")
    if thread_ts is not None and workspace.timeline.find(channel.id, thread_ts) is None:
        raise Misuse(f"There is no message {thread_ts} to reply to.", 404)
    post = Post(channel.id, workspace.now_ts(), user.id, escape_mentions(workspace, text), thread_ts=thread_ts)
    workspace.write(post)
    event: Json = {"user": user.id, "text": post.text, "ts": post.ts, "event_ts": post.ts, "channel": channel.id}
    if thread_ts:
        event["thread_ts"] = thread_ts
    heard: list[Json] = []
    kind = "im" if channel.is_im else "group" if channel.private else "channel"
    member = BOT_USER in channel.members
    if member and workspace.manifest.subscribed(
        {"im": "message.im", "group": "message.groups"}.get(kind, "message.channels")
    ):
        heard.append({"type": "message", "channel_type": kind, **event})
    if member and f"<@{BOT_USER}" in post.text and not channel.is_im and workspace.manifest.subscribed("app_mention"):
        heard.append({"type": "app_mention", **event})
    return post, [await events.send(each) for each in heard]
