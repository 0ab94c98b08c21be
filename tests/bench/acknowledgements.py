"""Acknowledgements beside those of a bare Bolt app: stretches of load in turn, each between two of the peer's."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

from tests.bench.figures import Figure, at_least, at_most
from tests.bench.load import Burst, Command, burst
from tests.bench.processes import SECRET, SERVE, Process, configuration, environment
from tests.crash.findings import query

AT_ONCE = (1, 16, 64)
PEER, READ, REPLY = "peer", "read", "read, with the reply"
_DISCARDING = ("-m", "tests.bench.bot")
_SLICE = 0.5


async def measure(directory: Path, postgres: str, rounds: int) -> list[Figure]:
    """All figures of the acknowledgements."""
    sqlite = f"sqlite:///{directory / 'acknowledgements.db'}"
    config = configuration(directory / "acknowledgements")
    async with AsyncExitStack() as stack:
        slack = await _started(stack, Process(("-m", "tests.bench.slack"), directory, ready=""))
        url = f"http://127.0.0.1:{slack.port}"
        told = environment(config, sqlite, url)
        peer = await _started(stack, Process(("-m", "tests.bench.peer"), directory, told, ready=""))
        bot = await _started(stack, Process(_DISCARDING, directory, told))
        other = environment(config, postgres, url)
        on_postgres = await _started(stack, Process(_DISCARDING, directory, other))
        own = environment(config, f"sqlite:///{directory / 'replies.db'}", url)
        whole = await _started(stack, Process(SERVE, directory, own))
        reply = f"{url}/answers/1"
        sides = {
            PEER: Command(peer.port, SECRET, "/hello", "", reply),
            READ: Command(bot.port, SECRET, "/oncall", "", reply),
            REPLY: Command(whole.port, SECRET, "/oncall", "", reply),
            "SQLite": Command(bot.port, SECRET, "/incident", "ack INC-1", reply),
            "PostgreSQL": Command(on_postgres.port, SECRET, "/incident", "ack INC-1", reply),
        }
        return await _compare(sides, {"SQLite": sqlite, "PostgreSQL": postgres}, rounds)


async def _started(stack: AsyncExitStack, process: Process) -> Process:
    await process.start()
    stack.push_async_callback(process.stop)
    return process


async def _compare(sides: Mapping[str, Command], ledgers: Mapping[str, str], rounds: int) -> list[Figure]:
    ratios: dict[tuple[str, int], list[float]] = defaultdict(list)
    latencies: dict[tuple[str, int], list[float]] = defaultdict(list)
    rates: dict[tuple[str, int], list[float]] = defaultdict(list)
    for name, command in sides.items():
        await burst(command, at_once=4, seconds=_SLICE)
        await _rest(ledgers.get(name))
    for _ in range(rounds):
        for at_once in AT_ONCE:
            before = await burst(sides[PEER], at_once=at_once, seconds=_SLICE)
            for name, command in sides.items():
                if name == PEER:
                    continue
                found = await burst(command, at_once=at_once, seconds=_SLICE)
                _unrefused(name, found)
                await _rest(ledgers.get(name))
                after = await burst(sides[PEER], at_once=at_once, seconds=_SLICE)
                _unrefused(PEER, after)
                ratios[name, at_once].append(found.rate / ((before.rate + after.rate) / 2))
                latencies[name, at_once].append(found.p99 * 1000)
                rates[name, at_once].append(found.rate)
                rates[PEER, at_once].append(after.rate)
                before = after
    return _figures(ratios, latencies, rates)


def _figures(
    ratios: Mapping[tuple[str, int], list[float]],
    latencies: Mapping[tuple[str, int], list[float]],
    rates: Mapping[tuple[str, int], list[float]],
) -> list[Figure]:
    def note(name: str, at_once: int) -> str:
        return f"{median(rates[name, at_once]):.0f}/s, bare Bolt {median(rates[PEER, at_once]):.0f}/s"

    figures = []
    for name, bar in ((READ, at_least(0.9)), (REPLY, None)):
        figures += [
            Figure(f"acknowledge a {name}, {n} at once", ratios[name, n], "×", bar, note(name, n)) for n in AT_ONCE
        ]
    for name in ("SQLite", "PostgreSQL"):
        for n in AT_ONCE:
            title = f"acknowledge a change, inbox row committed on {name}, {n} at once"
            figures.append(Figure(title, ratios[name, n], "×", at_least(0.4) if n > 1 else None, note(name, n)))
        title = f"acknowledge a change on {name}, 16 at once, p99"
        figures.append(Figure(title, latencies[name, 16], "ms", at_most(50)))
    return figures


def _unrefused(name: str, found: Burst) -> None:
    if found.refused:
        raise RuntimeError(f"{name}: {found.refused} of {len(found.latencies)} requests were not accepted")


async def _rest(database: str | None) -> None:
    """Wait until every accepted request was carried out, so that the next stretch does not share the machine."""
    while database and query(database, "select key from inbox where state <> 'done' limit 1"):  # noqa: ASYNC110 - another process's work
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.05)
