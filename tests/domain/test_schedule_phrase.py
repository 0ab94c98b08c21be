"""Schedule phrases: what is understood, and when it runs, daylight saving included."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.schedule_phrase import parse_phrase
from bot.domain.timing import DAY, MINUTE

BERLIN = ZoneInfo("Europe/Berlin")


def local(text: str) -> int:
    """A local moment in Berlin."""
    return round(datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC).timestamp() * 1000)


def shown(moment: int) -> str:
    """A moment as Berlin's clocks show it, with the offset."""
    return datetime.fromtimestamp(moment / 1000, BERLIN).isoformat(timespec="minutes")


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        pytest.param("daily 9:00", "2026-05-03T08:59", "2026-05-03T09:00+02:00", id="daily 9:00"),
        pytest.param("daily 23:00", "2026-05-03T23:00", "2026-05-04T23:00+02:00", id="a run is later than its moment"),
        pytest.param("Sunday 2:00", "2026-05-04T00:00", "2026-05-10T02:00+02:00", id="Sunday 2:00"),
        pytest.param("Wednesday 3:00", "2026-05-04T00:00", "2026-05-06T03:00+02:00", id="Wednesday 3:00"),
        pytest.param("Friday 17:00", "2026-05-04T00:00", "2026-05-08T17:00+02:00", id="Friday 17:00"),
        pytest.param("first Sunday 2:00", "2026-05-04T00:00", "2026-06-07T02:00+02:00", id="first Sunday 2:00"),
        pytest.param("15th 9:00", "2026-05-16T00:00", "2026-06-15T09:00+02:00", id="15th 9:00"),
        pytest.param("last Friday 17:00", "2026-05-04T00:00", "2026-05-29T17:00+02:00", id="last Friday 17:00"),
        pytest.param("last day 8:00", "2026-05-04T00:00", "2026-05-31T08:00+02:00", id="last day of the month"),
        pytest.param("weekdays 8:30", "2026-05-02T00:00", "2026-05-04T08:30+02:00", id="weekdays"),
        pytest.param("every 30 min", "2026-05-04T00:01", "2026-05-04T00:30+02:00", id="every 30 min"),
        pytest.param("every 6 hours", "2026-05-04T00:01", "2026-05-04T06:00+02:00", id="every 6 hours"),
        pytest.param("every day 9:00", "2026-05-03T09:30", "2026-05-04T09:00+02:00", id="every day"),
        pytest.param("every Sunday, 2:00", "2026-05-04T00:00", "2026-05-10T02:00+02:00", id="with a comma"),
        pytest.param("Tue 2:00", "2026-05-04T00:00", "2026-05-05T02:00+02:00", id="a day's short name"),
        pytest.param("every 1 min", "2026-05-04T00:01", "2026-05-04T00:02+02:00", id="every minute"),
        pytest.param("every 60 min", "2026-05-04T00:01", "2026-05-04T01:00+02:00", id="every 60 min"),
        pytest.param("every 1 h", "2026-05-04T00:01", "2026-05-04T01:00+02:00", id="every hour"),
        pytest.param("every 24 hours", "2026-05-04T00:01", "2026-05-05T00:00+02:00", id="every 24 hours"),
        pytest.param("0 2 * * sun#1", "2026-05-04T00:00", "2026-06-07T02:00+02:00", id="five cron fields"),
        pytest.param("daily 2:30", "2026-03-28T12:00", "2026-03-29T03:00+02:00", id="spring: the gap runs at its end"),
        pytest.param("daily 2:30", "2026-10-24T12:00", "2026-10-25T02:30+02:00", id="autumn: the first of the two"),
        pytest.param("daily 2:30", "2026-10-25T02:30", "2026-10-26T02:30+01:00", id="autumn: not the second one too"),
    ],
)
def test_the_next_run(text: str, after: str, expected: str) -> None:
    """The phrases of the mission, in local time."""
    assert expected == shown(parse_phrase(text).next_run(local(after), BERLIN))


@pytest.mark.parametrize(
    "text",
    [
        *("", "daily", "daily 25:00", "fifth Sunday 2:00", "32nd 9:00", "soon", "every some 9:00"),
        *("every 7 min", "every 0 min", "every 36 hours"),
        *("0 0 30 2 *", "0 0 * * FRIL", "0 0 * *"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_forms(text: str) -> None:
    """A phrase that would never run, or run at uneven distances, is no schedule."""
    with pytest.raises(ValueError, match="first Sunday 2:00"):
        parse_phrase(text)


def test_a_phrase_is_echoed_in_words() -> None:
    """Whoever writes a phrase reads what was understood."""
    phrase = parse_phrase("first Sunday 2:00")

    assert phrase.explain() == "At 02:00 on the first Sunday of the month"
    assert phrase.text == "first Sunday 2:00"
    assert parse_phrase("0 2 * * sun#1").cron == "0 2 * * SUN#1"


@given(start=st.integers(local("2026-10-25T02:00"), local("2026-10-25T02:00") + 3 * 60 * MINUTE))
def test_the_next_run_always_lies_ahead(start: int) -> None:
    """Also when it is asked inside the second fold of the autumn night, to the millisecond."""
    for text in ("daily 2:00", "daily 2:30", "every 30 min", "every 1 h"):
        phrase = parse_phrase(text)
        first = phrase.next_run(start, BERLIN)

        assert first > start
        assert phrase.next_run(first, BERLIN) > first
        assert phrase.next_run(first - 1, BERLIN) == first


def test_runs_that_were_missed_are_counted() -> None:
    """Three mornings without the bot are the late one and two more."""
    phrase = parse_phrase("daily 9:00")

    assert phrase.missed(local("2026-05-03T09:00"), local("2026-05-05T10:00"), BERLIN) == 2
    assert phrase.missed(local("2026-05-03T09:00"), local("2026-05-05T09:00"), BERLIN) == 2
    assert phrase.missed(local("2025-05-03T09:00"), local("2026-05-05T09:00"), BERLIN) == 100


def test_runs_are_counted_in_the_zone() -> None:
    """Half past midnight in Berlin is the day before in UTC."""
    assert parse_phrase("Sunday 0:30").missed(local("2026-05-02T12:00"), local("2026-05-03T00:30"), BERLIN) == 1
    assert parse_phrase("daily 2:30").missed(local("2026-03-28T12:00"), local("2026-03-31T02:30"), BERLIN) == 3


@given(
    start=st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31)),  # noqa: DTZ001 - made aware below
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
)
def test_a_daily_time_runs_once_on_every_local_day(start: datetime, hour: int, minute: int) -> None:
    """Also in the nights when clocks change, from whatever moment it is asked."""
    phrase = parse_phrase(f"daily {hour}:{minute:02}")
    at = round(start.replace(tzinfo=UTC).timestamp() * 1000)
    runs = [at]
    for _ in range(4):
        runs.append(phrase.next_run(runs[-1], BERLIN))

    days = [datetime.fromtimestamp(run / 1000, BERLIN).date() for run in runs[1:]]
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))
    assert runs[1] - at <= DAY + 61 * MINUTE


@given(start=st.integers(local("2026-10-24T22:00"), local("2026-10-25T06:00")))
def test_an_interval_runs_in_both_folds(start: int) -> None:
    """Every half hour stays every half hour in real time while the clocks go back."""
    phrase = parse_phrase("every 30 min")

    first = phrase.next_run(start, BERLIN)

    assert 0 < first - start <= 30 * MINUTE
    assert phrase.next_run(first, BERLIN) - first == 30 * MINUTE
