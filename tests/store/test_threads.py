"""The threads of the ledger: outcomes come back whole, in any number, and to those who still wait."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from bot.store.threads import Threads


@pytest.fixture
async def threads() -> AsyncIterator[Threads]:
    """Two of them."""
    opened = Threads(2, "test")
    yield opened
    opened.close()


async def test_everybody_gets_the_own_outcome(threads: Threads) -> None:
    """A result or an error, whoever else was told at the same moment."""

    def call(number: int) -> int:
        if number % 3 == 0:
            raise ValueError(str(number))
        return number

    outcomes = await asyncio.gather(
        *(threads.run(lambda number=number: call(number)) for number in range(3_000)),  # type: ignore[misc]  # bound per call
        return_exceptions=True,
    )

    assert [str(number) for number in range(3_000)] == [str(outcome) for outcome in outcomes]
    assert all(isinstance(outcome, ValueError) is (number % 3 == 0) for number, outcome in enumerate(outcomes))


async def test_what_was_given_up_before_it_began_is_not_run(threads: Threads) -> None:
    """What runs already ends; the outcome is nobody's."""
    begun, release, ran = threading.Semaphore(0), threading.Event(), list[str]()

    def hold() -> None:
        begun.release()
        release.wait(10)
        ran.append("begun")

    running = [asyncio.create_task(threads.run(hold)) for _ in range(2)]
    await asyncio.to_thread(lambda: [begun.acquire(timeout=10) for _ in range(2)])
    waiting = asyncio.create_task(threads.run(lambda: ran.append("waiting")))
    await asyncio.sleep(0)
    for each in (running[0], waiting):
        each.cancel()
    release.set()
    await running[1]
    await asyncio.to_thread(threads.close)  # Returns once the one that nobody waits for has ended, too.

    assert ["begun", "begun"] == ran
    assert running[0].cancelled()
    assert waiting.cancelled()


async def test_closing_lets_what_was_handed_in_end(threads: Threads) -> None:
    """And takes no more."""
    waiting = [asyncio.create_task(threads.run(lambda number=number: number)) for number in range(100)]  # type: ignore[misc]  # bound per call
    await asyncio.sleep(0)
    await asyncio.to_thread(threads.close)

    assert list(range(100)) == await asyncio.gather(*waiting)
    with pytest.raises(RuntimeError, match="closed"):
        await threads.run(lambda: None)


async def test_an_error_that_no_future_takes_holds_up_nobody(threads: Threads) -> None:
    """`next` without a default inside a transaction: its own caller is told, and so is everybody behind it."""
    odd: list[int] = []

    outcomes = await asyncio.gather(
        threads.run(lambda: next(iter(odd))), *(threads.run(lambda: 1) for _ in range(20)), return_exceptions=True
    )

    assert isinstance(outcomes[0], RuntimeError)
    assert [1] * 20 == outcomes[1:]


async def test_nothing_is_taken_once_it_is_closed() -> None:
    """Whoever comes later is refused at once, instead of waiting for a thread that has ended."""
    threads = Threads(2, "test")
    threads.close()

    with pytest.raises(RuntimeError, match="closed"):
        await threads.run(lambda: 1)
