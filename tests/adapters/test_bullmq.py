"""A BullMQ queue on a real Valkey: made by BullMQ's own library, and by generation 5's rules where those differ."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from bullmq import Queue, Worker  # type: ignore[import-untyped]  # the library ships no types

from adapters import redis
from adapters.bullmq import BullmqQueue
from adapters.redis import RedisServer
from bot.domain.errors import Rejected
from bot.local.lab.mail_queues import MailQueues
from bot.local.lab.valkey import ValkeyServer
from tests.adapters.contracts import NOW, RetriableContract
from tests.fakes.clock import FakeClock
from tests.local.lab.polling import eventually

NAME = "campaign-emails"


class Mail:
    """The lab's queues, with hands to put `campaign-emails` into any state; no worker runs."""

    def __init__(self, queues: MailQueues) -> None:
        self.queues = queues

    async def put(self, key: str, value: object) -> None:
        """Set one key of the queue."""
        body = {"state": "paused" if value else "up"} if key == "paused" else {"set": {key: value}}
        await self.queues.queues[NAME].apply(body)


@pytest.fixture
async def made(tmp_path: Path, port: int, clock: FakeClock) -> AsyncIterator[Mail]:
    """Empty queues on a real Valkey."""
    queues = MailQueues(ValkeyServer(tmp_path, "redis", port), clock)
    await queues.apply({"set": {"traffic": False}})
    await queues.enter("up")
    yield Mail(queues)
    await queues.close()


@pytest.fixture
async def server(made: Mail) -> AsyncIterator[RedisServer]:
    """The adapter's client of it."""
    opened = redis.open(redis.Config.model_validate({"redis": made.queues.url}))
    yield opened
    await opened.close()


@pytest.fixture
async def library(made: Mail) -> AsyncIterator[Queue]:
    """BullMQ's own view of the queue."""
    opened = Queue(NAME, {"connection": made.queues.url})
    yield opened
    await opened.close()


@pytest.fixture
def queue(server: RedisServer) -> BullmqQueue:
    """The adapter's view of the queue."""
    return BullmqQueue(server.client, name=NAME)


class RealRetriable:
    """Hands for the real queue."""

    def __init__(self, server: RedisServer) -> None:
        self.queue = BullmqQueue(server.client, name=NAME)
        self._client = server.client

    async def failed(self) -> Sequence[str]:
        return [str(name) for name in await self._client.zrange(f"bull:{NAME}:failed", 0, -1, desc=True)]


class TestRetriable(RetriableContract):
    @pytest.fixture
    async def retriable(self, made: Mail, server: RedisServer) -> RealRetriable:
        """Three failed jobs."""
        await made.put("failed", 3)
        return RealRetriable(server)


async def test_the_real_keys_are_counted(made: Mail, queue: BullmqQueue, library: Queue) -> None:
    """`wait`, `prioritized` and `paused` all wait; the runbook's key `waiting` does not exist."""
    await made.put("depth", 4)
    await made.put("failed", 2)
    await made.put("delayed", 3)
    await library.add("send", {}, {"priority": 5})

    state = await queue.state(NOW)

    assert (5, 0, 3, 2, False) == (state.waiting, state.active, state.delayed, state.failed, state.paused)
    assert not await library.client.exists(f"bull:{NAME}:waiting")


async def test_jobs_that_wait_for_their_children_are_counted(server: RedisServer, queue: BullmqQueue) -> None:
    """A flow's parents lie in a set of their own."""
    await server.client.zadd(f"bull:{NAME}:waiting-children", {"8": NOW, "9": NOW})

    assert 2 == (await queue.state(NOW)).waiting_children


async def test_what_bullmq_would_never_write_is_read_all_the_same(server: RedisServer, queue: BullmqQueue) -> None:
    """Foreign values in its keys cost a number, not the whole list."""
    await server.client.zadd(f"bull:{NAME}:failed", {"odd": float("inf")})
    await server.client.hset(f"bull:{NAME}:odd", mapping={"name": "mail", "atm": "many", "timestamp": "²"})
    await server.client.lpush(f"bull:{NAME}:wait", "odd")

    (job,) = await queue.failed(10)

    assert (None, 0) == (job.since, job.attempts)
    assert (await queue.state(NOW)).oldest_ms is None


async def test_the_oldest_waiting_job_gives_the_age(library: Queue, queue: BullmqQueue) -> None:
    """By the time when it was added, prioritized ones included."""
    await library.add("send", {}, {"timestamp": NOW - 60_000})
    await library.add("send", {}, {"timestamp": NOW - 10_000})
    plain = (await queue.state(NOW)).oldest_ms
    await library.add("send", {}, {"timestamp": NOW - 90_000, "priority": 3})

    assert (60_000, 90_000) == (plain, (await queue.state(NOW)).oldest_ms)


