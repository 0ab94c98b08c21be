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
from bot.local.lab.component import Setting, flag, one_of, whole
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


def _settings(name: str) -> dict[str, Setting]:
    return {
        f"{name}.depth": Setting("jobs waiting (the workers go on working them)", whole(0, 20000)),
        f"{name}.failed": Setting("failed jobs; each succeeds when retried", whole(0, 2000)),
        f"{name}.delayed": Setting("jobs delayed by an hour", whole(0, 2000)),
        f"{name}.paused": Setting("whether the queue is paused", flag),
        f"{name}.generation": Setting(f"meta.version: {', '.join(GENERATIONS)}", one_of(*GENERATIONS)),
    }


class MailQueues(Cache):
    """Two BullMQ queues; one live `Worker` per running worker container and queue."""

    settings: ClassVar[Mapping[str, Setting]] = {
        **Cache.settings,
        **_settings(CAMPAIGNS),
        **_settings(INSIGHTS),
        "traffic": Setting("whether new jobs keep arriving", flag),
    }

    def __init__(self, server: ValkeyServer, clock: Clock) -> None:
        """Describe the queues; start nothing."""
        super().__init__(server)
        self._traffic = True
        self._queues = {name: BullmqQueue(self.client, clock) for name in QUEUES}
        self._workers: dict[str, list[LiveWorker]] = {}  # container id -> one worker per queue
        self._containers: set[str] = set()
        self._arrivals: asyncio.Task[None] | None = None
        self._seen: dict[str, object] = {}

    def values(self) -> dict[str, object]:
        """The settable keys; counts as they were within the last seconds."""
        return {**super().values(), **self._seen, "traffic": self._traffic}

    async def put(self, key: str, value: object) -> None:
        """Set one key; counts are reached by adding or removing jobs."""
        if key == "traffic":
            self._traffic = bool(value)
        elif "." not in key:
            await super().put(key, value)
        else:
            self.require_server()
            name, what = key.split(".")
            await self._queues[name].put(what, value)
            await self._look()

    async def before_down(self) -> None:
        """End the workers and the arrivals."""
        if self._arrivals is not None:
            await self._arrivals
            self._arrivals = None
        await asyncio.gather(*(self._end_worker(container) for container in list(self._workers)))
        for queue in self._queues.values():
            await queue.close()

    async def after_up(self) -> None:
        """Open the queues, start the workers and the arrivals."""
        for name, queue in self._queues.items():
            await queue.open(Queue(name, self._options()))
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
        if self._queues[job.queue.name].fails(job.id, job.data):
            raise SendFailedError("Resend answered 429: Too many requests")
        return {"sent": len(job.data.get("recipients", [])) or 1}

    async def _arrive(self) -> None:
        while not self.leaving.is_set():
            with contextlib.suppress(RedisError):  # The server is about to stop; the next round shows.
                if self._traffic:
                    await self._queues[CAMPAIGNS].add(1 + secrets.randbelow(3))
                    await self._queues[INSIGHTS].add(secrets.randbelow(2))
                await self._look()
            await self.pause(_ARRIVAL_SECONDS)

    async def _look(self) -> None:
        for name, queue in self._queues.items():
            counts = await queue.counts()
            self._seen.update({f"{name}.{key}": value for key, value in counts.items()})

    def _options(self) -> dict[str, object]:
        # Without the version check, which warns about another eviction policy, as the lab can be told to set.
        return {"connection": self.server.owner_url, "skipVersionCheck": True}
