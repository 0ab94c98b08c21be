"""The health poller: blindness is told once, after ten minutes."""

import pytest

from bot.domain.errors import Unauthorized
from bot.domain.reading import Thresholds
from bot.domain.timing import MINUTE
from bot.health.poller import HealthPoller
from bot.health.service import Health
from bot.ports import Measurement
from bot.store import Ledger
from bot.systems import Check, System, Systems
from tests.fakes.clock import FakeClock


async def refused() -> Measurement:
    """Our key may not look."""
    raise Unauthorized("key may not list domains (401)")


@pytest.fixture
def poller(ledger: Ledger, clock: FakeClock) -> HealthPoller:
    """A poller of one system with one check that we may not read."""
    check = Check("resend", "Resend", refused, Thresholds(), 1000)
    systems = Systems({"newsletter": System("newsletter", "Newsletter", {"resend": check})})
    return HealthPoller(Health(ledger, clock, systems), systems, ledger, clock, channel="C0ALERTS")


async def told(ledger: Ledger) -> int:
    """How many messages wait in the outbox."""
    rows = await ledger.read(lambda tx: tx.all("outbox_backlog"))
    return sum(int(row["waiting"]) for row in rows)


@pytest.mark.ledger
async def test_what_cannot_be_read_for_ten_minutes_is_told_once(
    ledger: Ledger, clock: FakeClock, poller: HealthPoller
) -> None:
    """Not at once, since it may pass; not every minute, since it says nothing new."""
    await poller.round()
    clock.advance(9 * MINUTE)
    await poller.round()
    early = await told(ledger)

    for _ in range(3):
        clock.advance(MINUTE)
        await poller.round()

    assert (0, 1) == (early, await told(ledger))
