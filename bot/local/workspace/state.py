"""The workspace's state in one place: who, what was written, open views; and word of every change."""

import asyncio
import secrets
from dataclasses import dataclass, field

from bot.local.workspace.directory import BOT, BOT_USER, Channel, Directory, User
from bot.local.workspace.lab_control import LabControl
from bot.local.workspace.lab_groups import LabWithGroups
from bot.local.workspace.manifest import Manifest
from bot.local.workspace.tickets import Tickets
from bot.local.workspace.timeline import Post, Timeline
from bot.local.workspace.uploads import Uploads
from bot.local.workspace.values import Json
from bot.local.workspace.views import Views
from bot.ports import Clock


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the app and the workspace know of each other; random per run."""

    bot_token: str = field(default_factory=lambda: f"xoxb-{secrets.token_hex(12)}")
    app_token: str = field(default_factory=lambda: f"xapp-1-{secrets.token_hex(12)}")
    signing_secret: str = field(default_factory=lambda: secrets.token_hex(16))
    verification_token: str = field(default_factory=lambda: secrets.token_hex(12))


class Workspace:
    """One Slack workspace with one app in it. Lives on one event loop; every change calls `touch`."""

    def __init__(
        self,
        clock: Clock,
        *,
        manifest: Json | None = None,
        lab: LabControl | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        self.clock = clock
        self.manifest = Manifest(manifest)
        self.credentials = credentials or Credentials()
        self.directory = Directory(clock.now())
        self.timeline = Timeline()
        self.views = Views()
        self.tickets = Tickets(clock)
        self.uploads = Uploads()
        self.lab: LabControl = LabWithGroups(lab, self.directory, clock, lambda: self.url)
        self.url = ""  # Known once the server listens; links and upload addresses need it.
        self._revision = 0
        self._changed = asyncio.Event()

    # What the page reads.

    @property
    def revision(self) -> int:
        """Grows with every change that someone can see."""
        return self._revision

    @property
    def users(self) -> list[User]:
        """The people, in the order of the roles: engineer, sre, lead, manager, cto."""
        return self.directory.people()

    @property
    def commands(self) -> list[Json]:
        """The app's slash commands: `{command, description, usage_hint}`, in the order of its manifest."""
        return self.manifest.commands

    def channels_for(self, user_id: str) -> list[tuple[Channel, int]]:
        """This person's channels by name, then the direct messages with the bot; each with its unread count."""
        mine = [channel for channel in self.directory.channels.values() if user_id in channel.members]
        mine.sort(key=lambda channel: (channel.is_im, channel.archived, channel.name))
        return [(channel, self.timeline.unread(user_id, channel.id)) for channel in mine]

    def messages_for(self, user_id: str, channel_id: str) -> list[Json]:
        """What this person sees in a channel, oldest first, replies included; the shape of `GET /local/messages`."""
        return [self.shown(post) for post in self.timeline.seen_by(user_id, channel_id)]

    def views_for(self, user_id: str) -> list[Json]:
        """This person's open modals, the lowest of the stack first; field errors under `errors` `{block_id: text}`."""
        return [view.shown() for view in self.views.stack(user_id)]

    def home_for(self, user_id: str) -> Json | None:
        """This person's home tab, as published."""
        home = self.views.home(user_id)
        return home.shown() if home else None

    async def changed(self, since: int) -> int:
        """Wait until the revision is past `since`; returns the revision."""
        while self._revision <= since:
            await self._changed.wait()
        return self._revision

    # What changes it.

    def touch(self) -> None:
        """Something visible has changed: wake everyone who watches."""
        self._revision += 1
        self._changed.set()
        self._changed = asyncio.Event()

    def write(self, post: Post) -> Post:
        """Keep a message and let everyone know; its author has read the channel."""
        self.timeline.add(post)
        if post.user != BOT_USER and post.only is None:
            self.timeline.mark_read(post.user, post.channel)
        self.touch()
        return post

    def now_ts(self) -> str:
        """The timestamp of something written now."""
        return self.timeline.next_ts(self.clock.now())

    def by_bot(self, channel: str, text: str, blocks: list[Json], *, only: str | None = None) -> Post:
        """A message of the app, not yet written."""
        return Post(channel, self.now_ts(), BOT_USER, text, blocks, only=only, bot_id=BOT)

    def shown(self, post: Post) -> Json:
        """A message as `GET /local/messages` and the page show it."""
        user = self.directory.users.get(post.user)
        return {
            "ts": post.ts,
            "thread_ts": post.thread_ts,
            "user": post.user,
            "username": user.name if user else post.user,
            "text": post.text,
            "blocks": post.blocks,
            "ephemeral": post.only is not None,
            "edited": post.edited,
            "metadata": post.metadata,
            "bot_id": post.bot_id,
            "subtype": post.subtype,
            "reactions": [
                {"name": name, "users": users, "count": len(users)} for name, users in post.reactions.items()
            ],
            "files": post.files,
            "pinned": post.ts in self.timeline.pins.get(post.channel, []),
            "reply_count": len(self.timeline.replies(post.channel, post.ts)),
        }
