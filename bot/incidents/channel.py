"""An incident's own channel: its name, its topic, and the one step that comes next."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bot.domain.timing import DAY
from bot.incidents.model import Incident, Ping, State

KEPT = 7 * DAY
"""How long after the end of its incident a channel stays open."""

_NO_LETTER = re.compile(r"[^a-z0-9]+")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class RoomStep:
    """One call to Slack. `value`: the name, the topic, the Slack id of whom to invite; empty for the last."""

    kind: Literal["create", "topic", "invite", "archive"]
    value: str = ""


def room_name(incident: Incident) -> str:
    """`inc-0012-newsletter-mail-stopped`: it sorts, Slack allows it, and it is short enough for a suffix."""
    prefix = incident.id.rsplit("-", 1)[0]
    words = _NO_LETTER.sub("-", f"{prefix}-{incident.number:04d}-{incident.system}-{incident.title}".lower())
    return words[:_LONGEST].strip("-")


def room_topic(incident: Incident) -> str:
    """What stands on top of the channel."""
    return f"{incident.severity} {incident.id}: {incident.title}"


def concerned(incident: Incident, pings: Iterable[Ping]) -> list[str]:
    """Slack ids of whom the channel is for: whoever opened it, was paged or has it."""
    people = [incident.opened_by, *(actor for ping in pings if ping.pages for actor in ping.people)]
    people += [incident.owner] if incident.owner else []
    return list(dict.fromkeys(actor.slack for actor in people if actor.slack))


def next_room_step(
    incident: Incident, people: Iterable[str], now: int, *, topic: str, guests: Iterable[str]
) -> RoomStep | None:
    """The step that is due. `topic` and `guests`: what was set and who was invited already."""
    if incident.state is State.RESOLVED:
        due = archived_at(incident)
        return RoomStep("archive") if due is not None and due <= now else None
    if not incident.in_room:
        # A bot cannot open an archived channel again, so an incident that comes back gets a new one.
        return RoomStep("create", room_name(incident)) if incident.room_wanted else None
    if topic != room_topic(incident):
        return RoomStep("topic", room_topic(incident))
    known = set(guests)
    return next((RoomStep("invite", person) for person in people if person not in known), None)


def archived_at(incident: Incident) -> int | None:
    """When the channel of a resolved incident is to be archived."""
    return incident.resolved_at + KEPT if incident.in_room and incident.resolved_at is not None else None
