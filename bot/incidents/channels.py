"""An incident's own channel: its name and topic, and the duty that makes it, step by step; no page waits for it."""

import asyncio
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bot.domain.errors import BotError, Rejected, Unauthorized
from bot.domain.message import ChannelLink, Message, lines
from bot.domain.timing import DAY, SECOND
from bot.incidents import rows as incident_rows
from bot.incidents.model import Incident, Ping, State
from bot.incidents.posts import IncidentPosts
from bot.oncall.service import OnCall, Roster
from bot.ports import ChannelGone, Clock, RateLimited, Rooms
from bot.store import Ledger, Row, Tx

KEPT = 7 * DAY
"""How long after the end of its incident a channel stays open."""

_NO_LETTER = re.compile(r"[^a-z0-9]+")
_LONGEST = 60

ATTEMPTS = 5
AGAIN = 30 * SECOND
PATIENCE = 20.0

_FAILED = {
    "create": "It has no channel of its own ({}); stay in this thread.",
    "topic": "Its own channel has no topic ({}).",
    "invite": "Not everybody could be invited to its own channel ({}); the link on the header leads there.",
    "archive": "Its own channel could not be archived ({}).",
}


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


class IncidentRooms:
    """One step per run: create, topic, one invitation, archive. A failed step is repeated alone."""

    name = "incident-rooms"

    def __init__(self, ledger: Ledger, clock: Clock, *, rooms: Rooms, oncall: OnCall, posts: IncidentPosts) -> None:
        self._ledger = ledger
        self._clock = clock
        self._rooms = rooms
        self._oncall = oncall
        self._posts = posts

    async def run(self, now: int) -> bool:
        """The next step that is due; True where there may be another."""
        due = await self.next_due()
        if due is None or due > now:
            return False
        # Read first: between a creation and its record nothing may take time.
        roster = await self._oncall.roster()
        claimed = now + AGAIN
        row = await self._ledger.write(lambda tx: tx.one("claim_room", now=now, again=claimed))
        if row is None:
            return False
        incident = incident_rows.of_row(row)
        pings = await self._ledger.read(lambda tx: incident_rows.pings(tx, incident.id))
        guests: list[str] = json.loads(row["room_guests"])
        people = concerned(incident, pings)
        step = next_room_step(incident, people, now, topic=row["room_topic"], guests=guests)
        if step is None:
            due = archived_at(incident)
            await self._ledger.write(lambda tx: tx.run("rest_room", id=incident.id, claimed=claimed, due_at=due))
            return True
        try:
            async with asyncio.timeout(PATIENCE):
                room = await self._take(incident, step)
        except RateLimited as limit:
            await self._postpone(incident, now + limit.retry_after, failures=0)
        except ChannelGone as error:
            await self._give_up(incident, RoomStep("create"), guests, roster, str(error))
        except (BotError, TimeoutError) as error:
            # A missing scope does not come back by waiting.
            hopeless = isinstance(error, (Unauthorized, Rejected))
            if not hopeless and row["room_attempts"] + 1 < ATTEMPTS:
                await self._postpone(incident, now + AGAIN, failures=1)
            else:
                await self._give_up(incident, step, guests, roster, str(error) or "Slack did not answer in time")
        else:
            await self._record(incident, step, guests, roster, room)
        return True

    async def next_due(self) -> int | None:
        """When the next step is to be taken, or tried again."""
        row: Row | None = await self._ledger.read(lambda tx: tx.one("next_room"))
        return row["at"] if row else None

    async def _take(self, incident: Incident, step: RoomStep) -> str:
        """One call to Slack; the id of the channel."""
        match step.kind:
            case "create":
                return await self._rooms.create_channel(step.value, since=incident.opened_at)
            case "topic":
                await self._rooms.set_topic(incident.room, step.value)
            case "invite":
                # One by one: Slack refuses a whole list for one person who is in the channel already.
                await self._rooms.invite(incident.room, step.value)
            case "archive":
                await self._rooms.archive(incident.room)
        return incident.room

    async def _postpone(self, incident: Incident, due: int, *, failures: int) -> None:
        await self._ledger.write(lambda tx: tx.run("postpone_room", id=incident.id, due_at=due, failures=failures))

    async def _record(self, incident: Incident, step: RoomStep, guests: list[str], roster: Roster, room: str) -> None:
        now = self._clock.now()

        def work(tx: Tx) -> None:
            if step.kind != "create":
                _settle(tx, incident, step, guests, now)
                return
            tx.run("record_room", id=incident.id, room=room, now=now)
            view = self._posts.view(tx, incident_rows.locked(tx, incident.id), roster, now)
            self._posts.header(tx, view)
            said = Message(
                f"{incident.id} has a channel of its own", (lines(("Its own channel: ", ChannelLink(room))),)
            )
            self._posts.say(tx, view, key=f"incident:{incident.id}:channel:{room}", message=said)

        await self._ledger.write(work)

    async def _give_up(
        self, incident: Incident, step: RoomStep, guests: list[str], roster: Roster, problem: str
    ) -> None:
        """Say once why, and go on with what comes after it."""
        now = self._clock.now()

        def work(tx: Tx) -> None:
            if step.kind == "create":
                tx.run("give_room_up", id=incident.id, now=now)
            else:
                _settle(tx, incident, step, guests, now)
            view = self._posts.view(tx, incident_rows.locked(tx, incident.id), roster, now)
            message = Message.plain(_FAILED[step.kind].format(problem.rstrip(".")))
            self._posts.say(tx, view, key=f"incident:{incident.id}:channel:{step.kind}", message=message)
            self._posts.header(tx, view)

        await self._ledger.write(work)


def _settle(tx: Tx, incident: Incident, step: RoomStep, guests: list[str], now: int) -> None:
    """A step inside the channel is over: done, or given up."""
    match step.kind:
        case "topic":
            tx.run("record_room_topic", id=incident.id, topic=step.value, now=now)
        case "invite":
            tx.run("record_room_guests", id=incident.id, guests=json.dumps([*guests, step.value]), now=now)
        case "archive":
            tx.run("record_room_archived", id=incident.id, now=now)
        case "create":
            raise AssertionError("a channel is recorded with its id")
