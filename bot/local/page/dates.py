"""Moments as people read them: message times, day dividers, and Slack's `<!date^…>` tokens.

Tokens: https://docs.slack.dev/messaging/formatting-message-text#date-formatting
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from markupsafe import Markup

from bot.local.page.names import Names

_TOKEN: Final = re.compile(r"\{(\w+)\}")
# Beyond this a "timestamp" is a mistake, and some platforms cannot convert it.
_LAST_SECOND: Final = 253_402_300_799


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th."""
    suffix = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def moment(ts: str, zone: ZoneInfo) -> datetime:
    """The time of a message timestamp such as `1763785300.000100`; the epoch for one that is not a number."""
    seconds = ts.partition(".")[0]
    known = seconds.isascii() and seconds.isdigit() and int(seconds) <= _LAST_SECOND
    return datetime.fromtimestamp(int(seconds) if known else 0, tz=UTC).astimezone(zone)


def present(names: Names) -> datetime:
    """The time that the bot and the people see."""
    return datetime.fromtimestamp(names.now / 1000, tz=UTC).astimezone(names.zone)


def clock_time(ts: str, zone: ZoneInfo) -> str:
    """Hours and minutes of a message."""
    return moment(ts, zone).strftime("%H:%M")


def full_time(ts: str, zone: ZoneInfo) -> str:
    """The whole date and time of a message, for a tooltip."""
    when = moment(ts, zone)
    return f"{when:%A}, {when.day} {when:%B %Y}, {when:%H:%M:%S} {when.tzname()}"


def day_name(day: date, today: date) -> str:
    """What a day divider says."""
    near = _near(day, today)
    if near:
        return near.capitalize()
    year = f", {day.year}" if day.year != today.year else ""
    return f"{day:%A}, {day:%B} {ordinal(day.day)}{year}"


def ago(when: datetime, now: datetime) -> str:
    """How long ago something was, or in how long it will be, in one unit."""
    seconds = int((now - when).total_seconds())
    size = abs(seconds)
    for length, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if size >= length:
            count = size // length
            span = f"{count} {unit}{'s' if count > 1 else ''}"
            return f"{span} ago" if seconds > 0 else f"in {span}"
    return "just now"


def date_token(seconds: str, pattern: str, names: Names) -> Markup | None:
    """A `<!date^seconds^pattern^…>` as HTML; None where Slack would show the fallback."""
    if not (seconds.isascii() and seconds.isdigit()) or int(seconds) > _LAST_SECOND:
        return None
    when, now = moment(seconds, names.zone), present(names)
    text = _TOKEN.sub(lambda found: _WORDS[found[1]](when, now) if found[1] in _WORDS else found[0], pattern)
    title = full_time(seconds, names.zone)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(when.isoformat(), title, text)


def _near(day: date, today: date) -> str | None:
    named = {today: "today", today - timedelta(days=1): "yesterday", today + timedelta(days=1): "tomorrow"}
    return named.get(day)


def _long(when: datetime) -> str:
    return f"{when:%A}, {when:%B} {ordinal(when.day)}, {when.year}"


def _short(when: datetime) -> str:
    return f"{when:%b} {when.day}, {when.year}"


def _plain(when: datetime) -> str:
    return f"{when:%B} {ordinal(when.day)}, {when.year}"


def _pretty(form: Callable[[datetime], str]) -> Callable[[datetime, datetime], str]:
    return lambda when, now: _near(when.date(), now.date()) or form(when)


_WORDS: Final[dict[str, Callable[[datetime, datetime], str]]] = {
    "date_num": lambda when, _now: f"{when:%Y-%m-%d}",
    "date_slash": lambda when, _now: f"{when:%m/%d/%Y}",
    "date": lambda when, _now: _plain(when),
    "date_short": lambda when, _now: _short(when),
    "date_long": lambda when, _now: _long(when),
    "date_pretty": _pretty(_plain),
    "date_short_pretty": _pretty(_short),
    "date_long_pretty": _pretty(_long),
    "time": lambda when, _now: f"{when:%H:%M}",
    "time_secs": lambda when, _now: f"{when:%H:%M:%S}",
    "ago": ago,
}
