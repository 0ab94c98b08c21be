"""The evidence duty: what the checks say and what was changed last, in the thread of a new incident."""

import asyncio
from typing import Protocol

from bot.domain.errors import BotError
from bot.domain.incident import Incident
from bot.domain.message import Message
from bot.domain.statement import Statement
from bot.domain.timing import MINUTE
from bot.ports import Clock
from bot.services import incident_records
from bot.services.incident_posts import IncidentPosts
from bot.services.oncall import OnCall
from bot.store import Ledger, Row, Tx

PATIENCE = 20.0


class Witness(Protocol):
    """Who can tell how a system is."""

    async def evidence(self, system: str) -> tuple[Message, Statement]:
        """The readings of now, in full and in one line."""
        ...

    async def suspect(self, system: str, at: int) -> str:
        """The last change before `at` (epoch ms), as one line; empty where there is none."""
        ...


class IncidentEvidence:
    """Reads after the page has been committed, so it never delays one."""

    name = "incident-evidence"

    def __init__(self, ledger: Ledger, clock: Clock, *, witness: Witness, oncall: OnCall, posts: IncidentPosts) -> None:
        self._ledger = ledger
        self._clock = clock
        self._witness = witness
        self._oncall = oncall
        self._posts = posts

    async def run(self, now: int) -> bool:
        """The evidence of one incident; True where another may wait."""
        due = await self.next_due()
        if due is None or due > now:
            return False
        row = await self._ledger.write(lambda tx: tx.one("claim_evidence", now=now, again=now + MINUTE))
        if row is None:
            return False
        incident = incident_records.of_row(row)
        message, said, suspect = await self._ask(incident)
        await self._finish(incident, message, said, suspect)
        return True

    async def next_due(self) -> int | None:
        """When the next evidence is wanted."""
        row: Row | None = await self._ledger.read(lambda tx: tx.one("next_evidence"))
        return row["at"] if row else None

    async def _ask(self, incident: Incident) -> tuple[Message | None, Statement | None, str]:
        if not incident.system:
            return None, None, ""
        try:
            async with asyncio.timeout(PATIENCE):
                suspect = await self._witness.suspect(incident.system, incident.opened_at)
                message, said = await self._witness.evidence(incident.system)
                return message, said, suspect
        except TimeoutError:
            return Message.plain(f"The checks of {incident.system} did not end within {PATIENCE:.0f} s."), None, ""
        except BotError as error:
            return Message.plain(f"The checks of {incident.system} could not be run: {error}"), None, ""

    async def _finish(self, incident: Incident, message: Message | None, said: Statement | None, suspect: str) -> None:
        roster, now = await self._oncall.roster(), self._clock.now()

        def work(tx: Tx) -> None:
            tx.run("finish_evidence", id=incident.id, suspect=suspect)
            if message is None:
                return
            known = incident_records.set_checks(tx, incident_records.locked(tx, incident.id), said)
            board = self._posts.board(tx, known, roster, now)
            self._posts.say(tx, board, key=f"incident:{incident.id}:evidence", message=message)
            self._posts.header(tx, board)
            self._posts.refresh(tx, board)

        await self._ledger.write(work)
