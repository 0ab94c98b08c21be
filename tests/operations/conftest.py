"""The world of operations, on both databases."""

import pytest

from bot.store import Ledger
from tests.fakes.clock import FakeClock
from tests.operations.world import World


@pytest.fixture
async def world(ledger: Ledger, clock: FakeClock) -> World:
    """A bot with one system, five people and nobody else."""
    return World(ledger, clock)
