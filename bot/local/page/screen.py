"""The whole page for one person: everything the templates show, read from the workspace at one moment."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bot.local.page.dates import present
from bot.local.page.entries import entries, in_channel, in_thread
from bot.local.page.kit import environment, vocabulary
from bot.local.page.names import Names
from bot.local.page.panels import lab_of
from bot.local.page.place import Place, elsewhere
from bot.local.workspace.directory import Channel, User
from bot.local.workspace.state import Workspace

_MORNING: Final = 9


@dataclass(frozen=True, slots=True)
class Seat:
    """A person one can be, and what waits for them in their direct messages."""

    user: User
    url: str
    unread: int


@dataclass(frozen=True, slots=True)
class Room:
    """A line of the sidebar."""

    channel: Channel
    unread: int
    current: bool
    url: str
    home_url: str


def render_screen(template: str, place: Place, workspace: Workspace, zone: ZoneInfo) -> str:
    """The page (`page.html`) or the part of it that changes (`app.html`)."""
    names = names_for(place.person, workspace, zone)
    rooms = [
        Room(channel, unread, channel is place.channel, place.at(channel).url, place.at(channel, home=True).url)
        for channel, unread in workspace.channels_for(place.person.id)
    ]
    messages = workspace.messages_for(place.person.id, place.channel.id)
    shown = in_channel(messages)
    heading = "Steward" if place.channel.is_im else f"#{place.channel.name}"
    waiting = sum(room.unread for room in rooms)
    lab = lab_of(workspace)
    context = {
        "place": place,
        "heading": heading,
        "title": f"{f'({waiting}) ' if waiting else ''}{heading} · {place.person.name} · Steward demo",
        "now": present(names).strftime("%a %d %b %H:%M:%S"),
        "to_nine": until_morning(names.now, zone),
        "rooms": rooms,
        "unread": next((room.unread for room in rooms if room.current), 0),
        "seats": [_seat(place, user, workspace) for user in workspace.users],
        "people": workspace.users,
        "members": sorted(names.user(member) for member in place.channel.members),
        "bookmarks": workspace.timeline.bookmarks.get(place.channel.id, []),
        "entries": entries(shown[-place.show :], messages, names),
        "hidden": max(0, len(shown) - place.show),
        "thread": entries(in_thread(messages, place.thread), messages, names, days=False),
        "views": workspace.views_for(place.person.id),
        "home": workspace.home_for(place.person.id),
        "commands": workspace.commands,
        "lab": lab,
        "broken": sum(part.broken for _, parts in lab for part in parts),
    }
    return environment().get_template(template).render(vocabulary(names), **context)


def names_for(person: User, workspace: Workspace, zone: ZoneInfo) -> Names:
    """What ids are called for this person."""
    directory = workspace.directory
    return Names(
        users={user.id: user.name for user in directory.users.values()},
        channels={channel.id: channel.name for channel in directory.channels.values() if channel.name},
        groups={group.id: group.handle for group in directory.groups.values()},
        groups_of_viewer=frozenset(group.id for group in directory.groups.values() if person.id in group.members),
        viewer=person.id,
        now=workspace.clock.now(),
        zone=zone,
    )


def until_morning(now: int, zone: ZoneInfo) -> str:
    """How far the next 9:00 is, as the clock takes it; across a change of daylight saving time too."""
    here = datetime.fromtimestamp(now / 1000, tz=UTC).astimezone(zone)
    morning = here.replace(hour=_MORNING, minute=0, second=0, microsecond=0)
    if morning <= here:
        morning += timedelta(days=1)
    # Aware times of one zone subtract as wall clocks; only their instants tell the real distance.
    seconds = round((morning.astimezone(UTC) - here.astimezone(UTC)).total_seconds())
    return f"{max(seconds, 1)}s"


def _seat(place: Place, user: User, workspace: Workspace) -> Seat:
    unread = sum(count for channel, count in workspace.channels_for(user.id) if channel.is_im)
    return Seat(user, elsewhere(place, user, workspace).url, unread)
