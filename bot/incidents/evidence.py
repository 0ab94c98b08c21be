"""The evidence duty: what the checks say, in the thread of a new incident, and what was changed last.

The change is read anew for every later page, after a reopening, and once an operation on the system has ended.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Protocol

from bot.domain.errors import BotError
from bot.domain.message import Message
from bot.domain.timing import MINUTE
from bot.health.statement import Statement
from bot.incidents import rows as incident_rows
from bot.incidents.model import Incident, State, Suspect
from bot.incidents.posts import IncidentPosts
from bot.oncall.service import OnCall
from bot.outbox import service as outbox
from bot.ports import Clock
from bot.store import Ledger, Row, Tx

PATIENCE = 20.0


class EvidenceSource(Protocol):
    """Who can tell how a system is."""

    async def evidence(self, system: str) -> tuple[Message, Statement]:
        """The readings of now, in full and in one line."""
        ...

    async def suspect(self, system: str, at: int) -> Suspect:
        """The newest change as of `at` (epoch ms); without words where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class _Found:
    """What a round has found. `message` is for the thread; `suspect` None: not known, so what was known stands."""

    message: Message | None = None
    said: Statement | None = None
    suspect: Suspect | None = None


class IncidentEvidence:
    """Reads after the page has been committed, so it never delays one."""

    name = "incident-evidence"

    def __init__(
        self, ledger: Ledger, clock: Clock, *, source: EvidenceSource, oncall: OnCall, posts: IncidentPosts
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._source = source
        self._oncall = oncall
        self._posts = posts

    async def run(self, now: int) -> bool:
        """The evidence of one incident; True where another may wait."""
        due = await self.next_due()
        if due is None or due > now:
            return False
        again = now + MINUTE
        row = await self._ledger.write(lambda tx: tx.one("claim_evidence", now=now, again=again))
        if row is None:
            return False
        incident = incident_rows.of_row(row)
        told = await self._ledger.read(lambda tx: outbox.is_queued(tx, _key(incident)))
        await self._finish(incident, await self._ask(incident, now, told=told), claimed=again)
        return True

    async def next_due(self) -> int | None:
        """When the next evidence is wanted."""
        row: Row | None = await self._ledger.read(lambda tx: tx.one("next_evidence"))
        return row["at"] if row else None

    async def _ask(self, incident: Incident, now: int, *, told: bool) -> _Found:
        if not incident.system:
            return _Found()
        try:
            async with asyncio.timeout(PATIENCE):
                suspect = await self._source.suspect(incident.system, now)
                if told:
                    return _Found(suspect=suspect)
                message, said = await self._source.evidence(incident.system)
                return _Found(message, said, suspect)
        except TimeoutError:
            why = f"The checks of {incident.system} did not end within {PATIENCE:.0f} s."
        except BotError as error:
            why = f"The checks of {incident.system} could not be run: {error}"
        return _Found(None if told else Message.plain(why))

    async def _finish(self, incident: Incident, found: _Found, *, claimed: int) -> None:
        roster, now = await self._oncall.roster(), self._clock.now()

        def work(tx: Tx) -> None:
            before = incident_rows.locked(tx, incident.id)
            suspect = before.suspect if found.suspect is None else found.suspect
            tx.run("finish_evidence", id=incident.id, suspect=suspect.text, at=suspect.at, claimed=claimed)
            news = found.message is not None or suspect != before.suspect
            if before.state is State.RESOLVED or not news:
                return
            known = incident_rows.set_checks(tx, replace(before, suspect=suspect), found.said)
            view = self._posts.view(tx, known, roster, now)
            if found.message is not None:
                self._posts.say(tx, view, key=_key(incident), message=found.message)
            self._posts.header(tx, view)
            self._posts.refresh(tx, view)

        await self._ledger.write(work)


def _key(incident: Incident) -> str:
    """The outbox key of its evidence: another one once its clocks have started anew."""
    anew = "" if incident.planned_from == incident.opened_at else f":{incident.planned_from}"
    return f"incident:{incident.id}:evidence{anew}"
