"""One run: replicas under load, killed at random, until the kills are done and everything has come to rest."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.local.lab.child import free_ports
from bot.local.lab.postgres import Cluster, PostgresServer
from tests.crash.findings import Findings, judge, query, restless
from tests.crash.outside import Outside
from tests.crash.people import People
from tests.crash.replicas import Fleet

SLOWNESS = 0.25
_STUCK_AFTER = 45
"""Seconds without progress: longer than any lease, look-up or pause of the sender, but for a failing target's."""

_RANDOM = random.Random()  # noqa: S311 - load, not a secret


@dataclass(frozen=True, slots=True)
class Hit:
    """What was under way in the moments of the kills."""

    sends: int = 0
    requests: int = 0
    steps: int = 0

    def __add__(self, other: "Hit") -> "Hit":
        return Hit(self.sends + other.sends, self.requests + other.requests, self.steps + other.steps)


@dataclass(frozen=True, slots=True)
class Result:
    """What was found, and what the run held: zeros prove nothing where the kills met no work."""

    findings: Findings
    kills: int
    incidents: int
    messages: int
    rollbacks: int
    hit: Hit

    @property
    def meaningful(self) -> bool:
        """Whether the kills met enough work: one incident per kill, sends under way, a rollback that ran."""
        return self.incidents >= self.kills and self.hit.sends >= self.kills // 3 and self.rollbacks > 0


async def run(database: str, directory: Path, *, replicas: int, kills: int) -> Result:
    """Run `replicas` processes on one ledger and kill one of them `kills` times."""
    outside = Outside(SLOWNESS)
    await outside.start()
    fleet = Fleet(database, outside.url, directory, replicas)
    people = People(fleet, outside)
    ended = asyncio.Event()
    try:
        await fleet.start()
        working = asyncio.create_task(people.work(ended))
        hit = await _kill(fleet, database, kills)
        ended.set()
        await working
        await _rest(database)
        findings = judge(database, people, outside)
        if findings.messages:
            # A level that fell due between the rest and the look has messages under way; what is lost stays so.
            await _rest(database)
            findings = judge(database, people, outside)
    finally:
        ended.set()
        await fleet.stop()
        await outside.stop()
    return Result(
        findings=findings,
        kills=kills,
        incidents=len(people.opened),
        messages=len(outside.posts),
        rollbacks=len(outside.restored),
        hit=hit,
    )


async def _kill(fleet: Fleet, database: str, kills: int) -> Hit:
    """Kill a replica after a random time of work, and start it again, until all kills are done."""
    restarts: set[asyncio.Task[None]] = set()
    hit = Hit()
    for _ in range(kills):
        while not fleet.ready:  # noqa: ASYNC110 - a process's readiness; nothing announces it
            await asyncio.sleep(0.05)
        # It works for a while first: a process that is killed when it has just started dies idle.
        await asyncio.sleep(_RANDOM.uniform(0.5, 2.5))
        victim = _RANDOM.choice(fleet.ready)
        await victim.kill()
        hit += under_way(database)
        restarts.add(asyncio.create_task(victim.start()))
    await asyncio.gather(*restarts)
    return hit


def under_way(database: str) -> Hit:
    """What the ledger holds as begun and not ended."""
    counted = {
        "sends": "select count(*) as n from message where state = 'open' and sending_since is not null",
        "requests": "select count(*) as n from inbox where state = 'claimed'",
        "steps": "select count(*) as n from operation where state in ('claimed', 'running')",
    }
    return Hit(**{name: query(database, statement)[0]["n"] for name, statement in counted.items()})


async def _rest(database: str) -> None:
    """Wait while less and less is under way. What makes no progress any more is counted as lost."""
    least, stuck_since = len(restless(database)), time.monotonic()
    while least and time.monotonic() - stuck_since < _STUCK_AFTER:
        await asyncio.sleep(0.5)
        left = len(restless(database))
        if left < least:
            least, stuck_since = left, time.monotonic()


@asynccontextmanager
async def postgres(directory: Path) -> AsyncIterator[str]:
    """The address of an empty PostgreSQL database."""
    cluster = await Cluster.create(directory)
    server = PostgresServer(cluster, "crash", free_ports(1)[0], options=["max_connections=100"])
    try:
        await server.start()
        yield server.superuser_dsn()
    finally:
        await server.stop()
        cluster.remove()
