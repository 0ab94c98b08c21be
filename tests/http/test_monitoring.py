"""What watches the bot itself: ready or why not, and figures for Prometheus."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest

from bot.domain.errors import Unavailable
from bot.engine.cycle import Engine
from bot.engine.duty import Duty
from bot.http.monitoring import Metrics, Readiness
from bot.store import Ledger, Tx
from bot.store.sqlite import SqliteDriver
from tests.fakes.clock import FakeClock
from tests.outbox.world import Post

T = TypeVar("T")


class Broken:
    """A duty that always fails."""

    name = "broken"

    async def run(self, now: int) -> bool:
        raise RuntimeError(f"a defect at {now}")

    async def next_due(self) -> int | None:
        return None


class Full(SqliteDriver):
    """A database that can be read, and whose disk is full."""

    def transact(self, work: Callable[[Tx], T], *, write: bool, patience: float) -> T:
        if write:
            raise Unavailable("The ledger's disk is full; nothing was changed.")
        return super().transact(work, write=write, patience=patience)


class Deaf(SqliteDriver):
    """A database that does not answer any more."""

    silent = False

    def transact(self, work: Callable[[Tx], T], *, write: bool, patience: float) -> T:
        if self.silent:
            raise Unavailable("The ledger's database does not answer.")
        return super().transact(work, write=write, patience=patience)


def engine(ledger: Ledger, clock: FakeClock, duties: Sequence[Duty] = ()) -> Engine:
    """An engine that has not cycled yet."""
    built = Engine(ledger, clock, Post(ledger, clock).sender)
    built.add(*duties)
    return built


@pytest.mark.ledger
@pytest.mark.parametrize(
    ("cycled", "later", "ahead", "reason"),
    [
        pytest.param(False, 0, 0, "no engine cycle has ended yet", id="not before the first cycle"),
        pytest.param(True, 5_000, 0, "", id="ready while a cycle ended within 5 s"),
        pytest.param(True, 5_001, 0, "the last engine cycle ended 5 s ago", id="not after it"),
        pytest.param(True, 0, 999, "", id="clocks may differ by less than 1 s"),
        pytest.param(True, 0, 1_000, "differ by 1000 ms", id="not when the database is 1 s ahead"),
        pytest.param(True, 0, -1_000, "differ by 1000 ms", id="not when it is 1 s behind"),
        pytest.param(True, 0, None, "The ledger does not answer.", id="not without a ledger"),
    ],
)
async def test_ready_or_why_not(
    ledger: Ledger, clock: FakeClock, *, cycled: bool, later: int, ahead: int | None, reason: str
) -> None:
    """A cycle ended within 5 s, the ledger answers, and the two clocks differ by less than 1 s."""

    async def database_now() -> int:
        if ahead is None:
            raise Unavailable("The ledger does not answer.")
        return clock.wall() + ahead

    watched = engine(ledger, clock)
    if cycled:
        await watched.cycle(patience=1)
    clock.advance(later)

    told = await Readiness(watched, ledger, clock, database_now)()

    assert bool(reason) == bool(told)
    assert reason in told


async def test_not_ready_while_nothing_can_be_kept(clock: FakeClock) -> None:
    """A ledger that answers and takes no row is no ledger to work with."""
    full = Ledger(Full(":memory:"))
    watched = engine(full, clock)
    await watched.cycle(patience=1)

    told = await Readiness(watched, full, clock, full.database_now)()
    await full.close()

    assert "The ledger's disk is full; nothing was changed." == told


@pytest.mark.ledger
async def test_asking_often_is_no_load(ledger: Ledger, clock: FakeClock) -> None:
    """Whoever asks within the same second gets the same answer; a second later it is found out anew."""

    async def near() -> int:
        return clock.wall()

    watched, kept = engine(ledger, clock), list[frozenset[str]]()
    await watched.cycle(patience=1)
    ledger.watch(kept.append)
    ready = Readiness(watched, ledger, clock, near)
    for _ in range(20):
        assert ("", "") == tuple(await asyncio.gather(ready(), ready()))
    assert [{"try_ledger"}] == kept
    clock.advance(1_000)
    assert "" == await ready()

    assert [{"try_ledger"}] * 2 == kept


@pytest.mark.ledger
async def test_figures_tell_what_fails_and_what_does_not_leave(ledger: Ledger, clock: FakeClock) -> None:
    """Cycles and their age, failing duties, and how old the oldest unsent page is."""
    watched = engine(ledger, clock, [Broken()])
    post = Post(ledger, clock)
    for key in ("one", "two"):
        await post.put(key, "wake up", lane="page")
        clock.advance(20_000)
    await watched.cycle(patience=1)
    clock.advance(2_000)

    figures = (await Metrics(watched, ledger, clock, lambda: True)()).decode().splitlines()

    expected = {
        "steward_engine_cycles_total 1.0",
        "steward_engine_cycle_age_seconds 2.0",
        "steward_slack_connected 1.0",
        'steward_duty_failures{duty="broken"} 1.0',
        'steward_outbox_messages{lane="page"} 2.0',
        'steward_outbox_messages{lane="rest"} 0.0',
        'steward_outbox_age_seconds{lane="page"} 42.0',
        'steward_outbox_age_seconds{lane="rest"} 0.0',
    }
    assert expected == expected & set(figures)


async def test_figures_come_without_a_ledger_too(clock: FakeClock) -> None:
    """What is known is still told."""
    driver = Deaf(":memory:")
    driver.silent = True
    deaf = Ledger(driver)

    figures = (await Metrics(engine(deaf, clock), deaf, clock, lambda: False)()).decode()
    await deaf.close()

    assert "steward_engine_cycles_total 0.0" in figures
    assert "steward_slack_connected 0.0" in figures
    assert "outbox" not in figures
