"""The engine's cycle: duties are called in time, and one that fails or hangs holds nobody."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from bot.engine.cycle import Engine
from bot.engine.duty import Duty
from bot.store import Ledger, Tx
from tests.fakes.clock import FakeClock
from tests.outbox.world import Post, poll

pytestmark = pytest.mark.ledger


class Countdown:
    """A duty with a pile of work, one piece per call."""

    def __init__(self, name: str, pieces: int = 0) -> None:
        self.name = name
        self.pieces = pieces
        self.calls = 0

    async def run(self, now: int) -> bool:
        assert now > 0
        self.calls += 1
        self.pieces = max(0, self.pieces - 1)
        return self.pieces > 0

    async def next_due(self) -> int | None:
        return None


class Broken(Countdown):
    """A duty that always fails."""

    async def run(self, now: int) -> bool:
        await super().run(now)
        raise RuntimeError("a defect")


class Hanging(Countdown):
    """A duty that waits for something outside."""

    async def run(self, now: int) -> bool:
        await super().run(now)
        await asyncio.Event().wait()
        return False


class Timer(Countdown):
    """A duty whose work falls due at one moment; it notes when it was done."""

    def __init__(self, ledger: Ledger, clock: FakeClock, due: int) -> None:
        super().__init__("timer")
        self._ledger = ledger
        self._clock = clock
        self.due: int | None = due
        self.done_at: list[int] = []

    async def run(self, now: int) -> bool:
        if self.due is not None and self.due <= now:
            self.due = None
            self.done_at.append(now)
            await self._ledger.write(lambda tx: tx.one("next_number", name="timer"))
        return False

    async def next_due(self) -> int | None:
        return self.due


Start = Callable[..., Engine]


def engine_of(ledger: Ledger, clock: FakeClock, *duties: Duty) -> Engine:
    """An engine with these duties that does not cycle by itself."""
    built = Engine(ledger, clock, Post(ledger, clock).sender)
    built.add(*duties)
    return built


@pytest.fixture
async def engine(ledger: Ledger, clock: FakeClock) -> AsyncIterator[Start]:
    """Starts engines with these duties, and stops them at the end."""
    running: list[tuple[Engine, asyncio.Task[None]]] = []

    def start(*duties: Duty) -> Engine:
        built = engine_of(ledger, clock, *duties)
        running.append((built, asyncio.create_task(built.run())))
        return built

    yield start
    for built, task in running:
        await built.stop()
        await task


async def test_a_duty_is_called_until_nothing_more_is_due(engine: Start) -> None:
    """What piled up is worked off in one cycle, not one piece a second."""
    pile = Countdown("pile", pieces=30)
    engine(pile)
    await poll(lambda: pile.calls >= 30)

    assert pile.pieces == 0


async def test_a_failing_duty_stops_no_other(engine: Start) -> None:
    """A defect in one duty is counted and the others work on."""
    broken, sound = Broken("broken"), Countdown("sound")
    running = engine(broken, sound)
    await poll(lambda: broken.calls >= 2 and sound.calls >= 2)

    assert running.failing.keys() == {"broken"}
    assert running.last_cycle_at is not None
    assert running.last_whole_cycle_at is None


async def test_a_hanging_duty_stops_no_other(ledger: Ledger, clock: FakeClock) -> None:
    """A duty that waits is not started twice, and the cycle ends without it."""
    hanging, sound = Hanging("hanging"), Countdown("sound")
    engine = engine_of(ledger, clock, hanging, sound)
    await engine.cycle(patience=0.05)
    await engine.cycle(patience=0.05)
    engine._running["hanging"].cancel()

    assert (hanging.calls, sound.calls) == (1, 2)
    assert engine.cycles == 2


class Busy(Countdown):
    """A duty that never comes to an end, but gets on."""

    async def run(self, now: int) -> bool:
        await super().run(now)
        await asyncio.sleep(0)
        return True


async def test_a_duty_that_gets_on_is_no_dead_bot(ledger: Ledger, clock: FakeClock) -> None:
    """A cycle does not wait for the end of a backlog; a duty that hangs is noticed all the same."""
    busy, hanging = Busy("busy"), Hanging("hanging")
    engine = engine_of(ledger, clock, busy, Countdown("sound"))
    await engine.cycle(patience=0.05)
    alive = engine.last_whole_cycle_at
    engine.add(hanging)
    await engine.cycle(patience=0.05)
    for task in list(engine._running.values()):
        task.cancel()

    assert clock.wall() == alive
    assert engine.last_whole_cycle_at is None


async def test_a_commit_starts_the_next_cycle_early(engine: Start, ledger: Ledger) -> None:
    """Nobody waits for the second to be over when something has just been decided."""
    duty = Countdown("duty")
    running = engine(duty)
    await poll(lambda: duty.calls == 1)
    resting = not running._woken.is_set()
    await ledger.write(_change)
    woken = running._woken.is_set()
    await poll(lambda: duty.calls == 2)

    assert (resting, woken) == (True, True)


async def test_an_idle_engine_rests(engine: Start) -> None:
    """A cycle that changes nothing does not wake itself."""
    duty = Countdown("duty")
    running = engine(duty)
    await poll(lambda: duty.calls == 1)

    assert not running._woken.is_set()


async def test_settling_does_what_fell_due(ledger: Ledger, clock: FakeClock) -> None:
    """When the clock was moved, `settle` answers after the work that fell due is committed."""
    timer = Timer(ledger, clock, clock.now() + 300_000)
    engine = engine_of(ledger, clock, timer)
    clock.shift(300_000)
    await engine.settle()

    assert timer.done_at == [clock.now()]
    assert await ledger.write(_change) == 2


def _change(tx: Tx) -> int:
    row = tx.one("next_number", name="timer")
    assert row is not None
    return int(row["value"])
