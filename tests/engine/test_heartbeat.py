"""The heartbeat: a sign that whole cycles end, for a watch outside."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.domain.timing import MINUTE
from bot.engine.heartbeat import Heartbeat
from bot.settings import Settings
from bot.wiring import Server, core
from tests.fakes.clock import FakeClock
from tests.fakes.watchdog import watchdog

EXAMPLE = Path("config/example.env").read_text(encoding="utf-8").splitlines()


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


@pytest.mark.row("A13")
async def test_the_whole_bot_beats_each_minute(
    clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is wired: a request leaves in every minute in which the engine cycles, and none in which it does not."""
    told = (line.partition("=") for line in EXAMPLE if line and not line.startswith("#"))
    for name, _, value in told:
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("STEWARD_DATABASE", f"sqlite:///{tmp_path / 'ledger.db'}")
    seen = []
    async with watchdog() as (address, beats):
        monkeypatch.setenv("STEWARD_HEARTBEAT_URL", address)
        settings = Settings()
        async with core(settings, clock) as bot:
            engine = Server(bot, settings).engine
            for _ in range(4):
                for _ in range(2):  # The first cycle of a minute makes it a whole one.
                    await engine.cycle(patience=10)
                seen.append(len(beats))
                clock.advance(MINUTE)
            clock.advance(5 * MINUTE)

    assert ["/ping/steward"] * 4 == beats
    assert [1, 2, 3, 4] == seen
