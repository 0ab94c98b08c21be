"""What the bot posts by itself: exactly once, in time, across restarts and Slack's outages."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.smoke.alone import alone, configured
from tests.smoke.pages import opens
from tests.smoke.rollbacks import asked, before_any_rollback
from tests.smoke.world import World


async def next_nine(world: World) -> int:
    """The next 9:00 UTC on the workspace's clock, epoch ms."""
    now = datetime.fromtimestamp(await world.now() / 1000, UTC)
    nine = now.replace(hour=9, minute=0, second=0, microsecond=0)
    return int((nine if nine > now else nine + timedelta(days=1)).timestamp() * 1000)


async def count(world: World, text: str) -> int:
    """How many messages in the channel hold a text."""
    return sum(text in str(message["blocks"]) for message in await world.messages())


@pytest.mark.row("A9")
async def test_a_first_summary_and_the_morning_one_come_by_themselves(world: World) -> None:
    """Nobody asks. The first tells how both systems are; the morning one what is open, waits and has changed since."""
    first = await world.sees("First summary")
    nine = await next_nine(world)
    await world.advance_to(nine - 60_000)
    before = await count(world, "Morning summary")
    await before_any_rollback(world)
    await opens(world, "mail before nine")
    await asked(world)
    await world.lab("newsletter", "app", state="error")

    await world.advance_to(nine)
    await world.until(lambda: _more(world, before), lambda: "the morning summary never came")
    morning = await world.sees("Morning summary")

    assert 1 == await count(world, "First summary")
    assert " Newsletter" in first.words  # A worker that the test before has ended may have left a job.
    assert "Target List Formatter" in first.words
    assert 1 + before == await count(world, "Morning summary")
    assert morning.words.startswith("🚨 ")  # On the 15th the review of the month's middle stands in the same post.
    assert "Morning summary: INC-1 P0 is open" in morning.words
    assert "Newsletter: mail before nine" in morning.words
    assert "OP-1" in morning.words.split("waits for approval")[0]
    assert "🔴 Newsletter" in morning.words
    assert "🟢 → 🔴 Newsletter: app" in morning.words
    assert re.search(r"1 incident opened (since|so far)", morning.words)
    assert "On call primary @sre, secondary @lead, manager @manager, cto @cto" in morning.words


@pytest.mark.row("A9")
@pytest.mark.row("A11")
async def test_the_last_friday_in_berlin_is_one_review_and_the_anchor_has_its_own_channel(tmp_path: Path) -> None:
    """At five in the afternoon there: both reviews in one post, the P0 first; nothing of the audit among the alerts."""
    config = configured(tmp_path, _berlin)
    async with alone(tmp_path, STEWARD_CONFIG=str(config)) as (_, world):
        friday = _last_friday(await world.now())
        await world.advance_to(friday - 60_000)
        earlier = await count(world, "Before the weekend")
        await opens(world, "mail small", "P3")
        await world.user("engineer").types("/incident open P0 target-list exports stopped").sees("INC-2 is open")

        await world.advance_to(friday)
        review = await world.sees("Before the weekend · Month-end review")

        assert 1 + earlier == await count(world, "Before the weekend")
        assert 1 == await count(world, "Month-end review")
        assert 0 <= float(review.message["ts"]) * 1000 - friday < 60_000
        assert "2 incidents opened so far INC-2 P0 exports stopped · open INC-1 P3" in " ".join(review.words.split())
        anchors = [str(message["blocks"]) for message in await world.messages(channel="#general")]
        assert any("Audit anchor for" in anchor for anchor in anchors)
        assert 0 == await count(world, "Audit anchor")


def _berlin(steward: dict[str, Any]) -> None:
    """Two reviews that meet on the last Friday, in another zone, and a channel for the audit."""
    schedules = {name: steward["schedules"][name] for name in ("friday", "last-friday")}
    steward.update(timezone="Europe/Berlin", audit_channel="C0GENERAL", schedules=schedules)


def _last_friday(now: int) -> int:
    """17:00 in Berlin on the next day that is the last Friday of its month, epoch ms."""
    day = datetime.fromtimestamp(now / 1000, ZoneInfo("Europe/Berlin")).replace(
        hour=17, minute=0, second=0, microsecond=0
    )
    while day.timestamp() * 1000 <= now + 60_000 or day.weekday() != 4 or (day + timedelta(days=7)).month == day.month:
        day += timedelta(days=1)
    return int(day.timestamp() * 1000)


@pytest.mark.row("A9")
async def test_a_post_that_fell_due_while_the_bot_was_dead_comes_once(world: World) -> None:
    """Killed before nine, started after it: one late post, not none and not two."""
    before = await count(world, "Morning summary")
    nine = await next_nine(world)
    await world.kill_bot()
    await world.client.post(
        "/local/clock", json={"advance": f"{(nine - await world.now()) // 1000 + 600}s"}, timeout=60
    )

    await world.restart_bot()
    await world.until(lambda: _more(world, before), lambda: "the morning summary never came")
    await world.restart_bot()
    await world.advance("2m")

    assert 1 + before == await count(world, "Morning summary")


@pytest.mark.row("A9")
@pytest.mark.parametrize("kind", ["500", "drop", "429"])
async def test_a_post_survives_slacks_trouble_exactly_once(world: World, kind: str) -> None:
    """Slack fails, or does it and loses the answer: the channel still holds one post."""
    before = await count(world, "Morning summary")
    more = {"retry_after": 1} if kind == "429" else {}
    await world.fault("chat.postMessage", kind, 1, **more)

    await world.advance_to(await next_nine(world))
    await world.until(lambda: _more(world, before), lambda: "the morning summary never came")
    await world.advance("1m")

    assert 1 + before == await count(world, "Morning summary")


async def _more(world: World, before: int) -> bool:
    return await count(world, "Morning summary") > before
