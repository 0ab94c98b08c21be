"""Rotations: who is on call at a moment, who follows, and when the turn changes."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.domain.timing import DAY


@dataclass(frozen=True, slots=True)
class Turn:
    """One person's turn and who comes after it; `starts` and `ends` in epoch ms."""

    person: str
    starts: int
    ends: int
    following: str


@dataclass(frozen=True, slots=True)
class Rotation:
    """People in turn, `every` ms each, the first one from `since` at the local time `at`."""

    people: tuple[str, ...]
    every: int
    since: date
    at: time
    zone: ZoneInfo

    def turn(self, moment: int) -> Turn:
        """The turn at this moment."""
        number = self._estimate(moment)
        # The estimate counts days of 24 hours; daylight saving moves a start by an hour, so it may be one off.
        while self._start(number) > moment:
            number -= 1
        while self._start(number + 1) <= moment:
            number += 1
        return Turn(self._person(number), self._start(number), self._start(number + 1), self._person(number + 1))

    def _person(self, number: int) -> str:
        return self.people[number % len(self.people)]

    def _estimate(self, moment: int) -> int:
        return (moment - self._start(0)) // self.every

    def _start(self, number: int) -> int:
        """Whole days keep the local time of day across daylight saving; other lengths are counted in real time."""
        if self.every % DAY:
            return self._moment(self.since) + number * self.every
        return self._moment(self.since + timedelta(days=number * (self.every // DAY)))

    def _moment(self, day: date) -> int:
        return round(datetime.combine(day, self.at, self.zone).astimezone(UTC).timestamp() * 1000)
