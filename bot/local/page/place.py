"""Where a person is on the page: who they are and what they look at, kept in the address for reloads."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from bot.local.workspace.directory import Channel, User
from bot.local.workspace.state import Workspace

_AT_FIRST: Final = 60


@dataclass(frozen=True, slots=True)
class Place:
    """One view of the workspace.

    Attributes:
        person: Who looks.
        channel: What they look at; a direct message with the bot has the tabs `messages` and `home`.
        thread: The timestamp of the message whose thread is open beside it.
        lab: Whether the panel that breaks parts of the lab is open instead.
        show: How many of the latest messages to show.
    """

    person: User
    channel: Channel
    home: bool = False
    thread: str = ""
    lab: bool = False
    show: int = _AT_FIRST

    @property
    def url(self) -> str:
        """The address of this view."""
        query = {"as": self.person.name, "channel": self.channel.name or "steward"}
        if self.home:
            query["tab"] = "home"
        if self.thread:
            query["thread"] = self.thread
        if self.lab:
            query["panel"] = "lab"
        if self.show != _AT_FIRST:
            query["show"] = str(self.show)
        return f"/?{urlencode(query)}"

    def at(self, channel: Channel, *, home: bool = False) -> "Place":
        """The same person in another channel, the lab's panel left as it is."""
        return Place(self.person, channel, home=home, lab=self.lab)

    def in_thread(self, ts: str) -> "Place":
        """With a thread open."""
        return replace(self, thread=ts, lab=False)

    def without_pane(self) -> "Place":
        """With nothing beside the messages."""
        return replace(self, thread="", lab=False)

    def with_lab(self) -> "Place":
        """With the lab's panel open."""
        return replace(self, thread="", lab=True)

    def earlier(self) -> "Place":
        """With more of the past."""
        return replace(self, show=self.show + _AT_FIRST)


def parse_place(query: Mapping[str, str], workspace: Workspace) -> Place:
    """The view that an address asks for; what does not exist, or is not this person's, falls back to the first."""
    person = workspace.directory.person(query.get("as", "")) or workspace.users[0]
    mine = [channel for channel, _ in workspace.channels_for(person.id)]
    wanted = query.get("channel", "").removeprefix("#")
    channel = next((each for each in mine if wanted and wanted in {each.id, each.name}), None)
    if channel is None:
        direct = [each for each in mine if each.is_im]
        first = next((each for each in mine if each.name == "production-alerts"), mine[0])
        channel = direct[0] if direct and wanted == "steward" else first
    show = query.get("show", "")
    return Place(
        person,
        channel,
        home=channel.is_im and query.get("tab") == "home",
        thread=query.get("thread", ""),
        lab=query.get("panel") == "lab",
        show=int(show) if show.isascii() and show.isdigit() and len(show) < 6 else _AT_FIRST,
    )


def elsewhere(place: Place, person: User, workspace: Workspace) -> Place:
    """The same view for another person, as far as they may see it."""
    query = {"as": person.name, "channel": place.channel.name or "steward", "tab": "home" if place.home else ""}
    moved = parse_place(query, workspace)
    return replace(moved, lab=place.lab, thread=place.thread if moved.channel is place.channel else "")
