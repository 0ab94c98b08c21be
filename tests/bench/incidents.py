"""Incidents in a ledger, as many as a bench wants, written by the bot's own statements."""

import time

from bot.domain.people import Actor
from bot.incidents import rows as incident_rows
from bot.incidents.model import Incident, Severity, State
from bot.store import Tx, open_ledger

_AT_ONCE = 5_000


async def seed(database: str, *, count: int, first: int, apart: float) -> None:
    """Open P0 incidents whose first page is due from `first` on, `apart` ms after one another."""
    ledger = await open_ledger(database)
    try:
        for start in range(0, count, _AT_ONCE):
            numbers = range(start + 1, min(start + _AT_ONCE, count) + 1)

            def insert(tx: Tx, numbers: range = numbers) -> None:
                for number in numbers:
                    due = int(first + number * apart)
                    incident_rows.insert(tx, _incident(number, due), channel="C0ALERTS", due_at=None)
                    incident_rows.save(tx, _incident(number, due), next_step_at=due)

            await ledger.write(insert)
    finally:
        await ledger.close()


def _incident(number: int, due: int) -> Incident:
    return Incident(
        id=f"INC-{number}",
        number=number,
        title="mail stopped",
        system="shop",
        severity=Severity.P0,
        state=State.OPEN,
        epoch=1,
        token=f"bench-{number}-{time.time_ns()}",
        opened_at=due,
        opened_by=Actor("engineer", "U0ENGINEER"),
        planned_from=due,
        impact="",
    )
