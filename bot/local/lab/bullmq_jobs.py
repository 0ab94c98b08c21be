"""One BullMQ queue of the lab: jobs added, failed, delayed, paused, as the chosen generation of the library would.

The Python library is of generation 6. Where generation 5 differs (a paused queue's jobs lie in `paused`, and resuming
renames that list over `wait`), this does by hand what its scripts do; see BullMQ's pause-7.lua of both versions.
"""

import json
import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any

from redis.asyncio import Redis

from bot.ports import Clock

REASON = "Resend answered 429: Too many requests"
_HOUR_MS = 3_600_000
_DEFAULT_GENERATION = "bullmq:6.2.0"
_NAME = "send-batch"
_BY_THE_LIBRARY = 500
_AT_ONCE = 5_000
_FAILED_APART_MS = 7_000

# KEYS: id, list or sorted set, marker, prefix of jobs. ARGV: where, count, newest, apart (ms), then a job's fields.
_MAKE = """
local fields = {unpack(ARGV, 5)}
local n = #fields
for number = 0, tonumber(ARGV[2]) - 1 do
  local at = string.format('%d', tonumber(ARGV[3]) - number * tonumber(ARGV[4]))
  local id = redis.call('INCR', KEYS[1])
  if ARGV[1] == 'failed' then
    fields[n + 1], fields[n + 2] = 'timestamp', string.format('%d', at - 60000)
    fields[n + 3], fields[n + 4] = 'processedOn', string.format('%d', at - 900)
    fields[n + 5], fields[n + 6] = 'finishedOn', at
    redis.call('ZADD', KEYS[2], at, id)
  else
    fields[n + 1], fields[n + 2] = 'timestamp', at
    redis.call('LPUSH', KEYS[2], id)
  end
  redis.call('HSET', KEYS[4] .. id, unpack(fields))
end
if ARGV[1] == 'wait' then redis.call('ZADD', KEYS[3], 0, '0') end
"""


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
        if self._queue is not None:  # Its server may not have started.
            await self._queue.close()

    async def add(self, count: int) -> None:
        """New jobs, as the app makes them when a campaign goes out; the first of them is the newest."""
        by_hand = max(0, count - _BY_THE_LIBRARY)
        if by_hand:
            await self._make(by_hand, "wait", self._clock.now() - _BY_THE_LIBRARY)
        jobs = [self._job({"timestamp": self._clock.now() - number}) for number in range(count - by_hand)]
        if jobs:
            await self._queue.addBulk(jobs)
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
        for name in ("wait", "paused"):
            while held > wanted and (gone := await self._client.rpop(self._key(name), min(_AT_ONCE, held - wanted))):
                await self._remove(gone)
                held -= len(gone)

    async def _reach_failed(self, wanted: int) -> None:
        held = int(await self._client.zcard(self._key("failed")))
        while held > wanted:
            gone = await self._client.zpopmin(self._key("failed"), min(_AT_ONCE, held - wanted))
            await self._remove([entry[0] for entry in gone])
            held -= len(gone)
        await self._make(wanted - held, "failed", self._clock.now())

    async def _reach_delayed(self, wanted: int) -> None:
        held = int(await self._client.zcard(self._key("delayed")))
        if held > wanted:
            gone = await self._client.zpopmax(self._key("delayed"), held - wanted)
            await self._remove([entry[0] for entry in gone])
        now = self._clock.now()
        # The library's workers go by the machine's time, which the clock may lag behind in a test.
        due = max(now, time.time_ns() // 1_000_000) + _HOUR_MS
        jobs = [self._job({"timestamp": now, "delay": due - now}) for _ in range(wanted - held)]
        if jobs:
            await self._queue.addBulk(jobs)

    async def _make(self, count: int, where: str, newest: int) -> None:
        """Many jobs at once, as the library's scripts leave them: waiting, or after their last failed attempt.

        See addStandardJob-9.lua and moveToFinished-14.lua; a call for each, as the library makes, would take minutes.
        """
        apart = min(_FAILED_APART_MS, _HOUR_MS * 12 // max(count, 1)) if where == "failed" else 1
        for first in range(0, count, _AT_ONCE):
            number = min(_AT_ONCE, count - first)
            fields: dict[str, object] = {"name": _NAME, "data": json.dumps(_data()), "delay": 0, "priority": 0}
            if where == "failed":
                stack = json.dumps([f"Error: {REASON}\n    at sendBatch (/app/worker.js:88:13)"])
                fields |= {"opts": json.dumps({"attempts": 3}), "failedReason": REASON, "stacktrace": stack}
                fields |= {"atm": 3, "ats": 3}
            else:
                fields |= {"opts": json.dumps({"attempts": 1})}
            pairs = [str(each) for pair in fields.items() for each in pair]
            keys = [self._key(name) for name in ("id", where, "marker", "")]
            await self._client.eval(_MAKE, len(keys), *keys, where, number, newest - first * apart, apart, *pairs)

    async def _remove(self, jobs: Iterable[object]) -> None:
        keys = [self._key(f"{job}{suffix}") for job in jobs for suffix in ("", ":logs")]
        if keys:
            await self._client.unlink(*keys)

    def _job(self, options: Mapping[str, object]) -> dict[str, object]:
        data = _data()
        if secrets.randbelow(40) == 0:
            data["flaky"] = True
        return {"name": _NAME, "data": data, "opts": {"attempts": 1, **options}}

    def _key(self, suffix: str) -> str:
        return str(self._queue.toKey(suffix))


def _data() -> dict[str, object]:
    """A batch of one campaign."""
    number = secrets.randbelow(9000) + 1000
    return {
        "campaignId": f"cmp_{number}",
        "tenantId": f"tenant_{number % 7}",
        "recipients": [f"reader{number + each}@example.com" for each in range(3)],
    }
