"""Turns a `Message` into Block Kit that Slack accepts, whatever the message holds; nobody else writes blocks.

What does not fit is cut and counted (`… 12 more lines`), never refused: an answer that is too long is still an answer.
Buttons have their own share of the room, so that a long text never takes away what can be pressed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from bot.domain.message import (
    OUTCOME_MARK,
    Bold,
    Buttons,
    Code,
    Divider,
    Facts,
    Heading,
    Line,
    Message,
    Paragraph,
    Part,
    Picture,
    Preformatted,
    Small,
)
from bot.domain.message_redaction import redacted
from bot.slack import elements, inlines, limits, mrkdwn, rich_text
from bot.slack.limits import cut, plain
from bot.slack.values import Json

_BUTTON_CHARACTERS, _BUTTON_BLOCKS = 4_000, 15
_NOTE = 1


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as Slack takes it: the fallback text and the blocks."""

    text: str
    blocks: list[Json]


class _Room:
    """How many blocks and characters are left, and how many lines found none."""

    def __init__(self, blocks: int, characters: int) -> None:
        self.blocks = blocks
        self.characters = characters
        self.left_out = 0
        self.full = False

    def take(self, characters: int) -> bool:
        """Whether one more block with this many characters fits; after the first that does not, nothing does."""
        if self.full or self.blocks < 1 or characters > self.characters:
            self.full = True
            return False
        self.blocks -= 1
        self.characters -= characters
        return True


def render(message: Message, zone: ZoneInfo) -> Rendered:
    """The message within every limit of Slack; a message without parts shows its fallback text."""
    message = redacted(message)
    text = cut(mrkdwn.escaped(message.text).strip(), limits.FALLBACK) or "–"
    parts = message.parts or Message.plain(message.text).parts
    blocks = _blocks(parts, zone, limits.MESSAGE_BLOCKS) or [empty(message.text)]
    if message.outcome != "done":
        blocks[0] = {**blocks[0], "block_id": f"{OUTCOME_MARK}{message.outcome}"}
    return Rendered(text, blocks)


def empty(text: str = "") -> Json:
    """A block for where Slack wants one and there is nothing to show."""
    return {"type": "section", "text": plain(text, limits.SECTION)}


def render_parts(parts: Sequence[Part], zone: ZoneInfo, blocks: int) -> list[Json]:
    """Parts as at most so many blocks."""
    return _blocks(redacted(tuple(parts)), zone, blocks)


def _blocks(parts: Sequence[Part], zone: ZoneInfo, blocks: int) -> list[Json]:
    """As `render_parts`, of what is redacted already."""
    pressed = _pressable(parts)
    used = [each for row in pressed.values() for each in row]
    room = _Room(blocks - len(used) - _NOTE, limits.CHARACTERS - sum(elements.cost(row["elements"]) for row in used))
    rendered: list[Json] = []
    note_at: int | None = None
    for number, part in enumerate(parts):
        if isinstance(part, Buttons):
            rendered += pressed[number]
            continue
        rendered += _text_part(part, room, zone)
        if room.full and note_at is None:
            note_at = len(rendered)
    if note_at is not None and room.left_out:
        count = f"… {room.left_out:,} more line" + ("s" if room.left_out > 1 else "")
        rendered.insert(note_at, {"type": "context", "elements": [plain(count, 100)]})
    return rendered


def _pressable(parts: Sequence[Part]) -> dict[int, list[Json]]:
    """The rows of buttons by the number of their part."""
    ids, characters, rows = elements.ActionIds(), _BUTTON_CHARACTERS, _BUTTON_BLOCKS
    pressable: dict[int, list[Json]] = {}
    for number, part in enumerate(parts):
        if not isinstance(part, Buttons):
            continue
        items: list[Json] = []
        for item in part.items:
            candidate = elements.element(item, ids)
            price = elements.cost([candidate]) if candidate else 0
            if candidate and price <= characters:
                characters -= price
                items.append(candidate)
        taken = [items[at : at + limits.ACTIONS] for at in range(0, len(items), limits.ACTIONS)][:rows]
        rows -= len(taken)
        pressable[number] = [{"type": "actions", "elements": row} for row in taken]
    return pressable


