"""BullMQ's own Lua scripts, run in a transaction of ours.

Importing this loads the library, 100 ms that only a retry needs.
"""

from functools import partial
from types import SimpleNamespace
from typing import Any

from bullmq.redis_connection import RedisConnection  # type: ignore[import-untyped]  # the library ships no types
from bullmq.scripts import Scripts  # type: ignore[import-untyped]  # as above
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

RETRIED = 1


class BullmqScripts:
    """The scripts for one queue."""

    def __init__(self, client: Redis, *, prefix: str, name: str) -> None:
        self._prefix = prefix
        self._name = name
        self._library: Any = RedisConnection(client)

    async def reprocess(self, pipe: Pipeline, job_id: str, *, lifo: bool) -> None:
        """Put the retry of one failed job, with fresh attempts, into a transaction; it answers `RETRIED` or below 0.

        BullMQ's own code chooses keys and arguments; only the client that runs the script is ours.
        """
        scripts = Scripts(self._prefix, self._name, self._library)
        scripts.commands = {"reprocessJob": partial(self._library.commands["reprocessJob"], client=pipe)}
        job = SimpleNamespace(id=job_id, opts={"lifo": lifo})
        await scripts.reprocessJob(job, "failed", {"resetAttemptsMade": True, "resetAttemptsStarted": True})
