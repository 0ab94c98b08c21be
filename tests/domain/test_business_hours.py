"""Business hours: time that only counts while people work."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.business_hours import BusinessHours
from bot.domain.timing import HOUR, MINUTE

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = BusinessHours(BERLIN, frozenset(range(5)), time(9), time(17), frozenset({date(2026, 5, 1)}))


def at(day: int, hour: int = 0, minute: int = 0, month: int = 5) -> int:
    """A local moment in 2026; 1 May is a Friday and a holiday."""
    return round(datetime(2026, month, day, hour, minute, tzinfo=BERLIN).astimezone(UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("start", "duration", "expected"),
    [
        pytest.param(at(4, 10), HOUR, at(4, 11), id="within a day"),
        pytest.param(at(4, 16, 30), HOUR, at(5, 9, 30), id="the rest is counted the next morning"),
        pytest.param(at(4, 16), HOUR, at(4, 17), id="until closing time is the same day"),
        pytest.param(at(8, 16, 30), HOUR, at(11, 9, 30), id="over a week-end"),
        pytest.param(at(30, 16, 30, month=4), HOUR, at(4, 9, 30), id="over a holiday and a week-end"),
        pytest.param(at(3, 3), 0, at(4, 9), id="nothing at night is the next opening"),
        pytest.param(at(4, 9), 16 * HOUR, at(5, 17), id="two whole days"),
    ],
)
def test_time_counts_while_people_work(start: int, duration: int, expected: int) -> None:
    """Nights, week-ends and holidays do not count."""
    assert expected == OFFICE.after(start, duration)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        pytest.param(at(4, 10), at(5, 9), id="from Monday to Tuesday"),
        pytest.param(at(4, 2), at(5, 9), id="before opening it is not yet the next day"),
        pytest.param(at(8, 10), at(11, 9), id="from Friday to Monday"),
        pytest.param(at(30, 10, month=4), at(4, 9), id="over the holiday"),
    ],
)
def test_the_next_business_day_is_a_real_delay(start: int, expected: int) -> None:
    """It starts in the morning of the next day on which people work."""
    assert expected == OFFICE.next_day(start)


@given(start=st.integers(at(1, month=1), at(31, month=12)), first=st.integers(0, 900), second=st.integers(0, 900))
def test_business_time_adds_up(start: int, first: int, second: int) -> None:
    """Waiting twice is waiting for the sum, and what ends ends within business hours or at closing time."""
    once = OFFICE.after(OFFICE.after(start, first * MINUTE), second * MINUTE)

    assert once in {OFFICE.after(start, (first + second) * MINUTE), OFFICE.next_open(once)}
    assert any(OFFICE.next_open(moment) == moment for moment in (once, once - 1))


def test_a_calendar_without_work_is_refused() -> None:
    """Such a calendar would let an incident wait for ever."""
    with pytest.raises(ValueError, match="at least one day"):
        BusinessHours(BERLIN, frozenset(), time(9), time(17))