def _text_part(part: Part, room: _Room, zone: ZoneInfo) -> Iterator[Json]:
    match part:
        case Heading(text) if text.strip():
            yield from _whole(
                {"type": "header", "text": plain(" ".join(text.split()), limits.HEADING)}, len(text), room
            )
        case Paragraph(lines):
            yield from _paragraph(lines, room, zone)
        case Facts(pairs):
            yield from _facts(pairs, room, zone)
        case Small(line) if line:
            small = mrkdwn.text_object(line, limits.SECTION, zone)
            yield from _whole({"type": "context", "elements": [small]}, len(small["text"]), room)
        case Preformatted(text) if text.strip():
            yield from _preformatted(text, room)
        case Divider():
            yield from _whole({"type": "divider"}, 0, room)
        case Picture(url, alt):
            yield from _picture(url, alt, room)


def _whole(block: Json, characters: int, room: _Room) -> Iterator[Json]:
    if room.take(min(characters, limits.SECTION)):
        yield block
    else:
        room.left_out += 1


def _paragraph(lines: Sequence[Line], room: _Room, zone: ZoneInfo) -> Iterator[Json]:
    fitting, characters = 0, 0
    for line in lines:
        cost = rich_text.cost(line)
        if characters + cost > room.characters:
            break
        characters += cost
        fitting += 1
    kept = tuple(lines[:fitting])
    if fitting < len(lines) and not room.full and not fitting:
        # One line that is longer than everything: its beginning says more than nothing.
        kept, characters = ((_beginning(lines[0], room.characters),),), room.characters
    if any(map(any, kept)):
        if room.take(characters):
            block = rich_text.section(kept, zone)
            if block["elements"][0]["elements"]:
                yield block
        else:
            fitting = 0
    if fitting < len(lines):
        room.full = True
        room.left_out += len(lines) - fitting


def _beginning(line: Line, characters: int) -> str:
    words = (part if isinstance(part, str) else part.text for part in line if isinstance(part, str | Bold | Code))
    return cut("".join(words), characters)


def _facts(pairs: Sequence[tuple[str, Line]], room: _Room, zone: ZoneInfo) -> Iterator[Json]:
    for at in range(0, len(pairs), limits.FIELDS):
        fields: list[Json] = []
        for label, value in pairs[at : at + limits.FIELDS]:
            name = mrkdwn.literal(cut(" ".join(label.split()), 100)) or "–"
            shown = mrkdwn.fitted(value, limits.FIELD - len(name) - 4, zone) or "–"
            fields.append({"type": "mrkdwn", "text": f"*{name}*\n{shown}", "verbatim": True})
        if room.take(sum(len(field["text"]) for field in fields)):
            yield {"type": "section", "fields": fields}
        else:
            room.left_out += len(fields)


def _preformatted(text: str, room: _Room) -> Iterator[Json]:
    lines = text.split("\n")
    shown = text
    if len(text) > room.characters - 40:
        # The beginning and the count of the rest stand in the same frame.
        kept = text[: max(0, room.characters - 40)].split("\n")
        kept = kept[:-1] or kept  # The last one is half a line, which stays only where it is alone.
        shown = "\n".join(kept) + f"\n… {max(1, len(lines) - len(kept)):,} more lines"
        if len(kept) == 1 and not kept[0]:
            room.full = True
    if room.take(len(shown)):
        yield rich_text.preformatted(shown)
    else:
        room.left_out += len(lines)


def _picture(url: str, alt: str, room: _Room) -> Iterator[Json]:
    text = plain(alt, limits.ALT)["text"]
    if inlines.is_address(url):
        yield from _whole({"type": "image", "image_url": url, "alt_text": text}, len(text), room)
    else:
        yield from _whole({"type": "context", "elements": [plain(alt, limits.ALT)]}, len(text), room)
