"""What the checks of an incident's system say: read anew for a page, and kept as new as the poller's last round."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Protocol

import structlog

from bot.domain.errors import BotError
from bot.domain.reading import Reading
from bot.health.service import Health
from bot.health.statement import Statement, statement
from bot.incidents import rows as incident_rows
from bot.incidents.posts import IncidentPosts
from bot.oncall.service import OnCall
from bot.ports import Clock
from bot.store import Ledger, Tx

PATIENCE = 2.0
"""Seconds that a page waits for the checks at most; what has not answered by then is named as such."""

_log = structlog.get_logger(__name__)


class Checks(Protocol):
    """Who reads the checks for a page."""

    async def of(self, systems: Iterable[str]) -> Mapping[str, Statement]:
        """What the checks of these systems say now; a system of which nothing is known in time is left out."""
        ...


class SystemChecks:
    """Reads all systems side by side, for `PATIENCE` seconds at most. It never raises: a page goes out without it."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def of(self, systems: Iterable[str]) -> Mapping[str, Statement]:
        names = sorted({name for name in systems if name})
        found = await asyncio.gather(*(self._read(name) for name in names))
        return {name: said for name, said in zip(names, found, strict=True) if said is not None}

    async def _read(self, system: str) -> Statement | None:
        try:
            async with (
                asyncio.timeout(PATIENCE + 0.5),
                aclosing(self._health.reports([system], first=PATIENCE)) as reports,
            ):
                async for report in reports:
                    first = report[0]
                    return statement(first.readings, first.at, pending=first.pending) if first.readings else None
        except (BotError, TimeoutError) as error:
            # A system that is no longer configured, or a ledger that does not take what was read.
            _log.warning("checks not read for a page", system=system, error=str(error))
        return None


class FollowedChecks:
    """After each round of the poller: the newest readings in every incident of that system that is not over."""

    def __init__(self, ledger: Ledger, clock: Clock, *, oncall: OnCall, posts: IncidentPosts) -> None:
        self._ledger = ledger
        self._clock = clock
        self._oncall = oncall
        self._posts = posts

    async def __call__(self, system: str, readings: Sequence[Reading]) -> None:
        """Keep them; header and pages are edited where another check fails now, not for every new value."""
        concerned = await self._ledger.read(lambda tx: tx.one("concerned_incident", system=system))
        if concerned is None:
            return
        roster, now = await self._oncall.roster(), self._clock.now()
        said = statement(readings, max((each.at or now for each in readings), default=now))

        def work(tx: Tx) -> None:
            for row in tx.all("followed_incidents", system=system):
                before = incident_rows.of_row(row)
                incident = incident_rows.set_checks(tx, before, said)
                if incident.failing != before.failing or not before.checks:
                    view = self._posts.view(tx, incident, roster, now)
                    self._posts.header(tx, view)
                    self._posts.refresh(tx, view)

        await self._ledger.write(work)
