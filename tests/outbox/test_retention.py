"""What the ledger forgets: sent messages after 30 days, and none that is still needed."""

import pytest

from bot.domain.message import Message
from bot.domain.people import Actor
from bot.domain.timing import DAY, HOUR
from bot.incidents.model import Reference
from bot.outbox import service as outbox
from bot.outbox.retention import Retention
from bot.store import Ledger
from tests.fakes.clock import FakeClock
from tests.incidents.world import World as Incidents
from tests.incidents.world import execute
from tests.operations.world import World as Operations

pytestmark = pytest.mark.ledger

SRE = Actor("sre", "U0SRE")


async def put(ledger: Ledger, clock: FakeClock, key: str, *, sent: bool = True) -> None:
    """One message; the sender had its turn, unless Slack has been away ever since."""
    message = Message.plain(key)
    await ledger.write(lambda tx: outbox.post(tx, key=key, channel="C0ALERTS", message=message, now=clock.now()))
    if sent:
        execute(
            ledger,
            f"update message set state = 'sent', ts = '1.0', sent_revision = wanted_revision where key = '{key}'",
        )


def kept(ledger: Ledger) -> set[str]:
    """The keys that are left."""
    return {row["key"] for row in execute(ledger, "select key from message")}


async def passes(ledger: Ledger, clock: FakeClock, days: int) -> None:
    """Days go by, and a bot that was started since looks for what may go."""
    clock.advance(days * DAY)
    duty = Retention(ledger)
    while await duty.run(clock.now()):
        pass


async def test_a_sent_message_goes_after_a_month(ledger: Ledger, clock: FakeClock) -> None:
    """Not before, not if it was edited since, and never one that has not left yet."""
    for key in ("plain", "edited"):
        await put(ledger, clock, key)
    await put(ledger, clock, "waiting", sent=False)
    await passes(ledger, clock, 29)
    before = kept(ledger)
    await put(ledger, clock, "edited")

    await passes(ledger, clock, 2)

    assert {"plain", "edited", "waiting"} == before
    assert {"edited", "waiting"} == kept(ledger)


async def test_many_go_in_batches_and_it_looks_again_after_an_hour(ledger: Ledger, clock: FakeClock) -> None:
    """No transaction holds the ledger for long, and an idle bot is not kept busy."""
    for number in range(501):
        await put(ledger, clock, f"m{number}", sent=False)
    execute(ledger, "update message set state = 'failed'")
    clock.advance(31 * DAY)
    duty = Retention(ledger)

    more = [await duty.run(clock.now()), await duty.run(clock.now())]
    await put(ledger, clock, "late")
    execute(ledger, "update message set created_at = 1, not_before = 1")
    clock.advance(HOUR - 1)
    await duty.run(clock.now())
    early = kept(ledger)
    clock.advance(1)
    await duty.run(clock.now())

    assert [True, False] == more
    assert ({"late"}, set()) == (early, kept(ledger))


async def test_an_open_incident_keeps_its_messages(ledger: Ledger, clock: FakeClock) -> None:
    """It edits its header and answers in its thread, however long it takes."""
    await put(ledger, clock, "earlier")
    clock.advance(HOUR)
    world = Incidents.build(ledger, clock)
    view = await world.open("P3")
    await world.sends()
    execute(ledger, "update message set state = 'sent'")

    await passes(ledger, clock, 40)
    while_open = kept(ledger)
    await world.incidents.resolve(Reference(id=view.incident.id), SRE)
    execute(ledger, "update message set state = 'sent'")
    await passes(ledger, clock, 31)

    assert "incident:INC-1" in while_open
    assert "earlier" not in while_open
    assert set() == kept(ledger)


async def test_an_operation_in_doubt_keeps_its_messages(ledger: Ledger, clock: FakeClock) -> None:
    """An unknown outcome may wait for a person for weeks; a review that nobody signed nags for as long."""
    world = Operations(ledger, clock)
    operation = await world.asked()
    for state, review in (("unknown", "null"), ("succeeded", "1")):
        execute(ledger, f"update operation set state = '{state}', review_at = {review}")
        execute(ledger, "update message set state = 'sent'")
        await passes(ledger, clock, 40)
        assert operation.key in kept(ledger), state

    execute(ledger, "update operation set review_at = null")
    await passes(ledger, clock, 1)

    assert set() == kept(ledger)
