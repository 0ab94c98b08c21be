"""The rooms duty: an incident's own channel, step by step; each is written down when done, and no page waits for it."""

import asyncio
import json

from bot.domain.errors import BotError, Rejected, Unauthorized
from bot.domain.message import ChannelLink, Message, lines
from bot.domain.timing import SECOND
from bot.incidents import rows as incident_rows
from bot.incidents.channel import RoomStep, archived_at, concerned, next_room_step
from bot.incidents.model import Incident
from bot.incidents.posts import IncidentPosts
from bot.oncall.service import OnCall, Roster
from bot.ports import ChannelGone, Clock, RateLimited, Rooms
from bot.store import Ledger, Row, Tx

ATTEMPTS = 5
AGAIN = 30 * SECOND
PATIENCE = 20.0

_FAILED = {
    "create": "It has no channel of its own ({}); stay in this thread.",
    "topic": "Its own channel has no topic ({}).",
    "invite": "Not everybody could be invited to its own channel ({}); the link on the header leads there.",
    "archive": "Its own channel could not be archived ({}).",
}


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
