"""The newsletter's Redis: BullMQ queues made and worked by BullMQ's own library, so that jobs really move."""

import asyncio
import contextlib
import secrets
from collections.abc import Mapping
from typing import Any, ClassVar

from bullmq import Queue, Worker  # type: ignore[import-untyped]  # the library ships no types
from redis.exceptions import RedisError

from bot.local.lab.bullmq_jobs import BullmqQueue
from bot.local.lab.cache import Cache
from bot.local.lab.component import MOST_JOBS, Component, Setting, one_of, whole
from bot.local.lab.valkey import ValkeyServer
from bot.ports import Clock

CAMPAIGNS = "campaign-emails"
INSIGHTS = "ai-insights"
QUEUES = (CAMPAIGNS, INSIGHTS)
GENERATIONS = ("bullmq:5.81.3", "bullmq:6.2.0", "absent")
_JOB_SECONDS = 0.2
_ARRIVAL_SECONDS = 3.0
_CONCURRENCY = 4
_END_SECONDS = 5.0
_KEPT_COMPLETED = 100


class SendFailedError(Exception):
    """What the simulated worker's job fails with."""


class LiveWorker:
    """BullMQ's worker and the task it runs in."""

    def __init__(self, worker: Any) -> None:  # noqa: ANN401 - the library is untyped
        """Run it."""
        self._worker = worker
        self._task = asyncio.create_task(worker.run())

    async def end(self) -> None:
        """Finish the jobs at hand and end.

        A worker that is closed before its loop has begun, or while it is being handed a job, opens its connections
        again and keeps them; so wait for the loop on both sides, and close them once more.
        """
        while not self._worker.running and not self._task.done():  # noqa: ASYNC110 - the library sends no event
            await asyncio.sleep(0.01)
        await self._worker.close()
        await asyncio.wait([self._task], timeout=_END_SECONDS)
        self._task.cancel()
        if self._worker.processing:  # Its loop may end before what it started does.
            await asyncio.wait(self._worker.processing, timeout=_END_SECONDS)
        await self._worker.backend.close(force=True)


class MailQueue(Component):
    """One queue as a part of its own. What lives in a server that is down cannot be set."""

    states: ClassVar[Mapping[str, str]] = {"up": "its jobs are taken", "paused": "no job is taken"}
    settings: ClassVar[Mapping[str, Setting]] = {
        "depth": Setting("jobs waiting (the workers go on working them)", whole(0, MOST_JOBS)),
        "failed": Setting("failed jobs; each succeeds when retried", whole(0, MOST_JOBS)),
        "delayed": Setting("jobs delayed by an hour", whole(0, 2000)),
        "generation": Setting(f"meta.version: {', '.join(GENERATIONS)}", one_of(*GENERATIONS)),
    }

    def __init__(self, cache: Cache, jobs: BullmqQueue) -> None:
        """Stand for these jobs in this server."""
        self.jobs = jobs
        self._cache = cache
        self._seen: dict[str, object] = {}

    @property
    def url(self) -> str:
        """Its server's."""
        return self._cache.url

    @property
    def state(self) -> str:
        """Which of `states` it is in now."""
        return "paused" if self._seen.get("paused") else "up"

    def values(self) -> dict[str, object]:
        """The settable keys, as they were within the last seconds."""
        return {key: self._seen[key] for key in self.settings if key in self._seen}

    async def enter(self, state: str) -> None:
        """Pause or resume it."""
        await self.put("paused", state == "paused")

    async def put(self, key: str, value: object) -> None:
        """Reach a count by adding or removing jobs, or change the generation."""
        self._cache.require_server()
        await self.jobs.put(key, value)
        await self.look()

    async def look(self) -> None:
        """See what is there now."""
        self._seen = await self.jobs.counts()


class MailQueues(Cache):
    """Two BullMQ queues; one live `Worker` per running worker container and queue."""

    def __init__(self, server: ValkeyServer, clock: Clock) -> None:
        """Describe the queues; start nothing."""
        super().__init__(server)
        self.queues = {name: MailQueue(self, BullmqQueue(self.client, clock)) for name in QUEUES}
        self._workers: dict[str, list[LiveWorker]] = {}  # container id -> one worker per queue
        self._containers: set[str] = set()
        self._arrivals: asyncio.Task[None] | None = None

    async def before_down(self) -> None:
        """End the workers and the arrivals."""
        if self._arrivals is not None:
            await self._arrivals
            self._arrivals = None
        await asyncio.gather(*(self._end_worker(container) for container in list(self._workers)))
        for queue in self.queues.values():
            await queue.jobs.close()

    async def after_up(self) -> None:
        """Open the queues, start the workers and the arrivals."""
        for name, queue in self.queues.items():
            await queue.jobs.open(Queue(name, self._options()))
        for container in sorted(self._containers):
            self._begin_worker(container)
        self._arrivals = asyncio.create_task(self._arrive())

    async def work(self, container: str) -> None:
        """A worker container started."""
        self._containers.add(container)
        if self.server.running:
            self._begin_worker(container)

    async def rest(self, container: str) -> None:
        """A worker container stopped; the job in its hands is finished first."""
        self._containers.discard(container)
        await self._end_worker(container)

    @property
    def workers(self) -> int:
        """How many worker containers run."""
        return len(self._containers)

    def _begin_worker(self, container: str) -> None:
        if container not in self._workers:
            options = {**self._options(), "name": container[:12], "concurrency": _CONCURRENCY, "autorun": False}
            options["drainDelay"] = 1
            options["removeOnComplete"] = {"count": _KEPT_COMPLETED}
            self._workers[container] = [LiveWorker(Worker(name, self._process, options)) for name in QUEUES]

    async def _end_worker(self, container: str) -> None:
        await asyncio.gather(*(worker.end() for worker in self._workers.pop(container, [])))

    async def _process(self, job: Any, _token: str) -> dict[str, object]:  # noqa: ANN401 - the library's job is untyped
        await asyncio.sleep(_JOB_SECONDS)
        if self.queues[job.queue.name].jobs.fails(job.id, job.data):
            raise SendFailedError("Resend answered 429: Too many requests")
        return {"sent": len(job.data.get("recipients", [])) or 1}

    async def _arrive(self) -> None:
        while not self.leaving.is_set():
            with contextlib.suppress(RedisError):  # The server is about to stop; the next round shows.
                if self.traffic:
                    await self.queues[CAMPAIGNS].jobs.add(1 + secrets.randbelow(3))
                    await self.queues[INSIGHTS].jobs.add(secrets.randbelow(2))
                for queue in self.queues.values():
                    await queue.look()
            await self.pause(_ARRIVAL_SECONDS)

    def _options(self) -> dict[str, object]:
        # Without the version check, which warns about another eviction policy, as the lab can be told to set.
        return {"connection": self.server.owner_url, "skipVersionCheck": True}
