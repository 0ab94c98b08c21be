"""The engine: how late pages are with 10,000 incidents open, and what a cycle costs with 100,000 and nothing due."""

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median, quantiles

from bot.clock import SystemClock
from bot.settings import Settings
from bot.wiring import Server, core
from tests.bench.figures import Figure, at_most
from tests.bench.incidents import seed
from tests.bench.processes import SERVE, Process, configuration, environment
from tests.bench.slack import Slack

OPEN, STAGGER = 10_000, 600.0
"""Pages of 10,000 incidents fall due one after another within 10 minutes: 17 a second."""

_WINDOW = 5.0
RESTING = 100_000
_CYCLES = 15


async def pages(directory: Path, name: str, database: str, rounds: int) -> list[Figure]:
    """From the moment a page is due to its arrival at Slack, in windows of 5 s."""
    slack = Slack()
    await slack.start()
    config = configuration(directory / f"pages-{name}")
    bot = Process(SERVE, directory, environment(config, database, slack.url))
    apart = STAGGER * 1000 / OPEN
    # Seeding takes a while, and what falls due during it would be late through no fault of the engine.
    first = int(time.time() * 1000) + 20_000
    try:
        await seed(database, count=OPEN, first=first, apart=apart)
        await bot.start()
        begin = max(first, int(time.time() * 1000) + 1_000)
        until = begin + rounds * _WINDOW * 1000
        await asyncio.sleep(until / 1000 - time.time() + 5)
    finally:
        await bot.stop()
        await slack.stop()
    late: list[list[float]] = [[] for _ in range(rounds)]
    for number in range(1, OPEN + 1):
        due = int(first + number * apart)
        if begin <= due < until:
            late[int((due - begin) / (_WINDOW * 1000))].append(_arrival(slack.arrived, number) - due / 1000)
    title = f"a page reaches Slack after it is due, 10,000 open, p99, {name}"
    usual = median(value for window in late for value in window)
    note = f"{len(late[0]) / _WINDOW:.0f} pages/s, each in the channel and to the person; p50 {usual:.2f} s"
    return [Figure(title, [quantiles(window, n=100)[98] for window in late], "s", at_most(1.2), note)]


def _arrival(arrived: Mapping[str, float], number: int) -> float:
    """When both of its messages were there; long after the end for one that never came."""
    keys = (f"escalation:INC-{number}:1", f"escalation:INC-{number}:1:U0SRE")
    return max(arrived.get(key, time.time() + 60) for key in keys)


async def cycles(directory: Path, name: str, database: str, rounds: int) -> list[Figure]:
    """One cycle of all duties, and their question for the next due time, with nothing due."""
    slack = Slack()
    await slack.start()
    day = 24 * 3_600_000
    await seed(database, count=RESTING, first=int(time.time() * 1000) + day, apart=1)
    told = environment(configuration(directory / f"cycles-{name}"), database, slack.url)
    before = dict(os.environ)
    os.environ.update(told | {"STEWARD_PORT": "0"})
    samples = []
    try:
        settings = Settings()
        async with core(settings, SystemClock()) as bot:
            server = Server(bot, settings)
            await server.engine.cycle(patience=30)
            await asyncio.sleep(2)  # The first round of checks goes on in the background.
            for _ in range(rounds):
                taken = []
                for _ in range(_CYCLES):
                    started = time.perf_counter()
                    await server.engine.cycle(patience=30)
                    await server._next_due()
                    taken.append((time.perf_counter() - started) * 1000)
                samples.append(median(taken))
            await server._poller.close()
    finally:
        os.environ.clear()
        os.environ.update(before)
        await slack.stop()
    return [Figure(f"a cycle with 100,000 open incidents and nothing due, {name}", samples, "ms", at_most(10))]
