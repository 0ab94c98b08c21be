"""`/health`, from the signed command to the last reply: 40 checks of different speed, 200 targets of 50 ms."""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from tests.bench.figures import Figure, at_most
from tests.bench.load import Command, burst
from tests.bench.processes import SECRET, SERVE, Process, configuration, environment
from tests.bench.slack import Slack

SLOWEST = 400


async def measure(directory: Path, rounds: int) -> list[Figure]:
    """Both figures."""
    slack = Slack()
    async with AsyncExitStack() as stack:
        await slack.start()
        stack.push_async_callback(slack.stop)
        target = Process(("-m", "tests.bench.target"), directory, ready="/0")
        await target.start()
        stack.push_async_callback(target.stop)
        forty = [10 + (SLOWEST - 10) * number // 39 for number in range(40)]
        config = configuration(directory / "health", _system("shop", target.port, forty))
        wide = json.dumps(_system("wide", target.port, [50] * 200))
        (config / "systems" / "wide.yaml").write_text(wide, encoding="utf-8")
        bot = Process(SERVE, directory, environment(config, f"sqlite:///{directory / 'health.db'}", slack.url))
        await bot.start()
        stack.push_async_callback(bot.stop)
        await asyncio.sleep(3)  # The first round of the probe duty reads the same targets.
        over, whole = [], []
        for _ in range(rounds):
            over.append(await _reply(bot.port, slack, "shop") * 1000 - SLOWEST)
            whole.append(await _reply(bot.port, slack, "wide"))
    return [
        Figure("/health of 40 checks, beyond the slowest check of 400 ms", over, "ms", at_most(50)),
        Figure("/health of 200 HTTP targets of 50 ms", whole, "s", at_most(1)),
    ]


def _system(name: str, port: int, delays: Sequence[int]) -> dict[str, object]:
    """A system whose every check has a connection of its own, as 200 targets would."""
    return {
        "system": name,
        "title": name.title(),
        "connections": {f"web-{n}": {"http": f"http://127.0.0.1:{port}"} for n in range(len(delays))},
        "checks": {f"check-{n}": {"get": f"web-{n}", "path": f"/{delay}"} for n, delay in enumerate(delays)},
    }


async def _reply(port: int, slack: Slack, system: str) -> float:
    """Seconds from the command to its whole reply."""
    slack.replied = 0.0
    command = Command(port, SECRET, "/health", system, f"{slack.url}/answers/1")
    started = time.perf_counter()
    if (await burst(command, at_once=1, seconds=0)).refused:
        raise RuntimeError("/health was not accepted")
    async with asyncio.timeout(20):
        while not slack.replied:  # noqa: ASYNC110 - bounded; an event would not be simpler
            await asyncio.sleep(0.001)
    took = slack.replied - started
    await asyncio.sleep(0.3)
    return took
