"""What the buttons of `/queue` do: retry failed jobs, clear stuck entries and put them back."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from tests.smoke.world import World

FAILED = "bull:campaign-emails:failed"
PROCESSING = "export-jobs:processing"
SECRET, TOKEN = "hunter2-x", "xoxb-123456789-abcdefgh"


@asynccontextmanager
async def redis_of(world: World, system: str) -> AsyncIterator[Redis]:
    """A plain client of a system's Redis."""
    client = Redis.from_url(await world.url(system, "redis"), decode_responses=True)
    try:
        yield client
    finally:
        await client.aclose()


def reaches(count: Callable[[], Awaitable[int]], wanted: int) -> Callable[[], Awaitable[bool]]:
    """Whether a count is what it should be."""

    async def look() -> bool:
        return await count() == wanted

    return look


@pytest.mark.row("N3")
async def test_failed_jobs_are_retried_and_the_live_worker_finishes_them(world: World) -> None:
    """The plan lists the jobs, the requester confirms, BullMQ's own worker does the rest."""
    await world.lab("newsletter", "redis", traffic=False)
    await world.lab("newsletter", "campaign-emails", failed=30)
    sre = world.user("sre")
    async with redis_of(world, "newsletter") as redis:
        ids = [str(each) for each in await redis.zrange(FAILED, 0, -1)]
        queue = await sre.types("/queue newsletter campaign-emails").sees("Retry failed…")

        plan = await queue.click("Retry failed…").sees("Retry 30 failed jobs of newsletter/campaign-emails")
        assert 30 == await redis.zcard(FAILED)
        run = await plan.click("Run it").sees("→ ✅")
        done = await run.becomes("done in")

        await world.until(reaches(lambda: redis.zcard(FAILED), 0), lambda: "jobs are failed still")
        await world.until(
            reaches(lambda: _finished(redis, ids), len(ids)), lambda: "the worker did not finish what was retried"
        )
    assert "mail is sent at least once" in plan.words
    assert "only you see this" in plan.words
    assert "@sre" in done.words
    await world.until(lambda: _told(done.thread, "25 retried"), lambda: "the thread never told the steps")
    assert "5 retried" in await done.thread()


async def _finished(redis: Redis, ids: list[str]) -> int:
    return sum([bool(await redis.hget(f"bull:campaign-emails:{each}", "returnvalue")) for each in ids])


async def _told(thread: Callable[[], Awaitable[str]], text: str) -> bool:
    return text in await thread()


@pytest.mark.row("N3")
@pytest.mark.row("A14")
async def test_a_retry_that_would_lose_jobs_is_refused_with_the_reason(world: World) -> None:
    """On a paused queue of BullMQ 5 a retried job is lost when it is resumed: resume first."""
    await world.lab("newsletter", "redis", traffic=False)
    await world.lab("newsletter", "campaign-emails", generation="bullmq:5.81.3")
    await world.lab("newsletter", "campaign-emails", failed=4)
    await world.lab("newsletter", "campaign-emails", state="paused")
    await world.lab("newsletter", "campaign-emails", depth=6)
    async with redis_of(world, "newsletter") as redis:
        queue = await world.user("sre").types("/queue newsletter campaign-emails").sees("Retry failed…")
        refused = await queue.click("Retry failed…").sees("a retry now would lose jobs")
        # A newer program has written its version; the jobs lie where BullMQ 5 put them all the same.
        await redis.hset("bull:campaign-emails:meta", "version", "bullmq:6.2.0")
        again = await queue.click("Retry failed…").sees("6 jobs lie in the list where BullMQ 5 keeps those")

        assert (6, 4) == (await redis.llen("bull:campaign-emails:paused"), await redis.zcard(FAILED))
    for each in (refused, again):
        assert "resume" in each.words.lower()
        assert [] == each.buttons


@pytest.mark.row("N3")
async def test_more_failed_jobs_than_one_run_holds_are_told_and_offered_next(world: World) -> None:
    """1,200 are failed: 500 are retried, 700 stay, which the plan says before and the outcome after."""
    await world.lab("newsletter", "worker", state="down")
    await world.lab("newsletter", "redis", traffic=False)
    await world.lab("newsletter", "campaign-emails", failed=1200)
    queue = await world.user("sre").types("/queue newsletter campaign-emails").sees("Retry failed…")

    plan = await queue.click("Retry failed…").sees("Retry 500 failed jobs of newsletter/campaign-emails")
    run = await plan.click("Run it").sees("running: step ")
    done = await run.becomes("but 700 jobs are still failed", within=60)
    following = await done.click("Retry the next…").sees("Retry 500 failed jobs of newsletter/campaign-emails")

    assert "700 more failed jobs stay as they are; they are offered next" in plan.words
    assert "no worker is connected: what is retried waits until one is" in plan.words
    assert "200 more failed jobs stay as they are" in following.words
    await world.until(lambda: _told(done.thread, "25 retried ×20"), lambda: "the thread never told the steps")
    assert queue.words.startswith("🔴 Newsletter · campaign-emails: 0 waiting · 1,200 failed (critical > 1,000)")


