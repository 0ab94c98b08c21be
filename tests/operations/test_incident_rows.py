"""What operations read of incidents, from the real table."""

import pytest

from bot.services.operation_ports import LedgerIncidents, OpenIncident
from bot.store import Ledger, Tx
from tests.fakes.clock import FakeClock
from tests.incidents.world import World as Incidents
from tests.incidents.world import execute
from tests.operations.world import LEAD, World

pytestmark = pytest.mark.ledger


async def test_the_worst_open_incident_of_a_system_counts(ledger: Ledger, clock: FakeClock) -> None:
    """Before one is opened there is none; of two the more severe one gives reason and urgency."""
    found = LedgerIncidents()

    def read(tx: Tx) -> tuple[OpenIncident | None, str]:
        return found.of_system(tx, "newsletter"), found.severity(tx, "INC-2")

    before = await ledger.read(read)
    incidents = Incidents.build(ledger, clock)
    await incidents.open("P1", "slow mail")
    await incidents.open("P0", "mail stopped")

    assert (None, "") == before
    assert (OpenIncident("INC-2", "P0", "mail stopped"), "P0") == await ledger.read(read)


async def test_an_operation_that_has_ended_is_looked_at_as_the_last_change(ledger: Ledger, clock: FakeClock) -> None:
    """What is suspected is read anew then, and not before; a request that never ran has changed nothing."""
    await _of_shop(ledger, clock)
    world = World(ledger, clock)

    denied = await world.asked()
    await world.operations.decide(denied.token, LEAD, "deny", reason="no")
    before = execute(ledger, "select evidence_due_at from incident")
    rolled = await world.asked()
    await world.operations.decide(rolled.token, LEAD, "approve")
    await world.work()

    assert [None] == [row["evidence_due_at"] for row in before]
    assert clock.now() == execute(ledger, "select evidence_due_at from incident")[0]["evidence_due_at"]


async def _of_shop(ledger: Ledger, clock: FakeClock) -> Incidents:
    """INC-1 is open, of the system that operations act on, and its evidence has been gathered."""
    incidents = Incidents.build(ledger, clock)
    await incidents.open("P0")
    execute(ledger, "update incident set system = 'shop', evidence_due_at = null")
    return incidents
