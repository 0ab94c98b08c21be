"""Acknowledgements beside those of a bare Bolt app: stretches of load in turn, each between two of the peer's."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.bench.figures import Figure, at_least, at_most
from tests.bench.load import Burst, Command, burst
from tests.bench.processes import SECRET, SERVE, Process, configuration, environment
from tests.crash.findings import query

AT_ONCE = (1, 16, 64)
READ, REPLY, DECIDING = "read", "read, with the reply", " and decided"
_DISCARDING = ("-m", "tests.bench.bot")
_SLICE, _TURNS = 0.2, 4
"""Stretches of 0.2 s, four on each side per round: a machine that does other work too disturbs both sides alike."""


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
            READ: _Side(bot, Command(bot.port, SECRET, "/oncall", "", reply)),
            REPLY: _Side(whole, Command(whole.port, SECRET, "/oncall", "", reply)),
        }
        for name, process, ledger in (("SQLite", bot, sqlite), ("PostgreSQL", on_postgres, postgres)):
            # Both are kept in the inbox and carried out: one is refused by its handler, one by a transaction of it.
            sides[name] = _Side(
                process,
                Command(process.port, SECRET, "/rollback", "nowhere web to previous because bench", reply),
                ledger,
            )
            deciding = Command(process.port, SECRET, "/incident", "ack INC-1", reply)
            sides[f"{name}{DECIDING}"] = _Side(process, deciding, ledger)
        bare = _Side(peer, Command(peer.port, SECRET, "/hello", "", reply))
        return _figures(await _compare(bare, sides, rounds))


async def _started(stack: AsyncExitStack, process: Process) -> Process:
    await process.start()
    stack.push_async_callback(process.stop)
    return process


@dataclass(slots=True)
class _Side:
    """Who answers the command, and the ledger in which its requests must come to rest."""

    process: Process
    command: Command
    ledger: str = ""

    async def stretch(self, at_once: int) -> tuple[Burst, float]:
        """One stretch of load, and the processor time of an acknowledgement in µs."""
        before = self.process.processor
        found = await burst(self.command, at_once=at_once, seconds=_SLICE)
        if found.refused:
            raise RuntimeError(f"{found.refused} of {len(found.latencies)} requests were not accepted")
        await self._rest()
        return found, (self.process.processor - before) / len(found.latencies) * 1e6

    async def _rest(self) -> None:
        """Wait until every accepted request was carried out, so that the next stretch does not share the machine."""
        await asyncio.sleep(0.05)
        while self.ledger and query(self.ledger, "select key from inbox where state <> 'done' limit 1"):  # noqa: ASYNC110 - another process's work
            await asyncio.sleep(0.05)


@dataclass(slots=True)
class _Found:
    """What one side did in all rounds at one number of people."""

    ratios: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    peers: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    @property
    def note(self) -> str:
        """The rates behind the ratio, and the processor time, which other work on the machine does not disturb."""
        return (
            f"{median(self.rates):.0f}/s, bare Bolt {median(self.peers):.0f}/s;"
            f" by processor time {median(self.costs):.2f} ×"
        )


async def _compare(peer: _Side, sides: Mapping[str, _Side], rounds: int) -> dict[tuple[str, int], _Found]:
    found = {(name, at_once): _Found() for name in sides for at_once in _at_once(name)}
    for side in (peer, *sides.values()):
        await side.stretch(4)
    for _ in range(rounds):
        for (name, at_once), so_far in found.items():
            await _round(peer, sides[name], at_once, so_far)
    return found


def _at_once(name: str) -> tuple[int, ...]:
    return (16,) if name.endswith(DECIDING) else AT_ONCE


async def _round(peer: _Side, side: _Side, at_once: int, found: _Found) -> None:
    """Stretches of both sides in turn; the sums are compared."""
    own, bare = Burst(), Burst()
    costs: list[tuple[float, float]] = []
    for _ in range(_TURNS):
        theirs, their_cost = await peer.stretch(at_once)
        ours, our_cost = await side.stretch(at_once)
        for total, part in ((own, ours), (bare, theirs)):
            total.latencies += part.latencies
            total.seconds += part.seconds
        costs.append((our_cost, their_cost))
    found.ratios.append(own.rate / bare.rate)
    found.latencies.append(own.p99 * 1000)
    found.rates.append(own.rate)
    found.peers.append(bare.rate)
    found.costs.append(sum(theirs for _, theirs in costs) / sum(ours for ours, _ in costs))


def _figures(found: Mapping[tuple[str, int], _Found]) -> list[Figure]:
    figures = []
    for name, bar in ((READ, at_least(0.9)), (REPLY, None)):
        for n in AT_ONCE:
            it = found[name, n]
            figures.append(Figure(f"acknowledge a {name}, {n} at once", it.ratios, "×", bar, it.note))
    for name in ("SQLite", "PostgreSQL"):
        for n in AT_ONCE:
            it = found[name, n]
            title = f"acknowledge a change, inbox row on {name}, {n} at once"
            figures.append(Figure(title, it.ratios, "×", at_least(0.4) if n > 1 else None, it.note))
        title = f"acknowledge a change, inbox row on {name}, 16 at once, p99"
        figures.append(Figure(title, found[name, 16].latencies, "ms", at_most(50)))
        it = found[f"{name}{DECIDING}", 16]
        title = f"acknowledge a change and run its transaction on {name}, 16 at once"
        figures.append(Figure(title, it.ratios, "×", None, it.note))
    return figures
