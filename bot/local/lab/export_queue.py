"""The target list's Redis: the sorted sets `export-jobs` and `export-jobs:processing`, worked by a live worker."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Mapping
from typing import ClassVar

from redis.exceptions import RedisError

from bot.local.lab.cache import Cache
from bot.local.lab.component import Setting, flag, one_of, whole
from bot.local.lab.valkey import ValkeyServer
from bot.ports import Clock

QUEUE = "export-jobs"
PROCESSING = "export-jobs:processing"
_DAY_MS = 24 * 60 * 60 * 1000
_JOB_SECONDS = 0.4
_ARRIVAL_SECONDS = 2.0

# Jobs older than a day have expired and are left alone, as the worker of the real system does.
_TAKE = """
local due = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], '+inf', 'LIMIT', 0, 1)
if #due == 0 then return false end
redis.call('ZREM', KEYS[1], due[1])
redis.call('ZADD', KEYS[2], ARGV[2], due[1])
return due[1]
"""


class ExportQueue(Cache):
    """Jobs arrive, are taken to `processing`, and leave; scores are times."""

    settings: ClassVar[Mapping[str, Setting]] = {
        **Cache.settings,
        "depth": Setting("jobs waiting in export-jobs (the worker goes on working them)", whole(0, 20000)),
        "stuck": Setting("processing entries that nobody works, as old as stuck_hours", whole(0, 1000)),
        "stuck_hours": Setting("age of the stuck entries made from now on", whole(1, 200)),
        "expired": Setting("waiting jobs older than 24 h", whole(0, 1000)),
        "traffic": Setting("whether new jobs keep arriving", flag),
        "score_unit": Setting("unit of the scores, for jobs made from now on", one_of("seconds", "milliseconds")),
    }

    def __init__(self, server: ValkeyServer, clock: Clock) -> None:
        """Describe the queue; start nothing."""
        super().__init__(server)
        self._clock = clock
        self._traffic = True
        self._stuck_hours = 6
        self._unit = "milliseconds"
        self._seen = {"depth": 0, "stuck": 0, "expired": 0}
        self._tasks: list[asyncio.Task[None]] = []
        self.working = True
        self.processed = 0

    def values(self) -> dict[str, object]:
        """The settable keys; counts as they were within the last seconds."""
        own = {"stuck_hours": self._stuck_hours, "traffic": self._traffic, "score_unit": self._unit}
        return {**super().values(), **self._seen, **own}

    async def put(self, key: str, value: object) -> None:
        """Set one key; counts are reached by adding or removing jobs."""
        match key:
            case "traffic":
                self._traffic = bool(value)
            case "stuck_hours":
                self._stuck_hours = int(str(value))
            case "score_unit":
                self._unit = str(value)
            case "depth" | "stuck" | "expired":
                self.require_server()
                await self._reach(key, int(str(value)))
                await self._look()
            case _:
                await super().put(key, value)

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
                    job = await take(keys=[QUEUE, PROCESSING], args=[self._score(_DAY_MS), self._score(0)])
            await self.pause(_JOB_SECONDS)
            if job is not None and self.working:  # A worker that died meanwhile leaves its entry behind.
                with contextlib.suppress(RedisError):
                    await self.client.zrem(PROCESSING, job)
                    self.processed += 1

    async def _arrive(self) -> None:
        while not self.leaving.is_set():
            with contextlib.suppress(RedisError):  # As above.
                if self._traffic:
                    await self.client.zadd(QUEUE, {self._job(): self._score(0)})
                await self._look()
            await self.pause(_ARRIVAL_SECONDS)

    async def _look(self) -> None:
        self._seen = {
            "depth": int(await self.client.zcount(QUEUE, self._score(_DAY_MS), "+inf")),
            "stuck": int(await self.client.zcount(PROCESSING, "-inf", f"({self._score(60_000)}")),
            "expired": int(await self.client.zcount(QUEUE, "-inf", f"({self._score(_DAY_MS)}")),
        }

    async def _reach(self, key: str, wanted: int) -> None:
        """Add or remove jobs of one kind until there are as many as wanted."""
        name, low, high, age = {
            "depth": (QUEUE, f"{self._score(_DAY_MS)}", "+inf", 0),
            "stuck": (PROCESSING, "-inf", f"({self._score(60_000)}", self._stuck_hours * 3_600_000),
            "expired": (QUEUE, "-inf", f"({self._score(_DAY_MS)}", _DAY_MS + 2 * 3_600_000),
        }[key]
        held = [str(each) for each in await self.client.zrangebyscore(name, low, high)]
        if len(held) > wanted:
            await self.client.zrem(name, *held[wanted:])
        elif len(held) < wanted:
            # A second apart each, the newest first, so that "oldest" means something.
            apart = 1000 if key == "depth" else 60_000
            count = wanted - len(held)
            await self.client.zadd(
                name,
                {self._job(): self._score(age + number * min(apart, _DAY_MS // 4 // count)) for number in range(count)},
            )

    def _score(self, age_ms: int) -> int:
        at = self._clock.now() - age_ms
        return at // 1000 if self._unit == "seconds" else at

    def _job(self) -> str:
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
