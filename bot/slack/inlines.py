"""What the marks inside a line mean to Slack: which ids and addresses are real, and how a moment is written."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bot.domain.message import Moment
from bot.slack.limits import URL

_USER = re.compile(r"[UW][A-Z0-9]{1,40}\Z")
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{1,40}\Z")
# The characters that end a link in mrkdwn are excluded, not encoded: no real address holds them bare.
_ADDRESS = re.compile(r"https?://[^\s<>|\"\x00-\x1f\x7f]+\Z")
_LAST_SECOND = 253_402_300_799

_FORMATS = {"time": "{time}", "seconds": "{time_secs}", "date": "{date_short} {time}"}
_FALLBACKS = {"time": "%H:%M", "seconds": "%H:%M:%S", "date": "%-d %b %Y %H:%M"}


def is_user(slack: str) -> bool:
    """Whether this is the id of a user, so that it may ping."""
    return _USER.match(slack) is not None


def is_channel(channel: str) -> bool:
    """Whether this is the id of a channel."""
    return _CHANNEL.match(channel) is not None


def is_address(url: str) -> bool:
    """Whether this may be a link: http or https, and short enough."""
    return len(url) <= URL and _ADDRESS.match(url) is not None


def seconds(moment: Moment) -> int:
    """The moment as Slack wants it."""
    return min(max(moment.at // 1000, 1), _LAST_SECOND - 86_400)


def fallback(moment: Moment, zone: ZoneInfo) -> str:
    """The moment in the bot's own time zone, for clients that cannot show the reader's."""
    when = datetime.fromtimestamp(seconds(moment), UTC).astimezone(zone)
    return when.strftime(_FALLBACKS[moment.style_in(zone)])


def format_of(moment: Moment, zone: ZoneInfo) -> str:
    """How Slack is told to show the moment."""
    return _FORMATS[moment.style_in(zone)]
