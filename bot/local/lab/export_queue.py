"""The target list's Redis: the sorted sets `export-jobs` and `export-jobs:processing`, worked by a live worker."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Mapping
from typing import ClassVar

from redis.exceptions import RedisError

from bot.local.lab.cache import Cache
from bot.local.lab.component import MOST_JOBS, Component, Setting, one_of, whole
from bot.local.lab.valkey import ValkeyServer
from bot.ports import Clock

QUEUE = "export-jobs"
PROCESSING = "export-jobs:processing"
_DAY_MS = 24 * 60 * 60 * 1000
_JOB_SECONDS = 0.4
_ARRIVAL_SECONDS = 2.0
_AT_ONCE = 5_000

# Jobs older than a day have expired and are left alone, as the worker of the real system does.
_TAKE = """
local due = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], '+inf', 'LIMIT', 0, 1)
if #due == 0 then return false end
redis.call('ZREM', KEYS[1], due[1])
redis.call('ZADD', KEYS[2], ARGV[2], due[1])
return due[1]
"""


class ExportJobs(Component):
    """The queue as a part of its own: both of its sorted sets."""

    states: ClassVar[Mapping[str, str]] = {"up": "always; break its server or its worker"}
    settings: ClassVar[Mapping[str, Setting]] = {
        "depth": Setting("jobs waiting in export-jobs (the worker goes on working them)", whole(0, MOST_JOBS)),
        "stuck": Setting("processing entries that nobody works, as old as stuck_hours", whole(0, MOST_JOBS)),
        "stuck_hours": Setting("age of the stuck entries made from now on", whole(1, 200)),
        "expired": Setting("waiting jobs older than 24 h", whole(0, MOST_JOBS)),
        "score_unit": Setting("unit of the scores, for jobs made from now on", one_of("seconds", "milliseconds")),
    }

    def __init__(self, cache: Cache, clock: Clock) -> None:
        """Describe the queue in this server."""
        self._cache = cache
        self._clock = clock
        self._stuck_hours = 6
        self._unit = "milliseconds"
        self._seen = {"depth": 0, "stuck": 0, "expired": 0}

    @property
    def url(self) -> str:
        """Its server's."""
        return self._cache.url

    @property
    def state(self) -> str:
        """It has one."""
        return "up"

    def values(self) -> dict[str, object]:
        """The settable keys; counts as they were within the last seconds."""
        return {**self._seen, "stuck_hours": self._stuck_hours, "score_unit": self._unit}

    async def enter(self, state: str) -> None:
        """Nothing to do."""

    async def put(self, key: str, value: object) -> None:
        """Set one key; counts are reached by adding or removing jobs."""
        match key:
            case "stuck_hours":
                self._stuck_hours = int(str(value))
            case "score_unit":
                self._unit = str(value)
            case _:
                self._cache.require_server()
                await self._reach(key, int(str(value)))
                await self.look()

    async def look(self) -> None:
        """See what is there now."""
        client = self._cache.client
        self._seen = {
            "depth": int(await client.zcount(QUEUE, self.score(_DAY_MS), "+inf")),
            "stuck": int(await client.zcount(PROCESSING, "-inf", f"({self.score(60_000)}")),
            "expired": int(await client.zcount(QUEUE, "-inf", f"({self.score(_DAY_MS)}")),
        }

    async def _reach(self, key: str, wanted: int) -> None:
        """Add or remove jobs of one kind until there are as many as wanted."""
        client = self._cache.client
        name, low, high, age = {
            "depth": (QUEUE, f"{self.score(_DAY_MS)}", "+inf", 0),
            "stuck": (PROCESSING, "-inf", f"({self.score(60_000)}", self._stuck_hours * 3_600_000),
            "expired": (QUEUE, "-inf", f"({self.score(_DAY_MS)}", _DAY_MS + 2 * 3_600_000),
        }[key]
        held = int(await client.zcount(name, low, high))
        while held > wanted:
            members = await client.zrangebyscore(name, low, high, start=0, num=min(_AT_ONCE, held - wanted))
            held -= int(await client.zrem(name, *members))
        # A second apart each, the newest first, so that "oldest" means something.
        count = wanted - held
        apart = min(1000 if key == "depth" else 60_000, _DAY_MS // 4 // max(count, 1))
        for first in range(0, count, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, count))
            await client.zadd(name, {self.job(): self.score(age + number * apart) for number in numbers})

    def score(self, age_ms: int) -> int:
        """The score of a job of this age."""
        at = self._clock.now() - age_ms
        return at // 1000 if self._unit == "seconds" else at

    def job(self) -> str:
        """A new job."""
        number = secrets.token_hex(6)
        job = {
            "id": f"job_{number}",
            "datasetId": f"ds_{number[:6]}",
            "templateId": "sourcescrub",
            "format": secrets.choice(("xlsx", "csv", "pdf")),
            "userId": f"user_{secrets.randbelow(40):03}",
            "createdAt": self._clock.now(),
        }
        return json.dumps(job, separators=(",", ":"))


class ExportQueue(Cache):
    """Jobs arrive, are taken to `processing`, and leave; scores are times."""

    def __init__(self, server: ValkeyServer, clock: Clock) -> None:
        """Describe the queue; start nothing."""
        super().__init__(server)
        self.jobs = ExportJobs(self, clock)
        self._tasks: list[asyncio.Task[None]] = []
        self.working = True
        self.processed = 0
        self._held: list[str] = []

    async def before_down(self) -> None:
        """End the worker and the arrivals."""
        await asyncio.gather(*self._tasks)
        self._tasks = []

    async def after_up(self) -> None:
        """Start the worker and the arrivals."""
        self._tasks = [asyncio.create_task(self._work()), asyncio.create_task(self._arrive())]

    def report(self) -> dict[str, object]:
        """What the worker says about itself."""
        return {"processed": self.processed, "queue": QUEUE}

    async def _work(self) -> None:
        take = self.client.register_script(_TAKE)
        while not self.leaving.is_set():
            job = None
            with contextlib.suppress(RedisError):  # The server is about to stop; the next round shows.
                if self.working:
                    scores = [self.jobs.score(_DAY_MS), self.jobs.score(0)]
                    job = self._held.pop() if self._held else await take(keys=[QUEUE, PROCESSING], args=scores)
            await self.pause(_JOB_SECONDS)
            if job is not None and not self.working:  # A worker that died leaves its entry behind until it is back.
                self._held.append(job)
            elif job is not None:
                with contextlib.suppress(RedisError):
                    await self.client.zrem(PROCESSING, job)
                    self.processed += 1

    async def _arrive(self) -> None:
        while not self.leaving.is_set():
            with contextlib.suppress(RedisError):  # As above.
                if self.traffic:
                    await self.client.zadd(QUEUE, {self.jobs.job(): self.jobs.score(0)})
                await self.jobs.look()
            await self.pause(_ARRIVAL_SECONDS)
