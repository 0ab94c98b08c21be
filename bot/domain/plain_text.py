"""Turns a `Message` into plain text for terminals, with times in one time zone."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bot.domain.message import (
    Bold,
    Button,
    Buttons,
    ChannelLink,
    Choice,
    Code,
    Divider,
    Facts,
    Heading,
    Inline,
    Line,
    Link,
    Mention,
    Message,
    Moment,
    Paragraph,
    Part,
    Picture,
    Preformatted,
    Small,
)
from bot.domain.message_redaction import redacted
from bot.domain.people import called

_TYPED = {
    "health.refresh": "steward ask '/health {}'",
    "queue.show": "steward ask '/queue {}'",
    "rollback.choose": "steward ask '/rollback {}'",
    "incident.open_form": "steward ask '/incident open {}'",
    "operation.approve": "steward decide {} approve",
    "operation.deny": "steward decide {} deny --reason …",
    "operation.cancel": "steward decide {} cancel",
}
"""What to type on a terminal where Slack has a button, with the button's value."""
_FORMATS = {"time": "%H:%M", "seconds": "%H:%M:%S", "date": "%-d %b %Y %H:%M"}
_RULE = "─" * 40
_LAST = 253_402_214_399


def plain(message: Message, zone: ZoneInfo | None = None) -> str:
    """The whole message as lines of text; its fallback where it has no parts."""
    message = redacted(message)
    shown = [line for part in message.parts for line in _part(part, zone or ZoneInfo("UTC"))]
    return _visible("\n".join(shown) if shown else message.text)


def plain_line(line: Line, zone: ZoneInfo) -> str:
    """One line as text."""
    return "".join(_inline(part, zone) for part in line)


def _part(part: Part, zone: ZoneInfo) -> Iterator[str]:
    match part:
        case Heading(text):
            yield text
        case Paragraph(lines):
            yield from (plain_line(line, zone) for line in lines)
        case Facts(pairs):
            width = max((len(label) for label, _ in pairs), default=0)
            yield from (f"{label.ljust(width)}  {plain_line(value, zone)}" for label, value in pairs)
        case Small(line):
            yield plain_line(line, zone)
        case Preformatted(text):
            yield from (f"    {line}" for line in text.split("\n"))
        case Divider():
            yield _RULE
        case Picture(url, alt):
            yield f"{alt} ({url})"
        case Buttons(items):
            yield from _pressable(items)


def _pressable(items: tuple[Button | Choice, ...]) -> Iterator[str]:
    """A line for each button that can be typed; the others are named, so that the reader knows that there is more."""
    others = []
    for item in items:
        if not isinstance(item, Button):
            others.append(f"{item.placeholder} ▾")
        elif item.action in _TYPED and item.label != "Refresh":  # Whoever sees the answer has just typed that.
            yield f"[{item.label}] {_TYPED[item.action].format(item.value)}"
        else:
            others.append(item.label)
    if others:
        yield " ".join(f"[{label}]" for label in others)


def _inline(part: Inline, zone: ZoneInfo) -> str:
    match part:
        case str():
            return part
        case Mention(person):
            return called(person)
        case ChannelLink(channel):
            return f"#{channel}"
        case Link(label, url):
            return f"{label} ({url})"
        case Moment(at):
            seconds = min(max(at // 1000, 0), _LAST)
            return datetime.fromtimestamp(seconds, UTC).astimezone(zone).strftime(_FORMATS[part.style_in(zone)])
        case Bold(text) | Code(text):
            return text


def _visible(text: str) -> str:
    """Without control characters: a target's answer must not move the cursor or recolour the terminal."""
    return "".join(character for character in text if character in "\n\t" or character.isprintable())
