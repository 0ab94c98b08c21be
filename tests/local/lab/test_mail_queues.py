"""The BullMQ queues: a real Valkey, worked by BullMQ's own worker."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from bullmq import Job, Queue  # type: ignore[import-untyped]  # the library ships no types
from redis.asyncio import Redis

from bot.local.lab.mail_queues import CAMPAIGNS, MailQueues
from bot.local.lab.valkey import ValkeyServer
from tests.fakes.clock import FakeClock
from tests.local.lab.polling import eventually

WAIT, PAUSED, FAILED, META = (f"bull:{CAMPAIGNS}:{each}" for each in ("wait", "paused", "failed", "meta"))


@pytest.fixture
async def mail(tmp_path: Path, port: int, clock: FakeClock) -> AsyncIterator[MailQueues]:
    """Queues without arrivals and without a worker yet."""
    made = MailQueues(ValkeyServer(tmp_path, "redis", port), clock)
    await made.apply({"set": {"traffic": False}})
    await made.enter("up")
    yield made
    await made.close()


@pytest.fixture
async def redis(mail: MailQueues) -> AsyncIterator[Redis]:
    """A plain client, as the bot's."""
    async with Redis.from_url(mail.url, decode_responses=True) as client:
        yield client


@pytest.fixture
async def queue(mail: MailQueues) -> AsyncIterator[Queue]:
    """The library's view of the queue."""
    made = Queue(CAMPAIGNS, {"connection": mail.url})
    yield made
    await made.close()


async def set_campaigns(mail: MailQueues, **values: object) -> None:
    """Set keys of the queue `campaign-emails`."""
    queue = mail.queues[CAMPAIGNS]
    paused = values.pop("paused", None)
    if values:
        await queue.apply({"set": values})
    if paused is not None:
        await queue.apply({"state": "paused" if paused else "up"})


async def test_a_live_worker_works_the_queue(mail: MailQueues, queue: Queue) -> None:
    """Jobs wait while no container runs, and are completed once one does."""
    await set_campaigns(mail, depth=5)
    before = (await queue.getJobCounts("wait", "completed"))["wait"]

    await mail.work("container-1")

    async def drained() -> bool:
        counts = await queue.getJobCounts("wait", "active", "completed", "failed")
        return bool(counts["completed"] + counts["failed"] == 5)

    await eventually(drained)
    assert before == 5


async def test_a_resting_worker_leaves_the_queue_alone(mail: MailQueues, queue: Queue) -> None:
    """After its container has stopped, what is added stays."""
    await mail.work("container-1")
    await mail.rest("container-1")

    await set_campaigns(mail, depth=4)

    assert (mail.workers, (await queue.getJobCounts("wait"))["wait"]) == (0, 4)


async def test_new_jobs_arrive(mail: MailQueues, redis: Redis) -> None:
    """With traffic on and nobody working, the queue grows."""
    await mail.apply({"set": {"traffic": True}})

    async def grows() -> bool:
        return await redis.llen(WAIT) > 0

    await eventually(grows)


async def test_counts_can_be_set_up_and_down(mail: MailQueues, queue: Queue) -> None:
    """As the library counts them, ids all different."""
    seen = []
    for counts in ({"depth": 240, "failed": 9, "delayed": 6}, {"depth": 12, "failed": 2, "delayed": 1}):
        await set_campaigns(mail, **counts)
        found = await queue.getJobCounts("wait", "failed", "delayed")
        seen.append((found["wait"], found["failed"], found["delayed"]))

    assert seen == [(240, 9, 6), (12, 2, 1)]


async def test_a_queue_may_hold_two_hundred_thousand_jobs(mail: MailQueues, queue: Queue) -> None:
    """Waiting and failed; each is a job that the library reads, and they go again."""
    await set_campaigns(mail, depth=200_000, failed=200_000)
    full = await queue.getJobCounts("wait", "failed")
    waiting, failed = (await queue.getWaiting(0, 0))[0], (await queue.getFailed(0, 0))[0]
    shown = mail.queues[CAMPAIGNS].values()
    await set_campaigns(mail, depth=1, failed=0)

    assert (full["wait"], full["failed"]) == (shown["depth"], shown["failed"]) == (200_000, 200_000)
    assert (waiting.name, failed.attemptsMade) == ("send-batch", 3)
    assert (await queue.getJobCounts("wait", "failed")) == {"wait": 1, "failed": 0}


async def test_a_failed_job_is_retried_by_the_library_and_succeeds(mail: MailQueues, queue: Queue) -> None:
    """It is a job like any other: its reason can be read, a retry moves it, the worker completes it."""
    await set_campaigns(mail, failed=2)
    jobs = await queue.getFailed()
    reasons = {job.failedReason for job in jobs}

    for job in jobs:
        await job.retry("failed", {"resetAttemptsMade": True})
    await mail.work("container-1")

    async def completed() -> bool:
        counts = await queue.getJobCounts("completed", "failed")
        return bool((counts["completed"], counts["failed"]) == (2, 0))

    await eventually(completed)
    assert reasons == {"Resend answered 429: Too many requests"}


