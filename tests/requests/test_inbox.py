"""The inbox: each request is accepted once, survives its process, and is carried out by one."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import pytest

from bot.domain.errors import Unavailable
from bot.domain.timing import HOUR, MINUTE
from bot.requests.inbox import Inbox
from bot.requests.invocation import Incoming
from bot.store import Ledger, Row, Tx
from bot.store.ledger import AlreadyHandled
from bot.store.sqlite import SqliteDriver
from tests.fakes.clock import FakeClock
from tests.outbox.world import poll

T = TypeVar("T")

pytestmark = pytest.mark.ledger

CALL = Incoming("command", "/rollback", "newsletter to v40", "U0SRE", fields={"why": "503"}, request_id="r-1")


AGAIN = dataclasses.replace(CALL, request_id="r-2")
"""The same request, delivered once more."""


@pytest.fixture
def inbox(ledger: Ledger, clock: FakeClock) -> Inbox:
    """The inbox of one replica."""
    return Inbox(ledger, clock, owner="replica-1")


@pytest.fixture
def other(ledger: Ledger, clock: FakeClock) -> Inbox:
    """The inbox of another replica, on the same ledger."""
    return Inbox(ledger, clock, owner="replica-2")


@pytest.mark.parametrize("key", ["v0=a", "é\n\"'\\/\U0001f600"])
async def test_a_replay_is_not_new(inbox: Inbox, other: Inbox, key: str) -> None:
    """The same signature is accepted by one replica, once, whatever characters Slack makes ids of."""
    deliveries = [dataclasses.replace(CALL, request_id=f"r-{number}") for number in range(3)]
    answers = await asyncio.gather(
        *(each.accept(key, call) for each, call in zip((inbox, other, inbox), deliveries, strict=True))
    )

    assert sorted(answers) == [False, False, True]


async def test_a_finished_request_still_refuses_its_replay(inbox: Inbox) -> None:
    """The key stays after the work is done."""
    await inbox.accept("v0=a", CALL)
    await inbox.finish("v0=a")

    assert await inbox.accept("v0=a", CALL) is False


async def test_half_a_character_spoils_no_commit(inbox: Inbox) -> None:
    """What JSON can carry and a database cannot fails nobody, least of all who shares the commit."""
    odd = dataclasses.replace(CALL, trigger="\ud800", private="a\0b")

    accepted = await asyncio.gather(inbox.accept("v0=a", odd), inbox.accept("v0=b", CALL))

    assert [True, True] == list(accepted)


async def test_requests_of_the_same_moment_share_commits(ledger: Ledger, inbox: Inbox) -> None:
    """Fifty requests at once need a few commits, and each gets its own answer."""
    commits: list[frozenset[str]] = []
    ledger.watch(commits.append)
    answers = await asyncio.gather(*(inbox.accept(f"v0={number}", CALL) for number in range(50)))

    assert all(answers)
    assert len(commits) <= 3


async def test_a_live_process_keeps_its_requests(inbox: Inbox, other: Inbox, clock: FakeClock) -> None:
    """Work that takes long is renewed by its process, so nobody takes it over."""
    await inbox.accept("v0=a", CALL)
    for _ in range(20):
        clock.advance(1_000)
        await inbox.claim_abandoned()

        assert await other.claim_abandoned() == []


async def test_a_dead_process_leaves_its_requests_to_another(inbox: Inbox, other: Inbox, clock: FakeClock) -> None:
    """An accepted request is handed out again, whole and once, four seconds after its process went silent."""
    arrived = clock.now()
    await inbox.accept("v0=a", CALL)
    clock.advance(3_000)
    early = await other.claim_abandoned()
    clock.advance(1_000)

    assert early == []
    assert await other.claim_abandoned() == [("v0=a", CALL, arrived)]
    assert await other.claim_abandoned() == []


async def test_who_takes_a_request_over_keeps_it(ledger: Ledger, inbox: Inbox, other: Inbox, clock: FakeClock) -> None:
    """Its lease holds from the first moment: a third process gets nothing, and it is renewed until the end."""
    third = Inbox(ledger, clock, owner="replica-3")
    await inbox.accept("v0=a", CALL)
    clock.advance(4_000)
    taken = await other.claim_abandoned()
    beside = await third.claim_abandoned()
    clock.advance(3_000)
    renewed = await other.claim_abandoned()
    clock.advance(3_000)

    assert 1 == len(taken)
    assert ([], []) == (beside, renewed)
    assert [] == await third.claim_abandoned()
    await other.finish("v0=a")
    assert not other._held


async def test_a_request_that_was_decided_is_not_decided_again(
    ledger: Ledger, inbox: Inbox, other: Inbox, clock: FakeClock
) -> None:
    """A process that dies after its decision, before it could say so, causes no second decision."""
    await inbox.accept("v0=a", CALL)
    await ledger.write(_decide, receipt="v0=a")
    clock.advance(6_000)

    with pytest.raises(AlreadyHandled):
        await ledger.write(_decide, receipt="v0=a")

    assert await other.claim_abandoned() == []


async def test_nobody_runs_what_was_given_up(inbox: Inbox, other: Inbox, clock: FakeClock) -> None:
    """A request whose acknowledgement timed out told its person that nothing happens, so it never runs."""
    waiting = asyncio.create_task(inbox.accept("v0=a", CALL))
    await asyncio.sleep(0)
    waiting.cancel()
    await poll(lambda: inbox._committing is None)
    clock.advance(10_000)

    assert await other.claim_abandoned() == []
    assert await inbox.accept("v0=a", AGAIN) is False


async def test_old_keys_are_forgotten(inbox: Inbox, clock: FakeClock) -> None:
    """A key is kept far longer than its signature is fresh, and then need not be."""
    await inbox.accept("v0=a", CALL)
    await inbox.finish("v0=a")
    clock.advance(HOUR)
    await inbox.claim_abandoned()
    known = await inbox.accept("v0=a", CALL)
    clock.advance(MINUTE)
    await inbox.claim_abandoned()

    assert known is False
    assert await inbox.accept("v0=a", CALL) is True


class MovedDisk(SqliteDriver):
    """A database that can be taken away, before it has done what it was asked to or after."""

    silent = False
    lost = 0
    fails_at = 0
    """The how many-th statement from now on fails; 0: none."""

    def transact(self, work: Callable[[Tx], T], *, write: bool, patience: float) -> T:
        if self.silent:
            raise Unavailable("The ledger's database does not answer.")
        return super().transact(work, write=write, patience=patience)

    def alone(self, name: str, parameters: Row) -> list[Row]:
        self.fails_at -= 1
        if self.fails_at == 0:
            raise Unavailable("The ledger's database does not answer.")
        for _ in range(self.lost):  # As the driver for PostgreSQL does after a lost connection.
            super().alone(name, parameters)
        rows = super().alone(name, parameters)
        if self.lost > 1:
            raise Unavailable("The ledger's database broke off while it saved.")
        return rows


async def test_a_silent_ledger_is_told_to_all_who_wait(clock: FakeClock) -> None:
    """When nothing can be kept, everyone who asked hears it, and the next request is tried anew."""
    driver = MovedDisk(":memory:")
    ledger = Ledger(driver)
    await ledger.migrate()
    inbox = Inbox(ledger, clock, owner="replica-1")
    driver.silent = True
    answers = await asyncio.gather(*(inbox.accept(f"v0={number}", CALL) for number in range(3)), return_exceptions=True)
    driver.silent = False
    afterwards = await inbox.accept("v0=1", CALL)
    await ledger.close()

    assert [type(answer) for answer in answers] == [Unavailable] * 3
    assert afterwards is True


@pytest.fixture
async def disk() -> AsyncIterator[tuple[MovedDisk, Ledger]]:
    """A database that can be taken away, and the ledger in it."""
    driver = MovedDisk(":memory:")
    ledger = Ledger(driver)
    await ledger.migrate()
    yield driver, ledger
    await ledger.close()


async def test_a_request_that_was_kept_twice_is_new(disk: tuple[MovedDisk, Ledger], clock: FakeClock) -> None:
    """Its first answer was lost: it is the same delivery, and no replay."""
    driver, ledger = disk
    inbox = Inbox(ledger, clock, owner="replica-1")
    driver.lost = 1

    assert await inbox.accept("v0=a", CALL) is True
    assert await inbox.accept("v0=a", AGAIN) is False


@pytest.mark.parametrize("looks", [True, False])
async def test_what_nobody_knows_to_be_kept_is_given_up(
    disk: tuple[MovedDisk, Ledger], clock: FakeClock, *, looks: bool
) -> None:
    """Its person was told that nothing happens; as soon as the ledger answers, nobody may run it any more."""
    driver, ledger = disk
    inbox, other = Inbox(ledger, clock, owner="replica-1"), Inbox(ledger, clock, owner="replica-2")
    driver.lost = 2
    with pytest.raises(Unavailable):
        await inbox.accept("v0=a", CALL)
    driver.lost = 0
    if looks:
        await inbox.claim_abandoned()
    clock.advance(10_000)

    left = [key for key, _, _ in await other.claim_abandoned()]

    assert ([] if looks else ["v0=a"]) == left


async def test_what_was_given_up_while_it_was_kept_stays_given_up(
    disk: tuple[MovedDisk, Ledger], clock: FakeClock
) -> None:
    """It was kept when its person had been told already, and the ledger was silent when it should forget it."""
    driver, ledger = disk
    inbox, other = Inbox(ledger, clock, owner="replica-1"), Inbox(ledger, clock, owner="replica-2")
    waiting = asyncio.create_task(inbox.accept("v0=a", CALL))
    await asyncio.sleep(0)
    waiting.cancel()
    driver.fails_at = 2
    await poll(lambda: inbox._committing is None)
    await inbox.claim_abandoned()
    clock.advance(10_000)

    assert [] == await other.claim_abandoned()


async def test_a_repetition_that_cannot_be_kept_takes_nothing_from_the_first(
    disk: tuple[MovedDisk, Ledger], clock: FakeClock
) -> None:
    """The first delivery is at work, and its decision counts."""
    driver, ledger = disk
    inbox = Inbox(ledger, clock, owner="replica-1")
    await inbox.accept("v0=a", CALL)
    driver.fails_at = 1
    with pytest.raises(Unavailable):
        await inbox.accept("v0=a", AGAIN)
    await inbox.claim_abandoned()

    assert 1 == await ledger.write(_decide, receipt="v0=a")


async def test_what_was_given_up_may_come_again(disk: tuple[MovedDisk, Ledger], clock: FakeClock) -> None:
    """The same key, delivered anew, is taken, and stays taken."""
    driver, ledger = disk
    inbox, other = Inbox(ledger, clock, owner="replica-1"), Inbox(ledger, clock, owner="replica-2")
    driver.silent = True
    with pytest.raises(Unavailable):
        await inbox.accept("v0=a", CALL)
    driver.silent = False

    taken = await inbox.accept("v0=a", AGAIN)
    await inbox.claim_abandoned()
    clock.advance(10_000)

    assert taken is True
    assert [("v0=a", AGAIN)] == [(key, call) for key, call, _ in await other.claim_abandoned()]


def _decide(tx: Tx) -> int:
    row = tx.one("next_number", name="OP")
    assert row is not None
    return int(row["value"])
