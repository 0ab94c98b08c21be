"""One run: replicas under load, killed and stopped at random, until everything has come to rest."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.domain.timing import SECOND
from bot.local.lab.child import free_ports
from bot.local.lab.postgres import Cluster, PostgresServer
from bot.operations.lease import LEASE
from tests.crash.findings import Findings, judge, query, restless
from tests.crash.outside import Outside
from tests.crash.people import People
from tests.crash.replicas import Fleet, Replica

SLOWNESS = 0.25
_STUCK_AFTER = 90
"""Seconds without progress: longer than any lease, look-up, pause of the sender, or patience with a lost answer."""
_LONGER_THAN_A_LEASE = (LEASE / SECOND + 1, LEASE / SECOND + 4)

_RANDOM = random.Random()  # noqa: S311 - load, not a secret


@dataclass(frozen=True, slots=True)
class Trouble:
    """What befalls the run: replicas killed, replicas stopped for longer than a lease, restores answered too late."""

    kills: int
    standstills: int
    late: int


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
    trouble: Trouble
    late: int
    incidents: int
    messages: int
    rollbacks: int
    hit: Hit

    @property
    def meaningful(self) -> bool:
        """Whether the kills met enough work: one incident per kill, sends under way, a rollback that ran."""
        enough = self.incidents >= self.trouble.kills and self.hit.sends >= self.trouble.kills // 3
        return enough and self.rollbacks > 0 and self.late >= self.trouble.late


async def run(database: str, directory: Path, *, replicas: int, trouble: Trouble) -> Result:
    """Run `replicas` processes on one ledger in this trouble."""
    outside = Outside(SLOWNESS)
    await outside.start()
    fleet = Fleet(database, outside.url, directory, replicas)
    people = People(fleet, outside)
    ended = asyncio.Event()
    try:
        await fleet.start()
        working = asyncio.create_task(people.work(ended))
        hit = await _kill(fleet, database, trouble.kills)
        people.hurried = False
        frozen, _ = await asyncio.gather(_freeze(fleet, database, trouble.standstills), _late(outside, trouble.late))
        hit += frozen
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
        trouble=trouble,
        late=outside.came_late,
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


async def _freeze(fleet: Fleet, database: str, standstills: int) -> Hit:
    """Stop a replica, best one that is in the middle of a step, for longer than a lease, and let it go on."""
    hit = Hit()
    for _ in range(standstills):
        while not fleet.ready:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
        victim = await _in_a_step(fleet, database) or _RANDOM.choice(fleet.ready)
        hit += under_way(database)
        await victim.freeze(_RANDOM.uniform(*_LONGER_THAN_A_LEASE))
        await asyncio.sleep(_RANDOM.uniform(0.5, 2))
    return hit


async def _in_a_step(fleet: Fleet, database: str) -> Replica | None:
    """The replica that runs an operation, if one does within some seconds."""
    for _ in range(200):
        for row in query(database, "select owner from operation where state = 'running' and owner is not null"):
            found = [replica for replica in fleet.ready if replica.runs(row["owner"])]
            if found:
                return found[0]
        await asyncio.sleep(0.02)
    return None


async def _late(outside: Outside, wanted: int) -> None:
    """Let restores be done and answered after their client has given up, one after another."""
    until = time.monotonic() + 60 * wanted
    for number in range(1, wanted + 1):
        outside.late = 1
        while outside.came_late < number and time.monotonic() < until:  # noqa: ASYNC110 - what the outside did
            await asyncio.sleep(0.1)


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
