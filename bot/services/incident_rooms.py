"""The rooms duty: each incident gets a channel of its own, as a resumable step that paging never waits for."""

import asyncio
import re

from bot.domain.errors import BotError
from bot.domain.incident import Incident
from bot.domain.message import ChannelLink, Message, lines
from bot.domain.timing import SECOND
from bot.ports import ChannelGone, Clock, RateLimited, Rooms
from bot.services import incident_records
from bot.services.incident_posts import IncidentPosts
from bot.services.oncall import OnCall
from bot.store import Ledger, Row, Tx

ATTEMPTS = 5
AGAIN = 30 * SECOND
PATIENCE = 20.0

_NO_LETTER = re.compile(r"[^a-z0-9]+")


def room_name(incident: Incident) -> str:
    """`inc-12-mail-stopped`: what Slack allows, short enough for a suffix."""
    words = _NO_LETTER.sub("-", incident.title.lower()).strip("-")
    return f"{incident.id.lower()}-{words}"[:60].rstrip("-")


class IncidentRooms:
    """Creates one channel per run, or invites whom it concerns: at first, and whoever is paged or takes it later."""

    name = "incident-rooms"

    def __init__(self, ledger: Ledger, clock: Clock, *, rooms: Rooms, oncall: OnCall, posts: IncidentPosts) -> None:
        self._ledger = ledger
        self._clock = clock
        self._rooms = rooms
        self._oncall = oncall
        self._posts = posts

    async def run(self, now: int) -> bool:
        """The next channel that is wanted; True where there may be another."""
        due = await self.next_due()
        if due is None or due > now:
            return False
        again = now + AGAIN
        row = await self._ledger.write(lambda tx: tx.one("claim_room", now=now, again=again))
        if row is None:
            return False
        incident = incident_records.of_row(row)
        problem, room = "", incident.room
        if incident.active:
            try:
                async with asyncio.timeout(PATIENCE):
                    if room:
                        await self._invite(incident)
                    else:
                        room = await self._create(incident)
            except (BotError, RateLimited, ChannelGone, TimeoutError) as error:
                if int(row["room_attempts"]) < ATTEMPTS:
                    return True
                problem = str(error) or "Slack did not answer in time"
        if incident.room:
            # Whoever could not be invited finds the link in the header: everybody can join by themselves.
            await self._ledger.write(lambda tx: tx.run("finish_guests", id=incident.id, claimed=again))
        else:
            await self._finish(incident, room, problem)
        return True

    async def next_due(self) -> int | None:
        """When the next channel is to be created, or tried again."""
        row: Row | None = await self._ledger.read(lambda tx: tx.one("next_room"))
        return row["at"] if row else None

    async def _create(self, incident: Incident) -> str:
        return await self._rooms.create_channel(room_name(incident), topic=f"{incident.severity} {incident.id}")

    async def _invite(self, incident: Incident) -> None:
        pings = await self._ledger.read(lambda tx: incident_records.pings(tx, incident.id))
        people = [incident.opened_by, *(actor for ping in pings if ping.pages for actor in ping.people)]
        people += [incident.owner] if incident.owner else []
        for slack in dict.fromkeys(actor.slack for actor in people if actor.slack):
            # One by one: Slack refuses a whole list for one person who is in the channel already.
            await self._rooms.invite(incident.room, [slack])

    async def _finish(self, incident: Incident, room: str, problem: str) -> None:
        roster, now = await self._oncall.roster(), self._clock.now()

        def work(tx: Tx) -> None:
            tx.run("finish_room", id=incident.id, room=room, due_at=now if room else None)
            if not room and not problem:
                return
            board = self._posts.board(tx, incident_records.locked(tx, incident.id), roster, now)
            if room:
                self._posts.header(tx, board)
                said = Message(
                    f"{incident.id} has a channel of its own", (lines(("Its own channel: ", ChannelLink(room))),)
                )
            else:
                said = Message.plain(f"No channel of its own could be created ({problem}); stay in this thread.")
            self._posts.say(tx, board, key=f"incident:{incident.id}:channel", message=said)

        await self._ledger.write(work)