async def test_some_jobs_fail_at_first(mail: MailQueues, queue: Queue) -> None:
    """The worker's own failures are BullMQ's, not made by hand."""
    await queue.add("send-batch", {"flaky": True}, {"attempts": 1})
    await mail.work("container-1")

    async def failed() -> bool:
        return bool((await queue.getJobCounts("failed"))["failed"] == 1)

    await eventually(failed)
    (job,) = await queue.getFailed()
    assert "429" in job.failedReason


@pytest.mark.parametrize(
    ("generation", "lists"),
    [
        pytest.param("bullmq:5.81.3", (0, 3), id="generation 5 moves the jobs to the list paused"),
        pytest.param("bullmq:6.2.0", (3, 0), id="generation 6 leaves them in wait"),
    ],
)
async def test_where_a_paused_queue_keeps_its_jobs(
    mail: MailQueues, redis: Redis, generation: str, lists: tuple[int, int]
) -> None:
    """The same after pausing first and adding later; resuming brings every job back."""
    await set_campaigns(mail, generation=generation)
    await set_campaigns(mail, depth=2, paused=True)
    await set_campaigns(mail, depth=3)

    held = (await redis.llen(WAIT), await redis.llen(PAUSED))
    await set_campaigns(mail, paused=False)

    assert held == lists
    assert (await redis.llen(WAIT), await redis.llen(PAUSED)) == (3, 0)
    assert await redis.hget(META, "version") == generation


async def test_a_paused_queue_is_not_worked(mail: MailQueues, queue: Queue) -> None:
    """Until it is resumed."""
    await mail.work("container-1")
    await set_campaigns(mail, paused=True)
    await set_campaigns(mail, depth=3)
    waiting = (await queue.getJobCounts("wait", "paused", "active"), await queue.isPaused())

    await set_campaigns(mail, paused=False)

    async def worked() -> bool:
        counts = await queue.getJobCounts("completed", "failed")
        return bool(counts["completed"] + counts["failed"] == 3)

    await eventually(worked)
    assert (waiting[0]["wait"] + waiting[0]["paused"], waiting[0]["active"], waiting[1]) == (3, 0, True)


async def test_what_is_put_into_wait_of_a_paused_old_queue_is_lost(mail: MailQueues, redis: Redis) -> None:
    """As in generation 5, where resuming renames one list over the other; so a careful bot refuses that retry."""
    await set_campaigns(mail, generation="bullmq:5.81.3")
    await set_campaigns(mail, depth=2, paused=True)

    await redis.lpush(WAIT, "retried-by-newer-script")
    await set_campaigns(mail, paused=False)

    assert "retried-by-newer-script" not in await redis.lrange(WAIT, 0, -1)


async def test_the_generation_may_be_absent(mail: MailQueues, redis: Redis) -> None:
    """A worker alone never writes it, and a restart does not bring it back."""
    await set_campaigns(mail, generation="absent")
    await mail.enter("down")
    await mail.enter("up")

    assert await redis.hget(META, "version") is None


async def test_workers_outlive_a_restart_of_their_server(mail: MailQueues, queue: Queue) -> None:
    """Those whose containers run work again when the server is back; the jobs are still there."""
    await set_campaigns(mail, delayed=1)
    await mail.work("container-1")
    await mail.enter("down")
    await mail.enter("up")

    await set_campaigns(mail, depth=2)

    async def worked() -> bool:
        counts = await queue.getJobCounts("completed", "failed", "delayed")
        return bool((counts["completed"] + counts["failed"], counts["delayed"]) == (2, 1))

    await eventually(worked)


async def test_an_evicting_policy_does_not_stop_the_workers(mail: MailQueues, queue: Queue) -> None:
    """The lab can show what the bot warns about."""
    await mail.apply({"set": {"maxmemory_policy": "allkeys-lru"}})
    await mail.work("container-1")
    await set_campaigns(mail, depth=1)

    async def worked() -> bool:
        counts = await queue.getJobCounts("completed", "failed")
        return bool(counts["completed"] + counts["failed"] == 1)

    await eventually(worked)


async def test_jobs_look_like_mail(mail: MailQueues, queue: Queue, clock: FakeClock) -> None:
    """A campaign, a tenant, readers; made at the clock's time."""
    await set_campaigns(mail, depth=1)

    (job,) = await queue.getJobs(["wait"])

    found = await Job.fromId(queue, job.id)
    assert {"campaignId", "tenantId", "recipients"} <= set(found.data)
    assert found.timestamp == clock.now()


async def test_completed_jobs_do_not_pile_up(mail: MailQueues, queue: Queue) -> None:
    """A demo that runs for days keeps the last hundred."""
    for container in ("container-1", "container-2", "container-3"):
        await mail.work(container)
    await set_campaigns(mail, depth=130)

    async def drained() -> bool:
        counts = await queue.getJobCounts("wait", "active")
        return bool(counts["wait"] + counts["active"] == 0)

    await eventually(drained, within=30)
    assert (await queue.getJobCounts("completed"))["completed"] <= 100


async def test_a_worker_that_rests_leaves_no_connection(mail: MailQueues, redis: Redis) -> None:
    """Whatever it was doing when its container stopped."""
    for jobs in (0, 9, 3):
        await set_campaigns(mail, depth=jobs)
        await mail.work("container-1")
        await mail.rest("container-1")

    named = [str(each["name"]) for each in await redis.client_list()]
    assert [name for name in named if "container-1" in name] == []
