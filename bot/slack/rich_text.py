"""Turns paragraphs into rich text blocks.

Rich text is not parsed at all: what a person typed is shown letter by letter, and only our own elements mention, link
or format. So there is nothing to escape where most text from people and systems stands, and a copy of it is exact.
Source: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from bot.domain.invisible import without_unseen
from bot.domain.message import Bold, ChannelLink, Code, Inline, Line, Link, Mention, Moment
from bot.domain.people import called
from bot.slack import inlines
from bot.slack.limits import SECTION
from bot.slack.values import Json


def section(lines: Iterable[Line], zone: ZoneInfo) -> Json:
    """Lines of text as one block."""
    elements: list[Json] = []
    for number, line in enumerate(lines):
        if number:
            elements += _text("\n")
        for part in line:
            elements += _inline(part, zone)
    return _block("rich_text_section", _joined(elements))


def preformatted(text: str) -> Json:
    """Text kept as it is, monospaced."""
    return _block("rich_text_preformatted", _text(without_unseen(text)))


def cost(line: Line) -> int:
    """How many characters a line adds to its message, addresses and ids included."""
    return 1 + sum(_cost(part) for part in line)


def _cost(part: Inline) -> int:
    match part:
        case str():
            return len(part)
        case Bold(text) | Code(text):
            return len(text)
        case Link(label, url):
            return len(label) + len(url)
        case Mention(person, slack):
            return len(person) + len(slack) + 1
        case ChannelLink(channel):
            return len(channel) + 1
        case Moment():
            return 30


def _inline(part: Inline, zone: ZoneInfo) -> list[Json]:  # noqa: C901, PLR0911 - one case per primitive, a table
    match part:
        case str():
            return _text(without_unseen(part))
        case Bold(text):
            return _text(without_unseen(text), "bold")
        case Code(text):
            return _text(without_unseen(text), "code")
        case Mention(_, slack) if inlines.is_user(slack):
            return [{"type": "user", "user_id": slack}]
        case Mention(person):
            return _text(without_unseen(called(person)))
        case ChannelLink(channel) if inlines.is_channel(channel):
            return [{"type": "channel", "channel_id": channel}]
        case ChannelLink(channel):
            return _text(without_unseen(f"#{channel}"))
        case Link(label, url) if inlines.is_address(url):
            shown = without_unseen(label)
            return [{"type": "link", "url": url} | ({"text": shown[:SECTION]} if shown.strip() else {})]
        case Link(label, url):
            return _text(without_unseen(f"{label} ({url})"))
        case Moment():
            return [
                {
                    "type": "date",
                    "timestamp": inlines.seconds(part),
                    "format": inlines.format_of(part, zone),
                    "fallback": inlines.fallback(part, zone),
                }
            ]


def _text(text: str, style: str = "") -> list[Json]:
    mark: Json = {"style": {style: True}} if style else {}
    if 0 < len(text) <= SECTION:
        return [{"type": "text", "text": text} | mark]
    return [{"type": "text", "text": text[at : at + SECTION]} | mark for at in range(0, len(text), SECTION)]


def _joined(elements: list[Json]) -> list[Json]:
    """Neighbours of unmarked text as one element: shorter, and a search for a whole line finds it."""
    joined: list[Json] = []
    last: Json = {}
    for element in elements:
        mergeable = element["type"] == last.get("type") == "text" and element.get("style") == last.get("style")
        if mergeable and len(last["text"]) + len(element["text"]) <= SECTION:
            last["text"] += element["text"]
        else:
            last = element
            joined.append(last)
    return joined


def _block(kind: str, elements: list[Json]) -> Json:
    return {"type": "rich_text", "elements": [{"type": kind, "elements": elements}]}
