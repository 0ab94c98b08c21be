"""Several replicas over one ledger: a due step is taken once."""

import asyncio

import pytest

from bot.store import open_ledger
from tests.fakes.clock import FakeClock
from tests.incidents.world import MIN, World, execute

pytestmark = pytest.mark.ledger

INCIDENTS = 120
REPLICAS = 4


async def test_replicas_share_the_due_incidents(ledger_url: str) -> None:
    """Four engines at once: every incident's second level is paged, and none twice."""
    clock = FakeClock()
    ledgers = [await open_ledger(ledger_url) for _ in range(REPLICAS)]
    worlds = [World.build(ledger, clock) for ledger in ledgers]
    for _ in range(INCIDENTS):
        await worlds[0].open("P0")
    clock.advance(5 * MIN)

    async def drain(world: World) -> None:
        while await world.escalation.run(clock.now()):
            pass

    await asyncio.gather(*(drain(world) for world in worlds))
    await worlds[0].settle()

    levels = execute(ledgers[0], "select level, count(*) as n from ping group by level order by level")
    assert [(row["level"], row["n"]) for row in levels] == [(1, INCIDENTS), (2, INCIDENTS)]
    for ledger in ledgers:
        await ledger.close()
