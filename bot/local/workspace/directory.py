"""Who and what is in the workspace: its people, channels and user groups."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.local.workspace.values import Refusal

TEAM, APP, BOT_USER, BOT = "T0STEWARD", "A0STEWARD", "U0STEWARD", "B0STEWARD"
TEAM_DOMAIN = "steward-demo"
SLACKBOT = "USLACKBOT"
PEOPLE = ("engineer", "sre", "lead", "manager", "cto")
APPROVERS = ("lead", "manager", "cto")


@dataclass(frozen=True, slots=True)
class User:
    """A member of the workspace."""

    id: str
    name: str
    real_name: str
    is_bot: bool = False

    @property
    def email(self) -> str:
        """The address in the profile; nobody reads it."""
        return f"{self.name}@example.com"


@dataclass(slots=True)
class Channel:
    """A channel, or the bot's direct messages with one person (`person` is that person's user id)."""

    id: str
    name: str
    members: set[str]
    created: int
    creator: str
    person: str = ""
    archived: bool = False
    private: bool = False
    topic: str = ""
    purpose: str = ""
    topic_by: str = ""
    topic_at: int = 0
    former_names: list[str] = field(default_factory=list)

    @property
    def is_im(self) -> bool:
        """Whether these are direct messages."""
        return bool(self.person)


@dataclass(slots=True)
class UserGroup:
    """A user group such as `@approvers`; members in the order they were set."""

    id: str
    handle: str
    name: str
    members: list[str]
    updated: int
    unreadable: bool = False


class Directory:
    """The people, channels and user groups of the workspace."""

    def __init__(self, now: int) -> None:
        """Fill in the demo's people, its two channels and its two user groups."""
        people = [
            User(f"U0{name.upper()}", name, name.upper() if len(name) == 3 else name.capitalize()) for name in PEOPLE
        ]
        bot = User(BOT_USER, "steward", "Steward", is_bot=True)
        self.users: dict[str, User] = {user.id: user for user in (*people, bot, User(SLACKBOT, "slackbot", "Slackbot"))}
        everyone = {user.id for user in people} | {BOT_USER}
        born, owner = now // 1000, "U0CTO"
        self.channels: dict[str, Channel] = {
            "C0ALERTS": Channel("C0ALERTS", "production-alerts", set(everyone), born, owner),
            "C0GENERAL": Channel("C0GENERAL", "general", set(everyone), born, owner),
        }
        for user in people:
            direct = "D0" + user.id.removeprefix("U0")
            self.channels[direct] = Channel(direct, "", {user.id, BOT_USER}, born, user.id, person=user.id)
        self.groups: dict[str, UserGroup] = {
            "S0ENGINEERS": UserGroup("S0ENGINEERS", "engineers", "Engineers", [user.id for user in people], born),
            "S0APPROVERS": UserGroup(
                "S0APPROVERS", "approvers", "Approvers", [f"U0{name.upper()}" for name in APPROVERS], born
            ),
        }

    def people(self) -> list[User]:
        """Everyone who can sit in front of the page, in the order of the roles."""
        return [user for user in self.users.values() if not user.is_bot and user.id != SLACKBOT]

    def person(self, name_or_id: str) -> User | None:
        """A person by name (`sre`, `@sre`) or id (`U0SRE`)."""
        wanted = name_or_id.removeprefix("@")
        return next((user for user in self.people() if wanted in {user.id, user.name}), None)

    def channel(self, channel_id: str) -> Channel:
        """A channel by id, or `channel_not_found`."""
        if channel_id not in self.channels:
            raise Refusal("channel_not_found")
        return self.channels[channel_id]

    def named(self, name: str) -> Channel | None:
        """A channel by its name, with or without the `#`."""
        wanted = name.removeprefix("#")
        return next((channel for channel in self.channels.values() if wanted and channel.name == wanted), None)

    def direct(self, user_id: str) -> Channel | None:
        """The bot's direct messages with a person."""
        return next((channel for channel in self.channels.values() if channel.person == user_id), None)

    def group(self, handle_or_id: str) -> UserGroup | None:
        """A user group by handle or id."""
        wanted = handle_or_id.removeprefix("@")
        return next((group for group in self.groups.values() if wanted in {group.id, group.handle}), None)

    def set_members(self, group: UserGroup, members: Iterable[str], now: int) -> None:
        """Replace a group's members; an unknown one is `invalid_users`."""
        wanted = list(dict.fromkeys(members))
        if any(member not in self.users for member in wanted):
            raise Refusal("invalid_users")
        group.members, group.updated = wanted, now // 1000
