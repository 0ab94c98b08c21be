"""The grammar of `/incident`, purely parsed: `ack INC-12`, `open P0 newsletter mail stopped`, `update it drains`."""

import difflib
import re
from dataclasses import dataclass

from bot.domain.errors import UsageError
from bot.domain.incident import Reference, Severity
from bot.domain.policy import Risk

USAGE = (
    "/incident open [P0..P3] [SYSTEM] [TITLE] | ack [INC-1] | severity [INC-1] P0..P3 | update [INC-1] TEXT"
    " | mitigate [INC-1] [TEXT] | resolve [INC-1] [TEXT] | list | show [INC-1]"
)
VERBS = ("open", "ack", "severity", "update", "mitigate", "resolve", "list", "show")

_ID = re.compile(r"^inc-(\d{1,9})$", re.IGNORECASE)
_BEYOND = re.compile(r"^[Pp]\d+$")
_UNNAMED = Reference()
_READS = {"list", "show"}


@dataclass(frozen=True, slots=True)
class IncidentRequest:
    """One request. `words` of `open` may start with a system's name: only the handler knows the systems."""

    verb: str
    reference: Reference = _UNNAMED
    severity: Severity | None = None
    words: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What the person wrote after the arguments."""
        return " ".join(self.words)

    @property
    def wants_form(self) -> bool:
        """Whether too little was typed, so that a form asks for the rest."""
        return self.verb in {"open", "update"} and not self.words

    @property
    def risk(self) -> Risk:
        """A list only reads, and so does a form: its submission is what changes something."""
        return Risk.READ if self.verb in _READS or self.wants_form else Risk.CHANGE


def parse(text: str, *, room: str = "") -> IncidentRequest:
    """The request behind the typed text; `room` is the channel it was typed in. Raises `UsageError`."""
    words = text.split()
    if not words:
        return IncidentRequest("list")
    verb = words.pop(0).lower()
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, n=1)
        raise UsageError(
            f"/incident has no {verb};" + (f" did you mean {near[0]}?" if near else "") + f" Usage: {USAGE}"
        )
    if verb == "list":
        return IncidentRequest("list")
    reference = Reference(room=room)
    if verb != "open" and words and (match := _ID.match(words[0])):
        reference = Reference(id=f"INC-{int(match[1])}")
        words.pop(0)
    severity = None
    if verb in {"open", "severity"} and words and _BEYOND.match(words[0]):
        severity = severity_of(words.pop(0))
    if verb == "severity" and severity is None:
        raise UsageError("Which severity? Write /incident severity INC-1 P0 (P0, P1, P2 or P3).")
    return IncidentRequest(verb, reference, severity, tuple(words))


def severity_of(word: str) -> Severity:
    """A severity by name; raises `UsageError`."""
    try:
        return Severity(word.upper())
    except ValueError:
        raise UsageError(f"{word} is no severity; use P0, P1, P2 or P3.") from None
