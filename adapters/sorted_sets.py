"""A queue of two Redis sorted sets: entries wait in one, scored by time, and are worked on in the other.

Scores are epoch seconds or milliseconds; both may lie side by side. Nothing else is known about an entry, so it is
removed only by its exact bytes and unchanged score, and can be put back the same way.
"""

import base64
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import Field
from redis.asyncio import Redis

from adapters.kind import Entry, Options, Provides, Provisions
from adapters.redaction import redacted
from adapters.redis import RedisServer, once, redis_errors
from bot.config.models import Duration
from bot.domain.foreign_json import parsed
from bot.domain.one_line import shown_id
from bot.domain.timing import DAY, MINUTE
from bot.ports import Job, Queue, QueueState

KIND = "sorted_sets"
_MS_FROM = 1e11  # As seconds the year 5138, as milliseconds 1973: no score in use is ambiguous.
_LAST = 2.5e14  # In milliseconds the year 9892; with this and 0 as bounds, what is no time never counts as old.
_MOST = 1000
_BASE64 = "base64:"

# KEYS[1] the set; ARGV pairs of member and score. One step, so that no worker comes between look and removal.
_REMOVE = """
local removed = {}
for i = 1, #ARGV, 2 do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if score and tonumber(score) == tonumber(ARGV[i + 1]) then
    redis.call('ZREM', KEYS[1], ARGV[i])
    removed[#removed + 1] = (i + 1) / 2
  end
end
return removed
"""
# KEYS[1] the set, KEYS[2] the waiting set: what waits again, or is worked on again, must not be there twice.
_PUT_BACK = """
local put = {}
for i = 1, #ARGV, 2 do
  if not redis.call('ZSCORE', KEYS[1], ARGV[i]) and not redis.call('ZSCORE', KEYS[2], ARGV[i]) then
    redis.call('ZADD', KEYS[1], ARGV[i + 1], ARGV[i])
    put[#put + 1] = (i + 1) / 2
  end
end
return put
"""


class SortedSetQueue:
    """`Queue` and `ClearableQueue` on the sets `key` and `processing`; limits in milliseconds."""

    def __init__(
        self,
        client: Redis,
        *,
        key: str,
        processing: str = "",
        stuck_after: int = 30 * MINUTE,
        expire_after: int = DAY,
    ) -> None:
        self._client = client
        self._key = key
        self._processing = processing or f"{key}:processing"
        self.stuck_after = stuck_after
        self.expire_after = expire_after

    async def state(self, now: int) -> QueueState:
        with redis_errors():
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.zcard(self._key)
                pipe.zcard(self._processing)
                # The oldest of either unit of time.
                pipe.zrange(self._key, 0, f"({_MS_FROM}", byscore=True, offset=0, num=1, withscores=True)
                pipe.zrange(self._key, _MS_FROM, _LAST, byscore=True, offset=0, num=1, withscores=True)
                for key, age in ((self._key, self.expire_after), (self._processing, self.stuck_after)):
                    for low, high in _older(now - age):
                        pipe.zcount(key, low, high)
                for key in (self._key, self._processing):
                    pipe.zcount(key, 0, _LAST)
                found = await pipe.execute()
        waiting, active, oldest_s, oldest_ms, *counts, dated, dated_active = found
        undated = waiting + active - dated - dated_active
        oldest = [_time(score) for _, score in (*oldest_s, *oldest_ms)]
        return QueueState(
            waiting=waiting,
            active=active,
            delayed=None,
            failed=None,
            oldest_ms=max(0, now - min(oldest)) if oldest else None,
            expired=counts[0] + counts[1],
            stuck=counts[2] + counts[3],
            unreadable=f"{undated:,} {'entry' if undated == 1 else 'entries'} whose score is no time"
            if undated
            else "",
        )

    async def stuck(self, now: int, older_than: int) -> Sequence[Job]:
        return await self._entries(self._processing, now - older_than)

    async def expired(self, now: int, older_than: int) -> Sequence[Job]:
        return await self._entries(self._key, now - older_than)

    async def remove(self, jobs: Sequence[Job]) -> Sequence[str]:
        return await self._run(_REMOVE, "clear stuck entries", jobs, [self._processing])

    async def discard(self, jobs: Sequence[Job]) -> Sequence[str]:
        return await self._run(_REMOVE, "remove expired entries", jobs, [self._key])

    async def put_back(self, jobs: Sequence[Job]) -> Sequence[str]:
        return await self._run(_PUT_BACK, "put entries back", jobs, [self._processing, self._key])

    async def _entries(self, key: str, before: int) -> list[Job]:
        """Entries up to a time, oldest first."""
        with redis_errors():
            async with self._client.pipeline(transaction=True) as pipe:
                for low, high in _older(before):
                    pipe.zrange(key, low, high, byscore=True, offset=0, num=_MOST, withscores=True)
                found = [entry for part in await pipe.execute() for entry in part]
        return _jobs(sorted(found, key=lambda entry: _time(entry[1]))[:_MOST])

    async def _run(self, script: str, what: str, jobs: Sequence[Job], keys: list[str]) -> list[str]:
        arguments: list[Any] = [part for job in jobs for part in (_member(job.payload), repr(job.score))]
        with redis_errors(what, changing=True):
            async with once(self._client) as client:
                places = await client.eval(script, len(keys), *keys, *arguments)
        return [jobs[int(place) - 1].id for place in places]