@pytest.mark.parametrize("generation", ["bullmq:5.81.3", "bullmq:6.2.0"])
async def test_a_paused_queue_still_shows_its_depth(made: Mail, queue: BullmqQueue, generation: str) -> None:
    """Generation 5 moves waiting jobs to `paused`, generation 6 leaves them; both wait."""
    await made.put("generation", generation)
    await made.put("depth", 3)
    await made.put("paused", True)

    state = await queue.state(NOW)

    assert (True, 3) == (state.paused, state.waiting)


async def test_a_marker_of_an_older_generation_is_no_job(server: RedisServer, queue: BullmqQueue) -> None:
    """Generation 4 keeps `0:timestamp` at the end of its list."""
    await server.client.rpush(f"bull:{NAME}:wait", "7", "0:1700000000000")
    await server.client.hset(f"bull:{NAME}:7", "timestamp", str(NOW - 5_000))

    state = await queue.state(NOW)

    assert (1, 5_000) == (state.waiting, state.oldest_ms)


async def test_an_active_job_without_a_lock_is_stuck(server: RedisServer, queue: BullmqQueue) -> None:
    """Its worker died; one that is held is not."""
    await server.client.rpush(f"bull:{NAME}:active", "1", "2")
    await server.client.set(f"bull:{NAME}:1:lock", "token", px=30_000)

    state = await queue.state(NOW)

    assert (2, 1) == (state.active, state.stuck)


@pytest.mark.parametrize(
    "client_name",
    [
        pytest.param(f"bull:{NAME}", id="as the Python library names it"),
        pytest.param("bull:Y2FtcGFpZ24tZW1haWxz", id="as Node's names it"),
        pytest.param("bull:Y2FtcGFpZ24tZW1haWxz:w:mailer", id="a named worker of Node's"),
    ],
)
async def test_workers_are_told_by_their_connections(made: Mail, queue: BullmqQueue, client_name: str) -> None:
    """No worker at all is worth a warning: then nothing recovers by itself."""
    alone = await queue.state(NOW)
    async with made.queues.server.client() as worker:
        await worker.client_setname(client_name)
        worked = await queue.state(NOW)

    assert (0, 1) == (alone.workers, worked.workers)


async def test_a_server_that_hides_its_clients_does_not_break_the_state(own_valkey: ValkeyServer) -> None:
    """Hosted servers refuse CLIENT LIST; then nobody knows the workers."""
    async with own_valkey.client() as owner:
        await owner.acl_setuser("default", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-client|list"])
    server = redis.open(redis.Config.model_validate({"redis": own_valkey.url}))
    state = await BullmqQueue(server.client, name=NAME).state(NOW)
    await server.close()

    assert state.workers is None


@dataclass(frozen=True)
class Generation:
    """What the queue tells (`version`), what its configuration says, and why a retry is then refused; "" is a retry."""

    version: str
    refused: str
    paused: bool = False
    configured: int | None = None


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Generation("bullmq:6.2.0", ""), id="6, running"),
        pytest.param(Generation("bullmq:6.2.0", "", paused=True), id="6, paused: jobs stay in wait"),
        pytest.param(Generation("bullmq:5.81.3", ""), id="5, running"),
        pytest.param(
            Generation("bullmq:5.81.3", "resume the queue first", paused=True), id="5, paused: resuming would lose it"
        ),
        pytest.param(Generation("absent", ""), id="unknown, running"),
        pytest.param(Generation("absent", "does not tell its BullMQ version", paused=True), id="unknown, paused"),
        pytest.param(
            Generation("absent", "resume the queue first", paused=True, configured=5), id="configured as 5, paused"
        ),
        pytest.param(Generation("absent", "", paused=True, configured=6), id="configured as 6, paused"),
        pytest.param(
            Generation("bullmq:5.81.3", "resume the queue first", paused=True, configured=6),
            id="what the queue tells wins",
        ),
        pytest.param(Generation("absent", "newer than the scripts", configured=7), id="newer than our scripts"),
    ],
)
async def test_a_retry_that_would_lose_jobs_is_refused(made: Mail, server: RedisServer, case: Generation) -> None:
    """By the generation that works the queue; the refusal says why and what is safe, and nothing moves."""
    await made.put("failed", 1)
    await made.put("generation", case.version)
    await made.put("paused", case.paused)
    queue = BullmqQueue(server.client, name=NAME, generation=case.configured)
    (job,) = await queue.failed(10)

    reason = await queue.refusal()
    try:
        told = str(await queue.retry(job.id))
    except Rejected as error:
        told = str(error)

    assert case.refused in (reason or "")
    assert bool(case.refused) is (reason is not None)
    assert (case.refused or "True") in told
    assert int(bool(case.refused)) == await server.client.zcard(f"bull:{NAME}:failed")


