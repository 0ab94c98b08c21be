"""A BullMQ queue: read by its real keys, retried one job at a time by BullMQ's own script.

Keys and generations: https://github.com/taskforcesh/bullmq (src/classes/queue-keys.ts, src/commands/pause-7.lua,
reprocessJob). The library of this process carries the scripts of generation 6; on a queue that a generation 5 worker
has paused they push into `wait`, which resuming overwrites: the job is lost. So such a retry is refused.
"""

import base64
import math
import re
from collections.abc import Sequence
from typing import Any

from pydantic import Field
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import NoPermissionError, ResponseError, WatchError

from adapters.kind import Entry, Options, Provides, Provisions
from adapters.redaction import redacted
from adapters.redis import RedisServer, once, redis_errors
from bot.domain.errors import OutcomeUnknown, Rejected
from bot.domain.foreign_json import parsed
from bot.domain.one_line import shown_id
from bot.ports import Job, Queue, QueueState

KIND = "bullmq"
OUR_GENERATION = 6
"""The major version of BullMQ whose scripts PyPI's bullmq 3.x carries."""

_VERSION = re.compile(r"^bullmq:v?(\d+)\.")
_MOST_ACTIVE = 500
_TRIES = 3


class BullmqQueue:
    """`Queue` and `RetriableQueue`. `generation`: BullMQ's major version where the queue does not tell it."""

    def __init__(self, client: Redis, *, name: str, generation: int | None = None, prefix: str = "bull") -> None:
        self._client = client
        self._name = name
        self._generation = generation
        self._prefix = prefix

    async def state(self, now: int) -> QueueState:
        with redis_errors():
            async with self._client.pipeline(transaction=True) as pipe:
                for suffix in ("wait", "paused", "active"):
                    pipe.llen(self._key(suffix))
                for suffix in ("prioritized", "delayed", "failed", "waiting-children"):
                    pipe.zcard(self._key(suffix))
                pipe.hexists(self._key("meta"), "paused")
                pipe.lrange(self._key("wait"), -2, -1)
                pipe.lrange(self._key("paused"), -2, -1)
                pipe.zrange(self._key("prioritized"), 0, 0)
                wait, shelved, active, prioritized, delayed, failed, children, paused, *tails = await pipe.execute()
            oldest = await self._oldest(now, [name for tail in tails for name in tail])
            stuck = await self._unlocked()
            workers = await self._workers()
        # Generation 4 kept a marker such as "0:1700000000000" at the end of its lists.
        markers = sum(name.startswith("0:") for tail in tails[:2] for name in tail[-1:])
        return QueueState(
            waiting=max(0, wait + shelved + prioritized - markers),
            active=active,
            delayed=delayed,
            failed=failed,
            oldest_ms=oldest,
            paused=bool(paused),
            workers=workers,
            stuck=stuck,
            waiting_children=children,
        )

    async def failed(self, limit: int) -> Sequence[Job]:
        if limit <= 0:
            return []
        with redis_errors():
            (entries,) = await self._many([("ZREVRANGE", self._key("failed"), 0, limit - 1, "WITHSCORES")])
            return await self._described(entries)

    async def still_failed(self, ids: Sequence[str]) -> Sequence[Job]:
        with redis_errors():
            scores = await self._many([("ZSCORE", self._key("failed"), each) for each in ids])
            found = [(each, score) for each, score in zip(ids, scores, strict=True) if score is not None]
            return await self._described(found)

    async def _described(self, entries: Sequence[tuple[str, float]]) -> list[Job]:
        """Failed jobs with what BullMQ keeps of them."""
        fields = ("name", "failedReason", "atm", "attemptsMade")
        details = await self._many([("HMGET", self._key(name), *fields) for name, _ in entries])
        return [
            Job(
                id=name,
                title=redacted(detail[0] or "job"),
                since=int(score) if math.isfinite(score) else None,
                reason=redacted(detail[1] or ""),
                attempts=_count(detail[2] or detail[3]),
                score=score,
            )
            for (name, score), detail in zip(entries, details, strict=True)
        ]

    async def refusal(self) -> str | None:
        with redis_errors():
            commands = [("HMGET", self._key("meta"), "paused", "version"), ("LLEN", self._key("paused"))]
            (paused, version), shelved = await self._many(commands)
        return self._why_not(paused, version, shelved)

    async def retry(self, job_id: str) -> bool:
        what = f"retry job {shown_id(job_id)}"
        for _ in range(_TRIES):
            try:
                return await self._retry(job_id, what)
            except WatchError as error:
                if "while watching" in str(error):  # redis-py's word for a connection that broke, perhaps after EXEC.
                    raise OutcomeUnknown(f"{what}: broke off the connection; it may have happened") from error
        raise Rejected(f"{what}: the queue's settings change all the time; try again.")

    async def _retry(self, job_id: str, what: str) -> bool:
        """One try, in one transaction with the look at the queue; `WatchError` where it was paused in between."""
        from adapters.bullmq_scripts import RETRIED, BullmqScripts  # noqa: PLC0415 - it loads the library

        with redis_errors(what, changing=True):
            async with once(self._client) as client, client.pipeline(transaction=True) as pipe:
                scripts = BullmqScripts(client, prefix=self._prefix, name=self._name)
                await pipe.watch(self._key("meta"), self._key("paused"))
                # A pipeline that watches answers at once.
                paused, version = await _now(pipe, "HMGET", self._key("meta"), "paused", "version")
                reason = self._why_not(paused, version, await _now(pipe, "LLEN", self._key("paused")))
                if reason is not None:
                    raise Rejected(f"{what}: {reason}")
                options = await _now(pipe, "HGET", self._key(job_id), "opts")
                if options is None:
                    return False
                pipe.multi()  # type: ignore[no-untyped-call]  # redis leaves it untyped
                await scripts.reprocess(pipe, job_id, lifo=_lifo(options))
                answers = await pipe.execute()
        return bool(answers[-1] == RETRIED)

    def _why_not(self, paused: str | None, version: str | None, shelved: int) -> str | None:
        """Why a retry would lose jobs, as a sentence with the safe way. `shelved`: jobs in the list `paused`."""
        match = _VERSION.match(version or "")
        generation = int(match[1]) if match else self._generation
        if generation is not None and generation > OUR_GENERATION:
            return f"BullMQ {generation} is newer than the scripts that we have ({OUR_GENERATION}); retry it there."
        if shelved:
            # Whatever `version` says: who filled this list renames it over `wait` when it resumes.
            return (
                f"{shelved:,} jobs lie in the list where BullMQ 5 keeps those of a paused queue, and what is retried"
                " meanwhile is lost when it resumes; resume the queue first."
            )
        if paused is None or generation == OUR_GENERATION:
            return None
        if generation is None:
            return (
                "the queue is paused and does not tell its BullMQ version, so a retried job could be lost;"
                " resume the queue, or set `generation` in its configuration."
            )
        return (
            f"the queue is paused, and BullMQ {generation} loses what is retried meanwhile when it resumes;"
            " resume the queue first."
        )

    async def _oldest(self, now: int, names: Sequence[str]) -> int | None:
        """The age of the oldest of these jobs, by the time when each was added."""
        times = await self._many([("HGET", self._key(name), "timestamp") for name in names])
        known = [int(time) for time in times if time and time.isdecimal()]
        return max(0, now - min(known)) if known else None

    async def _unlocked(self) -> int:
        """Active jobs that no worker holds: their worker died; any live worker takes them up within a minute."""
        listed = ("LRANGE", self._key("active"), 0, _MOST_ACTIVE - 1)
        (names,) = await self._many([listed])
        # The list is read again with the locks: a job that has ended meanwhile is not stuck.
        *locks, still = await self._many(
            [*(("EXISTS", self._key(f"{name}:lock")) for name in names), listed], atomic=True
        )
        return sum(not lock and name in set(still) for name, lock in zip(names, locks, strict=True))

    async def _workers(self) -> int | None:
        """Workers by the names of their connections; None where the server does not show them."""
        try:
            (clients,) = await self._many([("CLIENT LIST",)])
        except (NoPermissionError, ResponseError):
            return None
        # Node's library writes the queue's name in base64, Python's plainly.
        encoded = base64.b64encode(self._name.encode()).decode()
        names = {f"{self._prefix}:{self._name}", f"{self._prefix}:{encoded}"}
        found = {client["id"]: client.get("name", "") for client in clients}
        return len({id_ for id_, name in found.items() if name in names or name.split(":w:")[0] in names})

    async def _many(self, commands: Sequence[tuple[str | int, ...]], *, atomic: bool = False) -> list[Any]:
        """The answers to commands that go out together; `atomic`: with nothing done in between."""
        if not commands:
            return []
        async with self._client.pipeline(transaction=atomic) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            return await pipe.execute()

    def _key(self, suffix: str) -> str:
        return f"{self._prefix}:{self._name}:{suffix}"


async def _now(pipe: Pipeline, *command: str) -> Any:  # noqa: ANN401 - whatever Redis answers
    return await pipe.immediate_execute_command(*command)  # type: ignore[no-untyped-call]  # redis leaves it untyped


def _count(text: str | None) -> int:
    """A count that BullMQ keeps as text; 0 for what is none."""
    return int(text) if text and text.isdecimal() else 0


def _lifo(options: str) -> bool:
    """Whether the job goes to the other end of the list, as its options say."""
    found = parsed(options)
    return isinstance(found, dict) and bool(found.get("lifo"))


class BullmqOptions(Options):
    """`{bullmq: cache, key: …, generation: …}`."""

    key: str = Field(default="", description="The queue's name in Redis; default: the queue's own name")
    generation: int | None = Field(default=None, description="BullMQ's major version, where the queue does not tell it")


def _queue(server: RedisServer, options: BullmqOptions, entry: Entry) -> Queue:
    return BullmqQueue(server.client, name=options.key or entry.name, generation=options.generation)


PROVIDES: Provisions = {"queue": Provides(_queue, BullmqOptions, on="redis")}
