"""The trap: what several workers claim at once, each row gets to one of them."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from bot.requests.inbox import Inbox
from bot.requests.invocation import Incoming
from bot.store import Ledger, open_ledger
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.ledger

CALL = Incoming("command", "/incident", "open P0 newsletter", "U0SRE")


async def test_workers_that_claim_at_once_share_the_rows(ledger_url: str, clock: FakeClock) -> None:
    """Four replicas take over two hundred requests of a dead one; none is handed out twice, none is left."""
    ledgers: list[Ledger] = [await open_ledger(ledger_url) for _ in range(4)]
    dead = Inbox(ledgers[0], clock, owner="dead")
    await asyncio.gather(*(dead.accept(f"v0={number}", CALL) for number in range(200)))
    clock.advance(10_000)

    async def work(number: int) -> list[str]:
        inbox = Inbox(ledgers[number], clock, owner=f"replica-{number}")
        mine: list[str] = []
        while claimed := await inbox.claim_abandoned():
            mine += [key for key, _, _ in claimed]
        return mine

    shares = await asyncio.gather(*(work(number) for number in range(4)))
    for ledger in ledgers:
        await ledger.close()

    assert sorted(key for share in shares for key in share) == sorted(f"v0={number}" for number in range(200))


async def test_a_claim_takes_no_more_than_its_limit_whatever_the_plan(postgres_url: str, clock: FakeClock) -> None:
    """A planner that loops over the rows would choose anew for each of them; what is chosen stands apart, and once."""
    looping = "".join(f"%20-cenable_{way}%3Doff" for way in ("hashjoin", "mergejoin", "hashagg", "material", "sort"))
    ledger = await open_ledger(f"{postgres_url}?options={looping[3:]}")
    dead, other = Inbox(ledger, clock, owner="dead"), Inbox(ledger, clock, owner="other")
    await asyncio.gather(*(dead.accept(f"v0={number}", CALL) for number in range(20)))
    clock.advance(10_000)

    claimed = [len(await other.claim_abandoned(most=1)) for _ in range(3)]
    await ledger.close()

    assert [1, 1, 1] == claimed


CARELESS = """update due set owner = %s, due = 99 where id in (select id from due where due <= 1 order by id limit 5)
returning id"""
CAREFUL = """update due set owner = %s, due = 99
where id in (select id from due where due <= 1 order by id limit 5 for update skip locked) and due <= 1 returning id"""


@pytest.mark.parametrize(
    ("claim", "twice"),
    [
        pytest.param(CARELESS, True, id="a bare subselect claims rows twice"),
        pytest.param(CAREFUL, False, id="skip locked and the repeated condition claim each once"),
    ],
)
def test_why_claims_are_written_as_they_are(postgres_url: str, claim: str, *, twice: bool) -> None:
    """Two claims that meet see the same rows on PostgreSQL; the rules of the one SQL text guard against it."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("drop table if exists due")
        connection.execute("create table due (id bigint primary key, due bigint, owner text)")
        connection.execute("insert into due select number, 1, null from generate_series(1, 10) as number")
    first, second = psycopg.connect(postgres_url), psycopg.connect(postgres_url)
    with first, second, ThreadPoolExecutor(1) as thread:
        mine = [row[0] for row in first.execute(claim.encode(), ("a",)).fetchall()]
        meanwhile = thread.submit(lambda: second.execute(claim.encode(), ("b",)).fetchall())
        with psycopg.connect(postgres_url, autocommit=True) as onlooker:
            while not meanwhile.done() and not _waits(onlooker):
                pass
        first.commit()
        theirs = [row[0] for row in meanwhile.result(timeout=10)]

    assert bool(set(mine) & set(theirs)) is twice


def _waits(onlooker: psycopg.Connection) -> bool:
    row = onlooker.execute("select count(*) from pg_stat_activity where wait_event_type = 'Lock'").fetchone()
    return row is not None and row[0] > 0
