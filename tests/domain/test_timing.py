"""Durations as people write and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.timing import DAY, HOUR, MINUTE, SECOND, parse_duration, span


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("90s", 90 * SECOND),
        ("5m", 5 * MINUTE),
        ("1h30m", 90 * MINUTE),
        ("2d", 2 * DAY),
        ("15 min", 15 * MINUTE),
        ("0s", 0),
    ],
)
def test_it_reads_a_duration(text: str, milliseconds: int) -> None:
    """Numbers with units add up."""
    assert milliseconds == parse_duration(text)


@pytest.mark.parametrize("text", ["", "15", "m", "15m later", "five minutes", "-5m"])
def test_a_duration_without_a_unit_is_refused(text: str) -> None:
    """A bare number could be seconds or minutes, so it is an error."""
    with pytest.raises(ValueError, match="number with a unit"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (400, "400 ms"),
        (1_400, "1.4 s"),
        (38_000, "38 s"),
        (3 * MINUTE, "3 min"),
        (2 * HOUR + 5 * MINUTE, "2 h 5 min"),
        (DAY, "1 d"),
    ],
)
def test_it_shows_two_units_at_most(milliseconds: int, text: str) -> None:
    """A person at 3 a.m. reads two numbers, not four."""
    assert text == span(milliseconds)


@given(st.integers(min_value=0, max_value=400 * DAY))
def test_what_is_shown_is_never_longer_than_the_duration(milliseconds: int) -> None:
    """Rounding goes down to within a unit, never up past the real time."""
    assert parse_duration(span(milliseconds)) <= milliseconds + SECOND // 10
