"""One BullMQ queue of the lab: jobs added, failed, delayed, paused, as the chosen generation of the library would.

The Python library is of generation 6. Where generation 5 differs (a paused queue's jobs lie in `paused`, and resuming
renames that list over `wait`), this does by hand what its scripts do; see BullMQ's pause-7.lua of both versions.
"""

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis

from bot.ports import Clock

REASON = "Resend answered 429: Too many requests"
_HOUR_MS = 3_600_000
_DEFAULT_GENERATION = "bullmq:6.2.0"


class BullmqQueue:
    """One queue; counts are reached by adding or removing jobs."""

    def __init__(self, client: Redis, clock: Clock) -> None:
        """Use this plain client of the server beside the library's queue, which `open` brings."""
        self._queue: Any = None
        self._client = client
        self._clock = clock
        self._flaky: set[str] = set()
        self._generation = _DEFAULT_GENERATION

    async def open(self, queue: Any) -> None:  # noqa: ANN401 - the library is untyped
        """Take the library's queue, and write the generation as a Node program's `Queue` does."""
        self._queue = queue
        if self._generation != "absent":
            await self._client.hset(self._key("meta"), "version", self._generation)

    async def close(self) -> None:
        """Let go of the library's connection."""
        await self._queue.close()

    async def add(self, count: int) -> None:
        """New jobs, as the app makes them when a campaign goes out."""
        if count == 0:
            return
        await self._queue.addBulk([self._job({"timestamp": self._clock.now() - number}) for number in range(count)])
        if self._legacy and await self._paused():
            await self._shelve()

    async def put(self, what: str, value: object) -> None:
        """Reach a count of jobs in one state, pause or resume, or change the generation."""
        match what:
            case "depth":
                await self._reach_depth(int(str(value)))
            case "failed":
                await self._reach_failed(int(str(value)))
            case "delayed":
                await self._reach_delayed(int(str(value)))
            case "paused":
                await (self._pause() if value else self._resume())
            case _:
                await self._change_generation(str(value))

    async def counts(self) -> dict[str, object]:
        """The settable keys as they are now."""
        return {
            "depth": int(await self._client.llen(self._key("wait")))
            + int(await self._client.llen(self._key("paused"))),
            "failed": int(await self._client.zcard(self._key("failed"))),
            "delayed": int(await self._client.zcard(self._key("delayed"))),
            "paused": await self._paused(),
            "generation": self._generation,
        }

    def fails(self, job: str, data: Mapping[str, object]) -> bool:
        """Whether this run of the job fails: a flaky one does the first time, a poisoned one every time."""
        first = bool(data.get("flaky")) and job not in self._flaky
        self._flaky.add(job)
        return first or bool(data.get("poison"))

    @property
    def _legacy(self) -> bool:
        return self._generation.startswith("bullmq:5.")

    async def _paused(self) -> bool:
        return bool(await self._client.hexists(self._key("meta"), "paused"))

    async def _pause(self) -> None:
        await self._queue.pause()
        if self._legacy:
            await self._shelve()

    async def _resume(self) -> None:
        if self._legacy and await self._client.exists(self._key("paused")):
            # Generation 5 renames, and whatever was put into `wait` meanwhile is lost; so it is here.
            await self._client.rename(self._key("paused"), self._key("wait"))
        await self._queue.resume()

    async def _shelve(self) -> None:
        while await self._client.lmove(self._key("wait"), self._key("paused"), "RIGHT", "LEFT") is not None:
            continue

    async def _change_generation(self, generation: str) -> None:
        paused = await self._paused()
        if paused:
            await self._resume()
        self._generation = generation
        if generation == "absent":
            await self._client.hdel(self._key("meta"), "version")
        else:
            await self._client.hset(self._key("meta"), "version", generation)
        if paused:
            await self._pause()

    async def _reach_depth(self, wanted: int) -> None:
        held = int(str((await self.counts())["depth"]))
        await self.add(max(0, wanted - held))
        for _ in range(held - wanted):
            await self._remove(
                await self._client.rpop(self._key("wait")) or await self._client.rpop(self._key("paused"))
            )

    async def _reach_failed(self, wanted: int) -> None:
        held = int(await self._client.zcard(self._key("failed")))
        if held > wanted:
            for entry in await self._client.zpopmin(self._key("failed"), held - wanted):
                await self._remove(entry[0])
        for number in range(wanted - held):
            await self._fail_one(age_ms=number * 7_000)

    async def _reach_delayed(self, wanted: int) -> None:
        held = int(await self._client.zcard(self._key("delayed")))
        if held > wanted:
            for entry in await self._client.zpopmax(self._key("delayed"), held - wanted):
                await self._remove(entry[0])
        now = self._clock.now()
        # The library's workers go by the machine's time, which the clock may lag behind in a test.
        due = max(now, time.time_ns() // 1_000_000) + _HOUR_MS
        jobs = [self._job({"timestamp": now, "delay": due - now}) for _ in range(wanted - held)]
        if jobs:
            await self._queue.addBulk(jobs)

    async def _fail_one(self, *, age_ms: int) -> None:
        """A job as a worker's last failed attempt leaves it (see moveToFinished-14.lua)."""
        at = self._clock.now() - age_ms
        identifier = str(await self._client.incr(self._key("id")))
        job = self._job({"attempts": 3})
        self._flaky.add(identifier)  # It has failed: a retry succeeds.
        fields: dict[str, str | int] = {
            "name": str(job["name"]),
            "data": json.dumps(job["data"]),
            "opts": json.dumps({"attempts": 3}),
            "timestamp": at - 60_000,
            "delay": 0,
            "priority": 0,
            "processedOn": at - 900,
            "finishedOn": at,
            "failedReason": REASON,
            "stacktrace": json.dumps([f"Error: {REASON}\n    at sendBatch (/app/worker.js:88:13)"]),
            "atm": 3,
            "ats": 3,
        }
        await self._client.hset(self._key(identifier), mapping={key: str(value) for key, value in fields.items()})
        await self._client.zadd(self._key("failed"), {identifier: at})

    async def _remove(self, job: object) -> None:
        if job is not None:
            await self._client.delete(self._key(str(job)), self._key(f"{job}:logs"))

    def _job(self, options: Mapping[str, object]) -> dict[str, object]:
        number = secrets.randbelow(9000) + 1000
        data: dict[str, object] = {
            "campaignId": f"cmp_{number}",
            "tenantId": f"tenant_{number % 7}",
            "recipients": [f"reader{number + each}@example.com" for each in range(3)],
        }
        if secrets.randbelow(40) == 0:
            data["flaky"] = True
        return {"name": "send-batch", "data": data, "opts": {"attempts": 1, **options}}

    def _key(self, suffix: str) -> str:
        return str(self._queue.toKey(suffix))