async def test_a_list_that_generation_5_filled_refuses_whatever_the_version_says(
    made: Mail, server: RedisServer, queue: BullmqQueue
) -> None:
    """`meta.version` may be newer; the worker that fills `paused` renames it over `wait` when it resumes."""
    await made.put("generation", "bullmq:5.81.3")
    await made.put("depth", 3)
    await made.put("failed", 1)
    await made.put("paused", True)
    await server.client.hset(f"bull:{NAME}:meta", "version", "bullmq:6.2.0")
    (job,) = await queue.failed(10)

    reason = await queue.refusal()
    with pytest.raises(Rejected, match="3 jobs lie in the list where BullMQ 5 keeps"):
        await queue.retry(job.id)

    assert "resume the queue first" in (reason or "")
    assert (3, 1) == (await server.client.llen(f"bull:{NAME}:paused"), await server.client.zcard(f"bull:{NAME}:failed"))


async def test_no_retried_job_is_lost_when_a_paused_queue_resumes(made: Mail, queue: BullmqQueue) -> None:
    """On generation 6 a retry while paused is safe: after resuming every job is there."""
    await made.put("generation", "bullmq:6.2.0")
    await made.put("depth", 3)
    await made.put("failed", 2)
    await made.put("paused", True)
    for job in await queue.failed(10):
        await queue.retry(job.id)
    await made.put("paused", False)

    state = await queue.state(NOW)

    assert (5, 0) == (state.waiting, state.failed)


async def test_a_queue_that_is_paused_at_the_same_moment_refuses(
    made: Mail, queue: BullmqQueue, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Look and script are one transaction: a pause between them is seen, and no job is lost."""
    from adapters import bullmq_scripts  # noqa: PLC0415 - it loads the library

    await made.put("generation", "bullmq:5.81.3")
    await made.put("failed", 1)
    (job,) = await queue.failed(1)
    reprocess = bullmq_scripts.BullmqScripts.reprocess

    async def pause_meanwhile(self: bullmq_scripts.BullmqScripts, *arguments: object, **named: bool) -> None:
        await server.client.hset(f"bull:{NAME}:meta", "paused", "1")
        await reprocess(self, *arguments, **named)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(bullmq_scripts.BullmqScripts, "reprocess", pause_meanwhile)

    with pytest.raises(Rejected, match="resume the queue first"):
        await queue.retry(job.id)

    assert [job.id] == [each.id for each in await queue.failed(10)]


async def test_a_retried_job_gets_all_its_attempts_and_is_worked(
    made: Mail, library: Queue, queue: BullmqQueue
) -> None:
    """BullMQ's own worker takes it up, with its counters as new."""
    attempts: list[int] = []

    async def work(job: object, _: str) -> None:
        attempts.append(job.attemptsMade)  # type: ignore[attr-defined]  # the library ships no types
        if len(attempts) <= 2:
            raise ValueError("Resend answered 429\nsecond line")

    await library.add("send-batch", {}, {"attempts": 2})
    worker = Worker(NAME, work, {"connection": made.queues.url, "autorun": False})
    running = asyncio.create_task(worker.run())

    async def given_up() -> bool:
        return len(await queue.failed(1)) == 1

    await eventually(given_up)
    (job,) = await queue.failed(1)
    retried = await queue.retry(job.id)

    async def done() -> bool:
        return len(attempts) == 3

    await eventually(done)
    await worker.close()
    await running

    assert retried
    assert ("send-batch", 2, "Resend answered 429 second line") == (job.title, job.attempts, job.reason)
    assert [0, 1, 0] == attempts


async def test_both_counters_of_a_retried_job_are_as_new(made: Mail, server: RedisServer, queue: BullmqQueue) -> None:
    """Attempts made and attempts started: a job that keeps one of them fails again after fewer tries."""
    await made.put("failed", 1)
    (job,) = await queue.failed(1)
    before = await server.client.hmget(f"bull:{NAME}:{job.id}", "atm", "ats")

    await queue.retry(job.id)

    assert ["3", "3"] == before
    assert [None, None] == [
        None if count in {None, "0"} else count
        for count in await server.client.hmget(f"bull:{NAME}:{job.id}", "atm", "ats")
    ]


async def test_a_job_whose_options_are_nested_too_deep_is_retried(
    server: RedisServer, made: Mail, queue: BullmqQueue
) -> None:
    """What cannot be read says nothing of the end of the list."""
    await made.put("failed", 1)
    (job,) = await queue.failed(1)
    await server.client.hset(f"bull:{NAME}:{job.id}", "opts", "[" * 100_000)

    assert await queue.retry(job.id)


async def test_a_prioritized_job_keeps_its_priority(server: RedisServer, made: Mail, queue: BullmqQueue) -> None:
    """BullMQ's script puts it back where its priority belongs."""
    await made.put("failed", 1)
    (job,) = await queue.failed(1)
    await server.client.hset(f"bull:{NAME}:{job.id}", mapping={"priority": "5", "opts": json.dumps({"priority": 5})})

    await queue.retry(job.id)

    assert [job.id] == await server.client.zrange(f"bull:{NAME}:prioritized", 0, -1)
