"""When the bot posts by itself: phrases such as `first Sunday 2:00` or `every 30 min`, as cron expressions in a zone.

Daylight saving: a fixed time in the spring gap runs at the end of the gap; in the autumn overlap it runs once, while
intervals run in both folds.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

EXAMPLES = "daily 9:00, Sunday 2:00, first Sunday 2:00, 15th 9:00, last Friday 17:00, every 30 min, or five cron fields"

_DAYS = {name: day for day, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_FULL = {"sunday": "sun", "monday": "mon", "tuesday": "tue", "wednesday": "wed", "thursday": "thu", "friday": "fri"}
_FULL["saturday"] = "sat"
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}

_FIXED_DAYS = {"": "* * *", "daily": "* * *", "every day": "* * *", "weekdays": "* * MON-FRI", "last day": "L * *"}

_TIME = re.compile(r"^([01]?\d|2[0-3]):([0-5]\d)$")
_DATE = re.compile(r"^([1-9]|[12]\d|3[01])(?:st|nd|rd|th)$")
_EVERY = re.compile(r"^every (\d+) ?(min|minutes?|h|hours?)$")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A time that comes again and again: as it was written, and as five cron fields."""

    text: str
    cron: str

    def next_run(self, after: int, zone: ZoneInfo) -> int:
        """The first run later than `after` (epoch ms)."""
        runs = CronSim(self.cron, datetime.fromtimestamp(after / 1000, zone))
        # Started inside the second fold of an autumn night, cronsim may begin with a time that has passed already.
        while (run := round(next(runs).astimezone(UTC).timestamp() * 1000)) <= after:
            pass
        return run

    def missed(self, since: int, until: int, zone: ZoneInfo) -> int:
        """How many runs lie after `since` and not after `until`; counting stops at 100."""
        count, at = 0, self.next_run(since, zone)
        while at <= until and count < 100:
            count, at = count + 1, self.next_run(at, zone)
        return count

    def explain(self) -> str:
        """In words, to echo what was understood: `At 02:00 on the first Sunday of the month`."""
        return CronSim(self.cron, datetime(2026, 1, 1, tzinfo=UTC)).explain()


def parse_phrase(text: str) -> Phrase:
    """A phrase or a cron expression. Raises `ValueError` with the forms that are understood."""
    compact = " ".join(text.lower().replace(",", " ").split())
    cron = _cron(compact)
    if cron is None and len(compact.split()) == 5:
        cron = compact.upper()
    if cron is None:
        raise ValueError(f"{text!r} is no time that can be understood; write {EXAMPLES}")
    try:
        # A day that no month has (30 February) is found out by looking for its first run.
        next(CronSim(cron, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        raise ValueError(f"{text!r} never comes or is no cron expression; write {EXAMPLES}") from None
    return Phrase(text, cron)


def _cron(compact: str) -> str | None:
    if match := _EVERY.match(compact):
        return _interval(int(match[1]), hours=match[2].startswith("h"))
    words = compact.split()
    clock = _TIME.match(words[-1]) if words else None
    if clock is None:
        return None
    days = _days(words[:-1])
    return f"{int(clock[2])} {int(clock[1])} {days}" if days else None


def _interval(number: int, *, hours: bool) -> str | None:
    """Only lengths that divide the hour or the day come at even distances in cron."""
    whole = 24 if hours else 60
    if number < 1 or whole % number:
        return None
    if number == whole:
        return "0 0 * * *" if hours else "0 * * * *"
    return f"0 */{number} * * *" if hours else f"*/{number} * * * *"


def _days(words: list[str]) -> str | None:
    """The last three cron fields: day of month, month, day of week."""
    fixed = _FIXED_DAYS.get(" ".join(words))
    if fixed is not None:
        return fixed
    match words:
        case [word] if date := _DATE.match(word):
            fields = f"{date[1]} * *"
        case [word] | ["every", word] if (day := _day(word)) is not None:
            fields = f"* * {day}"
        case ["last", word] if (day := _day(word)) is not None:
            fields = f"* * {day}L"
        case [ordinal, word] if ordinal in _ORDINALS and (day := _day(word)) is not None:
            fields = f"* * {day}#{_ORDINALS[ordinal]}"
        case _:
            return None
    return fields


def _day(word: str) -> int | None:
    return _DAYS.get(_FULL.get(word, word))
