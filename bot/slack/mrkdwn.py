"""Turns a line into mrkdwn, for the places that take nothing else: fields and small print.

Slack documents an escape for `&`, `<` and `>` alone. `* _ ~` and backticks have none, so in people's text they become
signs that look alike: this is certain, whereas invisible characters beside them work in one client and not in another.
Source: https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from zoneinfo import ZoneInfo

from bot.domain.invisible import without_unseen
from bot.domain.message import Bold, ChannelLink, Code, Inline, Line, Link, Mention, Moment
from bot.domain.people import called
from bot.slack import inlines
from bot.slack.values import Json

_LOOK_ALIKE = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ"})
# Between two letters an underscore formats nothing, and names such as campaign_emails stay whole.
_FORMATTING_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_QUOTE = re.compile(r"^(\s*)>", re.MULTILINE)


def escaped(text: str) -> str:
    """Text in which nothing is a mention, a link or a broadcast any more."""
    return without_unseen(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def literal(text: str) -> str:
    """Text that also shows its own asterisks, underscores, tildes, backticks and leading `>` instead of formatting."""
    shown = _QUOTE.sub(r"\1＞", _FORMATTING_UNDERSCORE.sub("ˍ", text.translate(_LOOK_ALIKE)))
    return escaped(shown)


def text_object(line: Line, limit: int, zone: ZoneInfo) -> Json:
    """A line as a text object: literal where it is only text, mrkdwn where something in it has a meaning."""
    if all(isinstance(part, str) for part in line):
        shown = without_unseen("".join(part for part in line if isinstance(part, str)))
        return {
            "type": "plain_text",
            "text": (shown if len(shown) <= limit else shown[: limit - 1] + "…") if shown.strip() else "–",
            "emoji": False,
        }
    # Without `verbatim` Slack looks for addresses and names of channels and links them.
    return {"type": "mrkdwn", "text": fitted(line, limit, zone) or "–", "verbatim": True}


def fitted(line: Line, limit: int, zone: ZoneInfo) -> str:
    """The line as mrkdwn of at most `limit` characters, cut between marks, never inside one."""
    done = ""
    for part in line:
        rendered = _inline(part, zone)
        if len(done) + len(rendered) <= limit - 1:
            done += rendered
            continue
        if isinstance(part, str):
            # An escape is at most five times as long as its character, so a few steps find the fitting beginning.
            room = limit - 1 - len(done)
            beginning = part[:room]
            while len(literal(beginning)) > room:
                beginning = beginning[: -max(1, (len(literal(beginning)) - room) // 5)]
            done += literal(beginning)
        return done + "…"
    return done


def _inline(part: Inline, zone: ZoneInfo) -> str:  # noqa: C901, PLR0911 - one case per primitive, a table
    match part:
        case str():
            return literal(part)
        case Bold(text):
            return _marked("*", text)
        case Code(text):
            return _marked("`", text)
        case Mention(_, slack) if inlines.is_user(slack):
            return f"<@{slack}>"
        case Mention(person):
            return literal(called(person))
        case ChannelLink(channel) if inlines.is_channel(channel):
            return f"<#{channel}>"
        case ChannelLink(channel):
            return literal(f"#{channel}")
        case Link(label, url) if inlines.is_address(url):
            return f"<{escaped(url)}|{literal(' '.join(label.split())).replace('|', '¦') or escaped(url)}>"
        case Link(label, url):
            return literal(f"{label} ({url})")
        case Moment():
            # The fallback is ours: digits and colons only.
            return f"<!date^{inlines.seconds(part)}^{inlines.format_of(part, zone)}|{inlines.fallback(part, zone)}>"


def _marked(mark: str, text: str) -> str:
    """Marks do not reach over lines or stand beside spaces; an empty pair would show as it is."""
    inner = literal(" ".join(text.split()))
    return f"{mark}{inner}{mark}" if inner else ""
