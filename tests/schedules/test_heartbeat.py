"""The heartbeat: a sign that whole cycles end, for a watch outside."""

from dataclasses import dataclass

from bot.services.heartbeat import Heartbeat
from tests.fakes.clock import FakeClock


@dataclass
class Watch:
    """Counts what arrives."""

    beats: int = 0

    async def beat(self) -> None:
        self.beats += 1


async def test_it_beats_once_a_minute(clock: FakeClock) -> None:
    """However often the engine cycles, and by the machine's clock."""
    watch = Watch()
    heartbeat = Heartbeat(clock, watch.beat, clock.wall)
    for _ in range(121):
        await heartbeat.run(clock.now())
        clock.advance(1_000)
    clock.shift(3_600_000)
    await heartbeat.run(clock.now())

    assert watch.beats == 3


async def test_it_is_silent_while_no_cycle_ends(clock: FakeClock) -> None:
    """Before the first whole cycle, and when the last one is older than a minute."""
    watch, started = Watch(), clock.wall()
    await Heartbeat(clock, watch.beat, lambda: None).run(clock.now())
    clock.advance(61_000)
    await Heartbeat(clock, watch.beat, lambda: started).run(clock.now())

    assert watch.beats == 0
