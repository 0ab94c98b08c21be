"""Business hours: counts time only while people work, in their zone, without week-ends and public holidays."""

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# Longer than any run of free days; a calendar without one working day in it is a mistake, not a reason to loop.
_HORIZON = 400


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """When people work. `days`: 0 is Monday; `holidays`: dates that are free although their weekday is not."""

    zone: ZoneInfo
    days: frozenset[int]
    start: time
    end: time
    holidays: Container[date] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        if not self.days or self.end <= self.start:
            raise ValueError("business hours need at least one day, and an end after the start")

    def next_open(self, at: int) -> int:
        """`at` itself within business hours, else the next start of them."""
        opens, _ = next(self._windows(at))
        return max(at, opens)

    def after(self, at: int, duration: int) -> int:
        """The moment at which `duration` ms of business time have passed since `at`."""
        left = duration
        for opens, closes in self._windows(at):
            begins = max(at, opens)
            # A duration that ends at closing time ends there, not at the next opening.
            if left <= closes - begins:
                return begins + left
            left -= closes - begins
        raise ValueError("the duration is longer than the calendar reaches")

    def next_day(self, at: int) -> int:
        """The start of the first business day after the local day of `at`."""
        today = datetime.fromtimestamp(at / 1000, self.zone).date()
        for opens, _ in self._windows(at):
            if datetime.fromtimestamp(opens / 1000, self.zone).date() > today:
                return opens
        raise ValueError("the calendar has no business day")

    def _windows(self, at: int) -> Iterator[tuple[int, int]]:
        """Opening and closing moments, from the first window that closes after `at`."""
        first = datetime.fromtimestamp(at / 1000, self.zone).date()
        for offset in range(_HORIZON):
            day = first + timedelta(days=offset)
            if day.weekday() not in self.days or day in self.holidays:
                continue
            opens, closes = self._moment(day, self.start), self._moment(day, self.end)
            if closes > at:
                yield opens, closes
        raise ValueError("the calendar has no business day")

    def _moment(self, day: date, clock: time) -> int:
        return round(datetime.combine(day, clock, self.zone).astimezone(UTC).timestamp() * 1000)
