"""What people read and press, in ten primitives: no Slack in here; `slack/blocks.py` and the CLI turn it into theirs.

Text from people or systems goes in as `str` and is escaped by whoever renders it; only the types below carry meaning.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Literal

from bot.domain.redaction import presentable
from bot.domain.timing import HOUR

Style = Literal["primary", "danger"]
TimeStyle = Literal["time", "seconds", "date"]
Outcome = Literal["done", "unhealthy", "refused", "usage", "waiting", "pending"]
EXIT_CODES: Mapping[Outcome, int] = {"done": 0, "unhealthy": 1, "refused": 1, "usage": 2, "waiting": 3}
"""What the command line's exit code says of a message."""
OUTCOME_MARK = "outcome:"
"""Programs that read a message in Slack find its outcome behind this in the first block's id, unless it is `done`."""


@dataclass(frozen=True, slots=True)
class Bold:
    """Strong text."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Monospaced text on one line."""

    text: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A person, pinged where the message is new. `person` is our name, `slack` the Slack id (empty: shown as text)."""

    person: str
    slack: str = ""


@dataclass(frozen=True, slots=True)
class ChannelLink:
    """A channel by its Slack id."""

    channel: str


@dataclass(frozen=True, slots=True)
class Link:
    """A web link; the label is escaped, the address must be http or https."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, shown as hours and minutes in the reader's zone. `at` in epoch milliseconds UTC.

    `now`: when the message is written; a time of another day is then shown with its date.
    """

    at: int
    style: TimeStyle = "time"
    now: int | None = None

    def style_in(self, zone: tzinfo) -> TimeStyle:
        """How it is shown to a reader in this zone; half a day away, readers of other zones get the date too."""
        if self.style != "time" or self.now is None:
            return self.style
        if abs(self.now - self.at) >= 12 * HOUR:
            return "date"
        days = {datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).date() for ms in (self.at, self.now)}
        return "time" if len(days) == 1 else "date"


Inline = str | Bold | Code | Mention | ChannelLink | Link | Moment
Line = tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """One line on top, plain text, 150 characters at most."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines of text."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Pairs of a label and a value, side by side where there is room."""

    pairs: tuple[tuple[str, Line], ...]


@dataclass(frozen=True, slots=True)
class Small:
    """A quiet line: when, how long, who sees it."""

    line: Line


@dataclass(frozen=True, slots=True)
class Preformatted:
    """Text kept as it is, monospaced: output of a step, a plan's exact calls."""

    text: str


@dataclass(frozen=True, slots=True)
class Divider:
    """A line between two thoughts."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image at a public address, with the text for those who do not see it."""

    url: str
    alt: str


@dataclass(frozen=True, slots=True)
class Confirm:
    """What the client asks before it sends a click."""

    title: str
    text: str
    yes: str = "Yes"
    no: str = "No"


@dataclass(frozen=True, slots=True)
class Button:
    """A button.

    `action` names the registered handler (`operation.approve`), `value` is an opaque id or a harmless argument.
    """

    label: str
    action: str
    value: str = ""
    style: Style | None = None
    confirm: Confirm | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a select: what is shown and what is sent."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A select beside the buttons; choosing sends at once."""

    placeholder: str
    action: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Buttons:
    """What can be pressed."""

    items: tuple[Button | Choice, ...]


Part = Heading | Paragraph | Facts | Small | Preformatted | Divider | Picture | Buttons


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message.

    `text` is the fallback that notifications and screen readers show; it says the main thing alone. `outcome` tells the
    command line's exit code; a `pending` message is followed by a whole one.
    """

    text: str
    parts: tuple[Part, ...] = ()
    outcome: Outcome = "done"

    @classmethod
    def plain(cls, text: str, outcome: Outcome = "done") -> "Message":
        """A message of one paragraph, the same as its fallback; redacted before it falls into lines."""
        text = presentable(text)
        return cls(text, (Paragraph(tuple((line,) for line in text.split("\n"))),), outcome)


@dataclass(frozen=True, slots=True)
class TextField:
    """A text input of a form."""

    id: str
    label: str
    initial: str = ""
    placeholder: str = ""
    hint: str = ""
    optional: bool = False
    multiline: bool = False


@dataclass(frozen=True, slots=True)
class ChoiceField:
    """A select of a form; `initial` is the value of one of the options."""

    id: str
    label: str
    options: tuple[Option, ...]
    initial: str = ""
    hint: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class PersonField:
    """Chooses a person; the value sent is the Slack id."""

    id: str
    label: str
    initial: str = ""
    optional: bool = False


Field = TextField | ChoiceField | PersonField


@dataclass(frozen=True, slots=True)
class Modal:
    """A form. `form` names the registered handler; `private` comes back with it (3,000 characters at most)."""

    title: str
    form: str
    fields: tuple[Field, ...]
    submit: str = "Send"
    private: str = ""
    intro: tuple[Part, ...] = ()


def person(name: str, slack: str = "") -> Mention:
    """Shorthand for a mention."""
    return Mention(name, slack)


def lines(*texts: Inline | Line) -> Paragraph:
    """A paragraph from lines; a single inline counts as a line of its own."""
    return Paragraph(tuple(text if isinstance(text, tuple) else (text,) for text in texts))
