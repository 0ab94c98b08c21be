"""What operations read of incidents, from the real table."""

import pytest

from bot.incidents.model import Reference
from bot.operations.ports import LedgerIncidents, OpenIncident
from bot.store import Ledger, Tx
from tests.fakes.clock import FakeClock
from tests.incidents.world import World as Incidents
from tests.incidents.world import execute
from tests.operations.world import LEAD, World, said

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


async def test_an_incident_tells_of_its_operations_in_its_channel_and_on_its_timeline(
    ledger: Ledger, clock: FakeClock
) -> None:
    """Once each: who asked, who approved, how it ended; the line in the channel of its own is edited as it goes on."""
    incidents = await _of_shop(ledger, clock)
    execute(ledger, "update incident set room = 'C1'")
    world = World(ledger, clock)
    world.incidents.open["shop"] = OpenIncident("INC-1", "P0", "mail stopped")

    rolled = await world.asked()
    await world.operations.decide(rolled.token, LEAD, "approve")
    await world.work()
    world.web.current = "v41"
    denied = await world.asked()
    await world.operations.decide(denied.token, LEAD, "deny", reason="v40 is worse")

    _, events = await incidents.incidents.view(Reference(id="INC-1"))
    room = [(key, said(message)) for key, (channel, message) in (await world.messages()).items() if channel == "C1"]
    assert [
        ("sre", "asked for OP-1 Roll back shop/web v41 → v40"),
        ("lead", "approved OP-1 Roll back shop/web v41 → v40"),
        ("steward", "did OP-1 Roll back shop/web v41 → v40"),
        ("sre", "asked for OP-2 Roll back shop/web v41 → v40"),
        ("lead", "denied OP-2 Roll back shop/web v41 → v40: v40 is worse"),
    ] == [(event.person, event.text) for event in events if event.kind == "operation"]
    assert ["operation:OP-1:incident:C1", "operation:OP-2:incident:C1"] == [key for key, _ in room]
    assert "✅ OP-1 Roll back shop/web v41 → v40 · @sre · done in" in room[0][1]
    assert "✅ OP-1" in await world.sees("operation:OP-1:incident")


async def _of_shop(ledger: Ledger, clock: FakeClock) -> Incidents:
    """INC-1 is open, of the system that operations act on, and its evidence has been gathered."""
    incidents = Incidents.build(ledger, clock)
    await incidents.open("P0")
    execute(ledger, "update incident set system = 'shop', evidence_due_at = null")
    return incidents
