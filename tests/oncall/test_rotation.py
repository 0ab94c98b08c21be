"""Rotations: who is on call, who follows, and when the turn changes."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.timing import DAY, HOUR
from bot.oncall.rotation import Rotation

BERLIN = ZoneInfo("Europe/Berlin")
WEEKLY = Rotation(("ada", "bo", "cy"), 7 * DAY, date(2026, 1, 5), time(9), BERLIN)


def at(*local: int) -> int:
    """A local moment in Berlin."""
    year, month, day, hour, minute = (*local, 0, 0)[:5]
    return round(datetime(year, month, day, hour, minute, tzinfo=BERLIN).astimezone(UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("moment", "person", "following"),
    [
        pytest.param(at(2026, 1, 5, 9), "ada", "bo", id="the first turn starts at nine"),
        pytest.param(at(2026, 1, 12, 8, 59), "ada", "bo", id="a minute before the change it is still the first"),
        pytest.param(at(2026, 1, 12, 9), "bo", "cy", id="a week later the second"),
        pytest.param(at(2026, 1, 26, 9), "ada", "bo", id="after the last one the first again"),
        pytest.param(at(2026, 1, 5, 8, 59), "cy", "ada", id="before the first day it goes on backwards"),
        pytest.param(at(2026, 3, 30, 8, 59), "cy", "ada", id="daylight saving does not move the change: before"),
        pytest.param(at(2026, 3, 30, 9), "ada", "bo", id="daylight saving does not move the change: after"),
    ],
)
def test_the_person_on_call(moment: int, person: str, following: str) -> None:
    """A turn lasts from nine o'clock local time to nine o'clock local time."""
    turn = WEEKLY.turn(moment)

    assert (person, following) == (turn.person, turn.following)


@given(
    moment=st.integers(at(2025, 1, 1), at(2030, 1, 1)),
    every=st.sampled_from([8 * HOUR, 12 * HOUR, 36 * HOUR, DAY, 3 * DAY, 7 * DAY]),
    clock=st.times(),
)
def test_every_moment_belongs_to_exactly_one_turn(moment: int, every: int, clock: time) -> None:
    """Turns follow one another without a gap, in any length, across every change of the clock."""
    rotation = Rotation(("ada", "bo", "cy"), every, date(2026, 1, 5), clock.replace(microsecond=0), BERLIN)

    turn = rotation.turn(moment)

    assert turn.starts <= moment < turn.ends
    assert rotation.turn(turn.ends).starts == turn.ends
    assert rotation.turn(turn.ends).person == turn.following
    assert rotation.turn(turn.starts - 1).ends == turn.starts