def _older(before: int) -> tuple[tuple[float, float], ...]:
    """Ranges of scores up to a time (epoch ms): those in seconds, those in milliseconds."""
    return (0, before / 1000), (_MS_FROM, before)


def _time(score: float) -> int:
    return round(score if score >= _MS_FROM else score * 1000)


def _jobs(entries: Iterable[tuple[str, float]]) -> list[Job]:
    jobs: list[Job] = []
    taken: set[str] = set()
    for member, score in entries:
        identifier, title = _described(member)
        if identifier in taken:  # The same id twice: tell them apart by their bytes.
            identifier = f"{identifier}~{shown_id(f' {member}')}"
        taken.add(identifier)
        jobs.append(Job(identifier, title, since=_time(score), payload=_payload(member), score=score))
    return jobs


def _described(member: str) -> tuple[str, str]:
    """The id and a title of an entry, where it is JSON that names them, or is itself an id; nothing else of it."""
    found = parsed(member)
    if not isinstance(found, dict):
        return shown_id(member), shown_id(member)
    named = next((found[key] for key in ("id", "jobId", "job_id") if isinstance(found.get(key), str | int)), member)
    title = next((found[key] for key in ("name", "type", "kind", "format") if isinstance(found.get(key), str)), "")
    identifier = shown_id(str(named))
    return identifier, redacted(f"{title} {identifier}".strip())


def _payload(member: str) -> str:
    """The member as text that every database can hold; anything else in base64."""
    try:
        plain = bool(member.encode()) and "\0" not in member and not member.startswith(_BASE64)
    except UnicodeEncodeError:
        plain = False
    if plain:
        return member
    return _BASE64 + base64.b64encode(member.encode("utf-8", "surrogateescape")).decode()


def _member(payload: str) -> bytes:
    if payload.startswith(_BASE64):
        return base64.b64decode(payload.removeprefix(_BASE64))
    return payload.encode()


class SortedSetsOptions(Options):
    """`{sorted_sets: cache, key: …, processing: …, stuck_after: 30m, expire_after: 24h}`."""

    key: str = Field(default="", description="The set's name in Redis; default: the queue's own name")
    processing: str = Field(default="", description="Sorted set of entries being worked on; default: KEY:processing")
    stuck_after: Duration = 30 * MINUTE
    expire_after: Duration = DAY


def _queue(server: RedisServer, options: SortedSetsOptions, entry: Entry) -> Queue:
    return SortedSetQueue(
        server.client,
        key=options.key or entry.name,
        processing=options.processing,
        stuck_after=options.stuck_after,
        expire_after=options.expire_after,
    )


PROVIDES: Provisions = {"queue": Provides(_queue, SortedSetsOptions, on="redis")}
