from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.local.page.dates import ago, day_name, ordinal
from bot.local.page.screen import until_morning

NOON = datetime(2025, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param(timedelta(seconds=59), "just now", id="less than a minute"),
        pytest.param(timedelta(seconds=60), "1 minute ago", id="one minute"),
        pytest.param(timedelta(minutes=59), "59 minutes ago", id="below an hour"),
        pytest.param(timedelta(hours=23), "23 hours ago", id="below a day"),
        pytest.param(timedelta(days=2), "2 days ago", id="days"),
        pytest.param(timedelta(minutes=-5), "in 5 minutes", id="to come"),
    ],
)
def test_ago_names_one_unit(before: timedelta, expected: str) -> None:
    """How long ago is told in the largest unit that fits."""
    assert expected == ago(NOON - before, NOON)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        pytest.param(date(2025, 11, 22), "Today", id="today"),
        pytest.param(date(2025, 11, 21), "Yesterday", id="yesterday"),
        pytest.param(date(2025, 11, 3), "Monday, November 3rd", id="this year"),
        pytest.param(date(2024, 11, 11), "Monday, November 11th, 2024", id="another year"),
    ],
)
def test_a_day_divider_names_the_day(day: date, expected: str) -> None:
    """Near days have names, far ones a year."""
    assert expected == day_name(day, NOON.date())


def test_ordinals_of_a_month() -> None:
    """The eleventh, twelfth and thirteenth are exceptions."""
    assert ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "30th"] == [
        ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 22, 30)
    ]


@pytest.mark.parametrize(
    ("now", "zone", "hours"),
    [
        pytest.param(datetime(2025, 11, 22, 3, tzinfo=UTC), "UTC", 6, id="this morning"),
        pytest.param(datetime(2025, 11, 22, 9, tzinfo=UTC), "UTC", 24, id="at nine it is tomorrow's"),
        pytest.param(datetime(2025, 11, 22, 23, tzinfo=UTC), "Europe/Berlin", 9, id="in the zone of the people"),
        pytest.param(
            datetime(2025, 10, 25, 22, tzinfo=UTC), "Europe/Berlin", 10, id="the night that is an hour longer"
        ),
        pytest.param(datetime(2025, 3, 29, 23, tzinfo=UTC), "Europe/Berlin", 8, id="the night that is an hour shorter"),
    ],
)
def test_the_way_to_the_next_morning(now: datetime, zone: str, hours: int) -> None:
    """The clock's last button leads to nine o'clock on the wall, whatever the night does."""
    assert f"{hours * 3600}s" == until_morning(int(now.timestamp() * 1000), ZoneInfo(zone))
