"""What the bot posts by itself: exactly once, in time, across restarts and Slack's outages."""

from datetime import UTC, datetime, timedelta

import pytest

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
    """Nobody asks; the morning post says what changed since the last one."""
    nine = await next_nine(world)
    await world.advance_to(nine - 60_000)
    before = await count(world, "Morning summary")
    await world.lab("newsletter", "app", state="error")

    await world.advance_to(nine)
    await world.until(lambda: _more(world, before), lambda: "the morning summary never came")
    morning = await world.sees("Morning summary")

    assert 1 + before == await count(world, "Morning summary")
    assert "🔴 Newsletter" in morning.words
    assert "🟢 → 🔴 Newsletter: app" in morning.words


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
