"""Messages: their timestamps, who sees them, what is unread."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.local.workspace.values import Json


@dataclass(slots=True)
class Post:
    """A message; with `only` set it is ephemeral and only that user sees it."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    only: str | None = None
    edited: Json | None = None
    metadata: Json | None = None
    subtype: str | None = None
    bot_id: str | None = None
    broadcast: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    files: list[Json] = field(default_factory=list)

    @property
    def is_reply(self) -> bool:
        """Whether it stands in a thread, below another message."""
        return self.thread_ts is not None and self.thread_ts != self.ts


def micros(ts: str) -> int:
    """A timestamp as whole microseconds; raises `ValueError` where it is none."""
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int(fraction.ljust(6, "0")[:6] or "0")


class Timeline:
    """All messages of the workspace in the order they were written."""

    def __init__(self) -> None:
        self._posts: dict[str, dict[str, Post]] = {}
        self._threads: dict[
            tuple[str, str], list[Post]
        ] = {}  # By channel and first message, so that reading stays quick.
        self._last = 0
        self._read: dict[tuple[str, str], str] = {}
        self.pins: dict[str, list[str]] = {}
        self.bookmarks: dict[str, list[Json]] = {}

    def next_ts(self, now: int) -> str:
        """A timestamp for a message written now (epoch ms): unique, and later than every earlier one."""
        self._last = max(self._last + 1, now * 1000)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def add(self, post: Post) -> None:
        """Keep a message."""
        self._posts.setdefault(post.channel, {})[post.ts] = post
        if post.thread_ts is not None and post.is_reply and not post.only:
            self._threads.setdefault((post.channel, post.thread_ts), []).append(post)

    def find(self, channel: str, ts: str) -> Post | None:
        """One message."""
        return self._posts.get(channel, {}).get(ts)

    def remove(self, post: Post) -> None:
        """Take a message away; its pin goes with it."""
        self._posts.get(post.channel, {}).pop(post.ts, None)
        thread = self._threads.get((post.channel, post.thread_ts or ""), [])
        if post in thread:
            thread.remove(post)
        pinned = self.pins.get(post.channel, [])
        if post.ts in pinned:
            pinned.remove(post.ts)

    def posts(self, channel: str) -> Iterator[Post]:
        """A channel's messages, oldest first, ephemeral ones and replies included."""
        yield from self._posts.get(channel, {}).values()

    def seen_by(self, user: str, channel: str) -> Iterator[Post]:
        """What one person sees in a channel, oldest first."""
        return (post for post in self.posts(channel) if post.only in {None, user})

    def replies(self, channel: str, thread_ts: str) -> list[Post]:
        """The public replies to a message, oldest first."""
        return list(self._threads.get((channel, thread_ts), ()))

    def mark_read(self, user: str, channel: str) -> None:
        """The person has seen everything in the channel up to now."""
        last = next(reversed([post.ts for post in self.seen_by(user, channel)]), "0.0")
        self._read[user, channel] = last

    def unread(self, user: str, channel: str) -> int:
        """How many messages by others this person has not seen."""
        last = micros(self._read.get((user, channel), "0.0"))
        return sum(1 for post in self.seen_by(user, channel) if post.user != user and micros(post.ts) > last)
