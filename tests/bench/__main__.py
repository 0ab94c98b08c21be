"""`make bench`: a line per promise, five rounds each, median and spread; exit 1 where a bar is missed.

`python -m tests.bench --quick` takes one round; names after it choose parts.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bot.local.lab.child import free_ports
from bot.local.lab.postgres import Cluster, PostgresServer
from tests.bench import acknowledgements, blackbox, engine, health, start, takeover
from tests.bench.figures import Figure

ROUNDS = 5


@dataclass(slots=True)
class Run:
    """What every part needs: a directory, fresh databases, the number of rounds."""

    directory: Path
    server: PostgresServer
    rounds: int

    async def sqlite(self, name: str) -> str:
        """The address of a ledger in a new file."""
        return f"sqlite:///{self.directory / f'{name}.db'}"

    async def postgres(self, name: str) -> str:
        """The address of a new database."""
        connection = await psycopg.AsyncConnection.connect(self.server.superuser_dsn(), autocommit=True)
        async with connection:
            await connection.execute(f"create database {name}".encode())
        return self.server.superuser_dsn(name)


async def _acknowledgements(run: Run) -> list[Figure]:
    return await acknowledgements.measure(run.directory, await run.postgres("acknowledgements"), run.rounds)


async def _health(run: Run) -> list[Figure]:
    return [*await health.measure(run.directory, run.rounds), *await blackbox.measure(run.directory, run.rounds)]


async def _pages(run: Run) -> list[Figure]:
    return [
        *await engine.pages(run.directory, "SQLite", await run.sqlite("pages"), run.rounds),
        *await engine.pages(run.directory, "PostgreSQL", await run.postgres("pages"), run.rounds),
    ]


async def _cycles(run: Run) -> list[Figure]:
    return [
        *await engine.cycles(run.directory, "SQLite", await run.sqlite("cycles"), run.rounds),
        *await engine.cycles(run.directory, "PostgreSQL", await run.postgres("cycles"), run.rounds),
    ]


async def _takeover(run: Run) -> list[Figure]:
    # Nearly all of it is waiting for leases to lapse, so both databases wait at the same time.
    both = await asyncio.gather(
        takeover.measure(run.directory, "SQLite", await run.sqlite("takeover"), run.rounds),
        takeover.measure(run.directory, "PostgreSQL", await run.postgres("takeover"), run.rounds),
    )
    return [figure for figures in both for figure in figures]


async def _start(run: Run) -> list[Figure]:
    return [*await start.help_(run.rounds), *await start.ready(run.directory, run.rounds)]


async def _memory(run: Run) -> list[Figure]:
    return await start.memory(run.rounds)


PARTS: dict[str, Callable[[Run], Awaitable[list[Figure]]]] = {
    "acknowledgements": _acknowledgements,
    "health": _health,
    "pages": _pages,
    "cycles": _cycles,
    "takeover": _takeover,
    "start": _start,
    "memory": _memory,
}


async def main(arguments: list[str]) -> int:
    """Measure the named parts, or all of them."""
    names = [argument for argument in arguments if argument != "--quick"] or list(PARTS)
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"there is no part {', '.join(unknown)}; the parts are {', '.join(PARTS)}", file=sys.stderr)  # noqa: T201 - its purpose
        return 2
    missed = 0
    async with _opened(1 if "--quick" in arguments else ROUNDS) as run:
        for name in names:
            for figure in await PARTS[name](run):
                missed += not figure.reached
                print(figure, flush=True)  # noqa: T201 - its purpose
    return 1 if missed else 0


@asynccontextmanager
async def _opened(rounds: int) -> AsyncIterator[Run]:
    with tempfile.TemporaryDirectory(prefix="steward-bench-") as name:
        cluster = await Cluster.create(Path(name) / "cluster")
        # The lab's servers forget what they promised when the machine stops; a measured commit must not.
        durable = ["fsync=on", "synchronous_commit=on", "full_page_writes=on", "max_connections=60"]
        server = PostgresServer(cluster, "bench", free_ports(1)[0], options=durable)
        try:
            await server.start()
            yield Run(Path(name), server, rounds)
        finally:
            await server.stop()
            cluster.remove()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
