"""`/queue`: what waits, runs and fails, which way it goes, and what can be done."""

import re

import pytest
from redis.asyncio import Redis

from tests.smoke.world import World


@pytest.mark.row("A2")
@pytest.mark.row("N2")
async def test_a_bullmq_queue_is_read_by_its_real_keys(world: World) -> None:
    """The counts are those of BullMQ's own keys, and the trend shows the growth."""
    await world.lab("newsletter", "worker", state="down")
    await world.lab("newsletter", "redis", traffic=False)
    await world.lab("newsletter", "campaign-emails", depth=40, failed=5)
    await world.user("sre").types("/health newsletter campaign-emails").sees("Refresh")
    await world.lab("newsletter", "campaign-emails", depth=1240, delayed=3)
    await world.advance("5m")

    async with Redis.from_url(await world.url("newsletter", "redis")) as redis:
        await redis.rpush("bull:campaign-emails:active", "held")
        await redis.set("bull:campaign-emails:held:lock", "token", px=60_000)
        seen = await world.user("sre").types("/queue newsletter campaign-emails").sees("Refresh")
        waiting = await redis.llen("bull:campaign-emails:wait")
        await redis.delete("bull:campaign-emails:active", "bull:campaign-emails:held:lock")
    flat = " ".join(seen.words.split())
    assert 1240 == waiting
    assert "Active 1 Delayed 3 Failed 5 Waiting for children 0 Stuck 0 Oldest 5 min" in flat
    assert "Why jobs failed 5 × Resend answered 429: Too many requests" in flat
    assert "1,240 waiting (critical > 200)" in seen.words
    assert "↑" in seen.words
    assert "0 workers" in seen.words
    assert {"Retry failed…", "Refresh"} <= set(seen.buttons)


@pytest.mark.row("A2")
@pytest.mark.row("T4")
@pytest.mark.parametrize("unit", ["seconds", "milliseconds"])
async def test_a_sorted_set_queue_tells_depth_oldest_expired_and_stuck(world: World, unit: str) -> None:
    """`export-jobs` and its processing set, whatever unit the scores have."""
    await world.lab("target-list", "worker", state="down")
    await world.lab("target-list", "redis", traffic=False)
    await world.lab("target-list", "export-jobs", score_unit=unit)
    await world.lab("target-list", "export-jobs", depth=1240)
    await world.lab("target-list", "export-jobs", expired=7, stuck=3)

    seen = await world.user("sre").types("/queue target-list").sees("Refresh")
    async with Redis.from_url(await world.url("target-list", "redis")) as redis:
        waiting = await redis.zcard("export-jobs")

    flat = " ".join(seen.words.split())
    assert waiting >= 1240
    assert f"Waiting {waiting:,} (" in flat
    assert "Expired 7" in flat
    # A job that the worker held when it went down is stuck as well.
    assert re.search(r"Stuck [34]\b", flat)
    assert re.search(r"Active [34]\b", flat)
    assert "Oldest 1 d 2 h" in flat
    assert {"Clear stuck…", "Remove expired…"} <= set(seen.buttons)
    assert seen.words.startswith("🔴 Target List Formatter · export-jobs: ")


@pytest.mark.row("A2")
@pytest.mark.row("N2")
async def test_a_paused_queue_and_both_queues_of_a_system(world: World) -> None:
    """Without a name all queues of the system are shown, the paused one first; `/queue` alone has those of all."""
    await world.lab("newsletter", "ai-insights", state="paused")
    await world.lab("newsletter", "ai-insights", depth=7)
    sre = world.user("sre")

    seen = await sre.types("/queue newsletter").sees("Refresh")
    every = await sre.types("/queue").sees("Refresh")
    alone = await every.click("ai-insights").sees("Paused")

    flat = " ".join(seen.words.split())
    assert re.match(r"🟡 Newsletter · ai-insights: [78] waiting · paused .*Paused yes", flat)
    assert "🟢 Newsletter · campaign-emails: " in flat[flat.index("Paused yes") :]
    assert every.words.startswith("🟡 Queues: 1 of 3 need a look")
    assert every.words.index("🟡 ai-insights") < every.words.index("🟢 campaign-emails")
    assert every.words.index("Newsletter") < every.words.index("Target List Formatter")
    assert "🟢 export-jobs" in every.words
    assert alone.words.startswith("🟡 Newsletter · ai-insights: ")


@pytest.mark.row("A14")
async def test_an_evicting_policy_on_a_queues_redis_is_a_warning(world: World) -> None:
    """The runbook's own advice (allkeys-lru) throws jobs away when memory is full."""
    await world.lab("target-list", "redis", maxmemory_policy="allkeys-lru")

    seen = await world.user("sre").types("/health target-list").sees("Refresh")

    assert seen.words.startswith("🟡 Target List Formatter")
    assert "allkeys-lru" in seen.words


@pytest.mark.row("A1")
@pytest.mark.row("A2")
async def test_an_odd_entry_costs_its_own_line(world: World) -> None:
    """`ZADD export-jobs -inf x`: the queue is unknown, with its reason; everything else is told as usual."""
    sre = world.user("sre")
    async with Redis.from_url(await world.url("target-list", "redis")) as redis:
        await redis.zadd("export-jobs", {"x": float("-inf")})
        try:
            health = await sre.types("/health").sees("Refresh")
            queues = await sre.types("/queue").sees("Refresh")
            queue = await sre.types("/queue target-list").sees("Refresh")
        finally:
            await redis.zrem("export-jobs", "x")

    assert "1 entry whose score is no time" in health.words
    assert "Newsletter: " in health.words
    assert "⚪ export-jobs  " in queues.words
    assert queue.words.startswith("⚪ Target List Formatter · export-jobs: ")
    assert "Waiting" in queue.words


@pytest.mark.row("A2")
async def test_a_redis_that_is_down_is_told_plainly(world: World) -> None:
    """No counts are invented; the reason goes to the person."""
    await world.lab("target-list", "redis", state="down")

    seen = await world.user("sre").types("/queue target-list").sees("refuses")

    assert "waiting" not in seen.words
