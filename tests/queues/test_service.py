"""What `/queue` shows of one queue over time."""

import math
from collections.abc import Callable
from typing import TypeVar

import pytest

from bot.domain.errors import Unavailable
from bot.domain.timing import MINUTE, SECOND
from bot.ports import QueueState
from bot.queues.service import Queues
from bot.store import Ledger, Row, Tx
from bot.systems import System, Systems, WatchedQueue
from commands.queue import trend
from tests.fakes.clock import FakeClock

T = TypeVar("T")

NOW = 100 * MINUTE


class Draining:
    """A queue that loses a hundred jobs between two looks."""

    def __init__(self) -> None:
        self.waiting = 700

    async def state(self, now: int) -> QueueState:  # noqa: ARG002 - the port's shape
        self.waiting -= 100
        return QueueState(self.waiting, 1, 0, 0, None)


class Odd:
    """A queue whose reading breaks."""

    async def state(self, now: int) -> QueueState:  # noqa: ARG002 - the port's shape
        return QueueState(int(-math.inf), 0, None, None, None)


async def test_one_odd_queue_costs_its_own_line(ledger: Ledger, clock: FakeClock) -> None:
    """All others are shown as usual."""
    queues = {"odd": WatchedQueue("odd", Odd()), "mails": WatchedQueue("mails", Draining())}
    system = System("shop", "Shop", queues=queues)

    views = await Queues(ledger, clock, Systems({"shop": system})).looks(system)

    assert [("odd", "our own error: OverflowError"), ("mails", "")] == [
        (view.queue.name, view.reading.reason) for view in views
    ]


class FullDisk:
    """A database that takes nothing any more."""

    threads = 1

    def transact(self, work: Callable[[Tx], T], *, write: bool, patience: float) -> T:  # noqa: ARG002 - the port's shape
        raise Unavailable("The ledger's disk is full.")

    def alone(self, name: str, parameters: Row) -> list[Row]:  # noqa: ARG002 - as above
        raise Unavailable("The ledger's disk is full.")

    def migrate(self) -> None: ...

    def now(self) -> int:
        return 0

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("history", "waiting", "told"),
    [
        pytest.param([], 5, "", id="nothing was read before"),
        pytest.param([(NOW - MINUTE, 5)], 5, "→ steady at 5", id="as before"),
        pytest.param([(NOW - 10 * MINUTE, 40)], 1240, "↑ 120/min, 40 → 1,240 in 10 min", id="it grows"),
        pytest.param(
            [(NOW - 5 * MINUTE, 0), (NOW - 30 * SECOND, 700), (NOW - 10 * SECOND, 400)],
            300,
            "↓ 800/min, 700 → 300 in 30 s",
            id="it drains now, whatever it did before",
        ),
        pytest.param(
            [(NOW - 3 * MINUTE, 9), (NOW - 2 * MINUTE, 9), (NOW - MINUTE, 12)],
            12,
            "↑ 1/min, 9 → 12 in 3 min",
            id="a minute without a change is no turn",
        ),
        pytest.param([(NOW - 11 * MINUTE, 900)], 5, "", id="too long ago"),
    ],
)
def test_the_trend_is_the_way_it_goes_now(history: list[tuple[int, float]], waiting: int, told: str) -> None:
    """As far back as it has gone that way."""
    assert told == trend(history, NOW, waiting)


@pytest.mark.ledger
async def test_who_looks_again_sees_what_happened_between_the_two_looks(ledger: Ledger, clock: FakeClock) -> None:
    """Each look is a sample of its own."""
    system = System("shop", "Shop", queues={"mails": WatchedQueue("mails", Draining())})
    queues = Queues(ledger, clock, Systems({"shop": system}))
    await queues.looks(system)
    clock.advance(10 * SECOND)

    [view] = await queues.looks(system)

    assert "↓ 600/min, 600 → 500 in 10 s" == trend(view.history, view.at, 500)


async def test_a_ledger_that_cannot_be_written_costs_the_trend_alone(clock: FakeClock) -> None:
    """At three in the morning the disk is full, and the queue is shown all the same."""
    system = System("shop", "Shop", queues={"mails": WatchedQueue("mails", Draining())})

    [view] = await Queues(Ledger(FullDisk()), clock, Systems({"shop": system})).looks(system)

    assert (600, ()) == (view.state and view.state.waiting, view.history)
