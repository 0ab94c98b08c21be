"""The demo's clock leads, the bot's clock follows."""

from pathlib import Path

import pytest

from bot.clock import ClockControl, FollowerClock
from bot.local.clock import DemoClock, duration_ms


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("90s", 90_000), ("5m", 300_000), ("1h30m", 5_400_000), ("2d", 172_800_000)],
    ids=["seconds", "minutes", "hours and minutes", "days"],
)
def test_a_duration_has_a_unit(text: str, milliseconds: int) -> None:
    """Digits and d, h, m or s."""
    assert milliseconds == duration_ms(text)


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "-5m", "5w", "1.5h", "٥m", "367d", "99999999d"], ids=repr)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """The error says how to write one."""
    with pytest.raises(ValueError, match="5m"):
        duration_ms(text)


def test_a_clock_moves_on_and_leases_stay() -> None:
    """`advance` moves `now`, never `wall`, and never back."""
    clock = DemoClock(real=lambda: 1000.0)

    clock.advance(5000)

    assert (1_005_000, 1_000_000) == (clock.now(), clock.wall())
    with pytest.raises(ValueError, match="never back"):
        clock.advance(-1)


async def test_moving_the_clock_waits_until_the_bot_has_done_its_work(tmp_path: Path) -> None:
    """The follower shows the new time before it settles; the leader answers after."""
    socket = tmp_path / "clock.sock"
    leader, seen = DemoClock(), list[int]()
    leader.follow(socket)
    follower = FollowerClock.started(socket)

    async def settle() -> None:
        seen.append(follower.offset)

    control = ClockControl(follower, settle)
    await control.start(socket)
    await leader.move(60_000)
    await leader.move(1_000)
    await control.stop()

    assert [0, 60_000, 60_000, 61_000] == seen
    assert leader.offset == follower.offset


async def test_the_way_leads_over_what_falls_due(tmp_path: Path) -> None:
    """The clock stops at each due moment, so that what happens in between happens in order."""
    socket = tmp_path / "clock.sock"
    leader, seen = DemoClock(real=lambda: 0.0), list[int]()
    leader.follow(socket)
    follower = FollowerClock(real=lambda: 0.0)
    due = [300_000, 900_000, 5_000_000]

    async def settle() -> None:
        seen.append(follower.now())
        while due[0] <= follower.now():
            due.pop(0)

    async def next_due() -> int | None:
        return due[0]

    control = ClockControl(follower, settle, next_due)
    await control.start(socket)
    await leader.move(1_800_000)
    await control.stop()

    assert [0, 300_000, 900_000, 1_800_000] == seen


async def test_a_week_of_summaries_is_posted_on_time(tmp_path: Path) -> None:
    """A long way is not taken in steps so long that they pass over what falls due in between."""
    socket = tmp_path / "clock.sock"
    leader, late = DemoClock(real=lambda: 0.0), list[int]()
    leader.follow(socket)
    follower = FollowerClock(real=lambda: 0.0)
    due = [number * 3_600_000 for number in range(1, 200)]

    async def settle() -> None:
        while due[0] <= follower.now():
            late.append(follower.now() - due.pop(0))

    async def next_due() -> int | None:
        return due[0]

    control = ClockControl(follower, settle, next_due)
    await control.start(socket)
    await leader.move(7 * 86_400_000)
    await control.stop()

    assert [0] * 168 == late


async def test_a_bot_that_starts_later_begins_at_the_leaders_time(tmp_path: Path) -> None:
    """A move that no bot hears is told as an error, and taken over at the next start."""
    socket = tmp_path / "clock.sock"
    leader = DemoClock()
    leader.follow(socket)

    with pytest.raises(ConnectionError):
        await leader.move(60_000)

    assert 60_000 == FollowerClock.started(socket).offset


async def test_without_a_bot_the_clock_just_moves() -> None:
    """Nobody to wait for."""
    leader = DemoClock()

    await leader.move(1000)

    assert 1000 == leader.offset
