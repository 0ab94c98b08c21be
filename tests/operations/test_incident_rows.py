"""What operations read of incidents, from the real table."""

import pytest

from bot.services.operation_ports import LedgerIncidents, OpenIncident
from bot.store import Ledger, Tx
from tests.fakes.clock import FakeClock
from tests.incidents.world import World as Incidents

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