@pytest.mark.row("N3")
async def test_a_confirmed_plan_skips_what_is_no_longer_failed(world: World) -> None:
    """Ids are frozen in the plan; one that moved on meanwhile is skipped and reported, a new one is left alone."""
    await world.lab("newsletter", "redis", traffic=False)
    await world.lab("newsletter", "campaign-emails", failed=3)
    queue = await world.user("sre").types("/queue newsletter campaign-emails").sees("Retry failed…")
    plan = await queue.click("Retry failed…").sees("Retry 3 failed jobs")
    async with redis_of(world, "newsletter") as redis:
        gone = str((await redis.zrange(FAILED, 0, 0))[0])
        await redis.zrem(FAILED, gone)
        await world.lab("newsletter", "campaign-emails", failed=3)

        run = await plan.click("Run it").sees("→ ✅")
        done = await run.becomes("done in")
        await world.until(lambda: _told(done.thread, f"no longer failed: {gone}"), lambda: "nothing was skipped")

        assert 1 == await redis.zcard(FAILED)


async def nothing_moves(world: World, redis: Redis) -> None:
    """No job arrives, waits or is worked."""
    await world.lab("target-list", "redis", traffic=False)
    await world.lab("target-list", "export-jobs", depth=0, stuck=0)
    await world.until(reaches(lambda: redis.zcard(PROCESSING), 0), lambda: "the worker never ended its job")


@pytest.mark.row("T5")
async def test_stuck_entries_are_cleared_journalled_and_put_back_exactly(world: World) -> None:
    """Only what is older than the limit goes, after an approval; Undo restores members and scores.

    Nothing secret that an entry or a reason holds is seen by anybody.
    """
    sre, late = world.user("sre"), await world.now()
    async with redis_of(world, "target-list") as redis:
        await nothing_moves(world, redis)
        await world.lab("target-list", "export-jobs", stuck=3)
        score = (await redis.zrange(PROCESSING, 0, -1, withscores=True))[0][1]
        await redis.zadd(PROCESSING, {f"jane@example.com {SECRET}": score, f"{TOKEN}": score})
        before = await redis.zrange(PROCESSING, 0, -1, withscores=True)
        fresh = {'{"id":"job_fresh"}': late + 3_600_000}
        await redis.zadd(PROCESSING, fresh)
        queue = await sre.types("/queue target-list export-jobs").sees("Clear stuck…")

        form = await queue.click("Clear stuck…").form("Clear stuck")
        empty = await sre.submits(form, reason=" ")
        ask = await sre.submits(form, reason=f"the worker died at 02:10, password={SECRET}").sees("Needs 1 of")
        assert [*before, *fresh.items()] == await redis.zrange(PROCESSING, 0, -1, withscores=True)
        await ask.click("Approve", by="sre").sees("you cannot approve your own request")
        await ask.click("Approve", by="lead")
        done = await ask.becomes("done in")
        after = await redis.zrange(PROCESSING, 0, -1, withscores=True)
        await done.click("Undo")
        await done.becomes("undone by OP-2")
        await world.until(reaches(lambda: redis.zcard(PROCESSING), 6), lambda: "nothing was put back")

        assert "Say why" in str(empty)
        assert "5 entries" in ask.words
        assert "the worker died at 02:10, password=•••" in ask.words
        everything = str([await world.messages(user) for user in ("sre", "lead")])
        assert [] == [each for each in ("jane@", SECRET, TOKEN) if each in everything]
        assert list(fresh.items()) == after
        assert [*before, *fresh.items()] == await redis.zrange(PROCESSING, 0, -1, withscores=True)
        await redis.delete(PROCESSING)


@pytest.mark.row("T5")
async def test_where_nothing_is_stuck_nobody_is_asked(world: World) -> None:
    """No form, no request: a sentence."""
    async with redis_of(world, "target-list") as redis:
        await nothing_moves(world, redis)
    queue = await world.user("sre").types("/queue target-list export-jobs").sees("Clear stuck…")

    await queue.click("Clear stuck…").sees("has no entry in processing for longer than 30 min; nothing to clear")
