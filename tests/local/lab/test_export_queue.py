"""`export-jobs`: a real Valkey, worked by a live worker."""

import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as RefusedError

from bot.local.lab.export_queue import PROCESSING, QUEUE, ExportQueue
from bot.local.lab.valkey import ValkeyServer
from tests.fakes.clock import FakeClock
from tests.local.lab.polling import eventually

HOUR_MS = 3_600_000


@pytest.fixture
async def queue(tmp_path: Path, port: int, clock: FakeClock) -> AsyncIterator[ExportQueue]:
    """A queue without arrivals, so that counts stand still once the worker is off."""
    made = ExportQueue(ValkeyServer(tmp_path, "redis", port), clock)
    await made.apply({"set": {"traffic": False}})
    await made.enter("up")
    yield made
    await made.close()


@pytest.fixture
async def redis(queue: ExportQueue) -> AsyncIterator[Redis]:
    """A plain client, as the bot's."""
    async with Redis.from_url(queue.url, decode_responses=True) as client:
        yield client


async def entries_of(redis: Redis, name: str) -> dict[str, float]:
    """The members of a sorted set with their scores."""
    return {str(pair[0]): float(pair[1]) for pair in await redis.zrange(name, 0, -1, withscores=True)}


async def test_the_worker_takes_jobs_through_processing(queue: ExportQueue, redis: Redis) -> None:
    """Waiting becomes processing becomes nothing."""
    await queue.jobs.apply({"set": {"depth": 2}})

    async def one_is_processed() -> bool:
        return await redis.zcard(PROCESSING) == 1

    async def all_done() -> bool:
        return await redis.zcard(QUEUE) == 0 and await redis.zcard(PROCESSING) == 0

    await eventually(one_is_processed)
    await eventually(all_done)
    assert queue.processed >= 1


async def test_new_jobs_arrive(queue: ExportQueue, redis: Redis) -> None:
    """With traffic on and nobody working, the queue grows."""
    queue.working = False
    await queue.apply({"set": {"traffic": True}})

    async def grows() -> bool:
        return await redis.zcard(QUEUE) > 0

    await eventually(grows)


async def test_depth_can_be_set(queue: ExportQueue, redis: Redis, clock: FakeClock) -> None:
    """Up and down; each member is a job, each score a time."""
    queue.working = False
    seen = []
    for wanted in (1200, 30):
        await queue.jobs.apply({"set": {"depth": wanted}})
        seen.append(await redis.zcard(QUEUE))

    entries = await entries_of(redis, QUEUE)
    assert seen == [1200, 30]
    assert all(json.loads(member)["id"].startswith("job_") for member in entries)
    assert all(0 <= clock.now() - score < HOUR_MS for score in entries.values())


@pytest.mark.parametrize(
    ("unit", "factor"), [pytest.param("milliseconds", 1, id="in ms"), pytest.param("seconds", 1000, id="in s")]
)
async def test_stuck_entries_are_old_and_stay(
    queue: ExportQueue, redis: Redis, clock: FakeClock, *, unit: str, factor: int
) -> None:
    """The worker leaves them alone; their age is what was asked for, in either unit."""
    await queue.jobs.apply({"set": {"score_unit": unit, "stuck_hours": 9, "stuck": 3}})

    entries = await entries_of(redis, PROCESSING)

    ages = [round((clock.now() - score * factor) / HOUR_MS) for score in entries.values()]
    assert ages == [9, 9, 9]


async def test_expired_jobs_are_left_alone(queue: ExportQueue, redis: Redis, clock: FakeClock) -> None:
    """The worker takes what is younger than a day."""
    await queue.jobs.apply({"set": {"expired": 4, "depth": 1}})

    async def young_is_done() -> bool:
        return await redis.zcard(QUEUE) == 4 and await redis.zcard(PROCESSING) == 0

    await eventually(young_is_done)
    assert await redis.zcount(QUEUE, 0, clock.now() - 24 * HOUR_MS) == 4


async def test_an_entry_that_was_taken_out_can_be_put_back(queue: ExportQueue, redis: Redis) -> None:
    """The lab does not mind what the bot does with stuck entries."""
    await queue.jobs.apply({"set": {"stuck": 2}})
    entries = await entries_of(redis, PROCESSING)

    await redis.zrem(PROCESSING, *entries)
    await redis.zadd(PROCESSING, entries)

    assert await redis.zcard(PROCESSING) == 2


async def test_down_refuses_and_up_has_the_jobs_still(queue: ExportQueue) -> None:
    """The server really ends; its data survives, and the worker goes on."""
    queue.working = False
    await queue.jobs.apply({"set": {"depth": 7}})
    await queue.enter("down")

    async with Redis.from_url(queue.url) as client:
        with pytest.raises(RefusedError):
            await client.ping()
    await queue.enter("up")

    async with Redis.from_url(queue.url) as client:
        assert await client.zcard(QUEUE) == 7


async def test_a_password_locks_the_bot_out_and_not_the_worker(queue: ExportQueue) -> None:
    """Open connections end, new ones are asked for what nobody has; jobs go on."""
    before = queue.processed
    async with Redis.from_url(queue.url) as client:
        await client.ping()
        await queue.jobs.apply({"set": {"depth": 1}})
        await queue.apply({"state": "password"})
        with pytest.raises(RefusedError, match="closed by server"):
            await client.ping()
        with pytest.raises(AuthenticationError):
            await client.ping()

    async def worked() -> bool:
        return queue.processed > before

    await eventually(worked)
    await queue.enter("up")
    async with Redis.from_url(queue.url) as client:
        assert await client.ping()


async def test_an_evicting_policy_can_be_set(queue: ExportQueue, redis: Redis) -> None:
    """And outlives a restart."""
    await queue.apply({"set": {"maxmemory_policy": "allkeys-lru"}})
    await queue.enter("down")
    await queue.enter("up")

    assert await redis.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}


async def test_jobs_cannot_be_set_while_it_is_down(queue: ExportQueue) -> None:
    """The text says what to do first."""
    await queue.enter("down")

    with pytest.raises(ValueError, match="its server is down"):
        await queue.jobs.apply({"set": {"depth": 3}})


async def test_the_server_ends_even_if_its_directory_is_gone(queue: ExportQueue, tmp_path: Path) -> None:
    """An owner that died cannot have cleaned up in order."""
    pid = queue.server.pid
    assert pid is not None
    await queue.jobs.apply({"set": {"stuck": 1}})
    shutil.rmtree(tmp_path)

    os.kill(pid, signal.SIGTERM)

    async def ended() -> bool:
        return not queue.server.running

    await eventually(ended, within=4)
