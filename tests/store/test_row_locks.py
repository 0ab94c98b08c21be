"""Replicas on PostgreSQL wait for one another: what a transaction has read to change, nobody else changes meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest

from bot.incidents import rows as incident_rows
from bot.incidents.model import Incident, Reference
from bot.store import Ledger, Row, Tx, open_ledger
from tests.fakes.clock import FakeClock
from tests.incidents.world import SRE, World

pytestmark = pytest.mark.ledger


@pytest.fixture
async def ledger(postgres_url: str) -> AsyncIterator[Ledger]:
    """The ledger on PostgreSQL: SQLite has one writer, and no rows to lock."""
    ledger = await open_ledger(postgres_url)
    yield ledger
    await ledger.close()


Read = Callable[[Tx, Incident], Incident | Row | None]


@pytest.mark.parametrize(
    ("read", "row"),
    [
        pytest.param(lambda tx, it: incident_rows.locked(tx, it.id), "incident", id="an incident by its id"),
        pytest.param(
            lambda tx, it: incident_rows.locked_by_token(tx, it.token), "incident", id="an incident by a button"
        ),
        pytest.param(
            lambda tx, it: tx.all("followed_incidents", system=it.system)[0], "incident", id="incidents of a system"
        ),
        pytest.param(lambda tx, _: tx.one("audit_head"), "audit_head", id="the end of the audit's chain"),
    ],
)
async def test_what_is_read_to_be_changed_is_held(
    ledger: Ledger, postgres_url: str, clock: FakeClock, read: Read, row: str
) -> None:
    """Another replica that wants the row gets it after the commit, not before."""
    incident = (await World.build(ledger, clock).open()).incident
    await ledger.write(lambda tx: tx.run("start_audit_head", anchored_on="2026-05-03"))

    def holds(tx: Tx) -> None:
        read(tx, incident)
        with psycopg.connect(postgres_url) as other, pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute(f"select 1 from {row} for update nowait".encode())

    await ledger.write(holds)


async def test_a_change_is_made_of_what_the_replica_before_it_left(
    ledger: Ledger, postgres_url: str, clock: FakeClock
) -> None:
    """Two people act in one moment on two replicas: both changes count, and the epoch rises twice."""
    world = World.build(ledger, clock)
    await world.open()

    with psycopg.connect(postgres_url) as other:
        other.execute("update incident set epoch = epoch + 1, impact = 'no receipts'")
        acting = asyncio.create_task(world.incidents.acknowledge(Reference(id="INC-1"), SRE))
        await _waits(postgres_url)
        other.commit()
    found = (await acting).incident

    assert (3, "no receipts", SRE) == (found.epoch, found.impact, found.owner)


async def _waits(address: str) -> None:
    """Until a session of this database waits for a row."""
    waiting = b"select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with asyncio.timeout(10), await psycopg.AsyncConnection.connect(address, autocommit=True) as watcher:
        while await (await watcher.execute(waiting)).fetchone() is None:
            pass
