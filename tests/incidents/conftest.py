"""One world per test, over the ledger that the test runs on."""

import pytest

from bot.store import Ledger
from tests.fakes.clock import FakeClock
from tests.incidents.world import World


@pytest.fixture
def world(ledger: Ledger, clock: FakeClock) -> World:
    """Incidents over a fresh ledger."""
    return World.build(ledger, clock)
