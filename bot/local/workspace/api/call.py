"""One call of a method: who calls with what arguments, and how they are read."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.local.workspace.directory import BOT_USER, Channel
from bot.local.workspace.limits import Limits
from bot.local.workspace.state import Workspace
from bot.local.workspace.values import Json, Refusal


class Limited(Exception):
    """429: wait so many seconds."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"wait {seconds} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of a call (JSON values, or their text as forms and queries send them) and what it acts on."""

    workspace: Workspace
    limits: Limits
    arguments: Json
    scopes: frozenset[str]

    def require(self, scope: str) -> None:
        """The token must have a scope."""
        if scope and scope not in self.scopes:
            raise Refusal("missing_scope", extra={"needed": scope, "provided": ",".join(sorted(self.scopes))})

    def text(self, name: str, default: str = "") -> str:
        """An argument as text."""
        value = self.arguments.get(name)
        return default if value is None else str(value)

    def needed(self, name: str) -> str:
        """An argument that must be there."""
        value = self.text(name)
        if not value:
            raise Refusal("invalid_arguments", [f"missing required field: {name}"])
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A yes or no: `true`, `1`, True."""
        value = self.arguments.get(name)
        return default if value is None or value == "" else str(value).lower() in {"1", "true"}

    def number(self, name: str, default: int, highest: int, code: str = "invalid_limit") -> int:
        """A whole number from 1."""
        value = self.text(name)
        if not value:
            return default
        if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= highest:
            raise Refusal(code)
        return int(value)

    def json(self, name: str, refusal: str = "invalid_arguments") -> Any:  # noqa: ANN401 - It is any JSON value.
        """An argument as JSON, sent as such or as text; None where it is missing."""
        value = self.arguments.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError as error:
            raise Refusal(refusal) from error

    def channel(self, name: str = "channel") -> Channel:
        """A channel by id that the bot may know of: not someone else's direct messages."""
        return self.workspace.directory.channel(self.needed(name))

    def joined(self, name: str = "channel") -> Channel:
        """A channel that the bot is a member of."""
        channel = self.channel(name)
        if BOT_USER not in channel.members:
            raise Refusal("channel_not_found" if channel.private else "not_in_channel")
        return channel

    def writable(self, name: str = "channel") -> Channel:
        """A channel that the bot is a member of and that is not archived."""
        channel = self.joined(name)
        if channel.archived:
            raise Refusal("is_archived")
        return channel

    def members(self, name: str = "users") -> list[str]:
        """User ids, sent as a list or separated by commas."""
        value = self.arguments.get(name)
        parts = value if isinstance(value, list) else self.text(name).split(",")
        return [str(part).strip() for part in parts if str(part).strip()]

    def page(self, items: list[Any], limit: int) -> tuple[list[Any], Json]:
        """One page of a list and the `response_metadata` that leads to the next."""
        cursor = self.text("cursor")
        start = 0
        if cursor:
            if not cursor.startswith("next:") or not cursor[5:].isdigit() or int(cursor[5:]) > len(items):
                raise Refusal("invalid_cursor")
            start = int(cursor[5:])
        more = start + limit < len(items)
        return items[start : start + limit], {"next_cursor": f"next:{start + limit}" if more else ""}


@dataclass(frozen=True, slots=True)
class Method:
    """A method: what it does, which scope it needs ('' for none), its tier (0: special), whose token."""

    run: Callable[[Call], Json]
    scope: str = ""
    tier: int = 0
    token: str = "bot"  # noqa: S105 - It is the kind of token.
