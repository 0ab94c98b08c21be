"""The grammar of `/incident`, purely parsed: `ack INC-12`, `open P0 newsletter mail stopped`, `update it drains`."""

import re
from dataclasses import dataclass

from bot.domain.errors import UsageError
from bot.domain.nearest import did_you_mean
from bot.domain.policy import Risk
from bot.incidents.model import Reference, Severity

USAGE = (
    "/incident open [P0..P3] [SYSTEM] [TITLE] | ack [INC-1] | severity [INC-1] P0..P3 REASON | update [INC-1] TEXT"
    " | mitigate [INC-1] [TEXT] | resolve [INC-1] [TEXT] | reopen [INC-1] [TEXT] | list | show [INC-1]"
)
VERBS = ("open", "ack", "severity", "update", "mitigate", "resolve", "reopen", "list", "show")
SURE = "anyway"
"""Typed before the text, it answers the question that is asked otherwise: `mitigate INC-1 anyway rolled back`."""

_AROUND = " \t\"'`“”„‟‘’«»()[]{}:,;.!?–—-"
"""What people put around a word; it is no part of it."""

_ID = re.compile(r"^inc-(\d{1,9})$", re.IGNORECASE)
# P95 and S3 are no severities: one digit, and nothing that goes on behind it.
_SEVERITY = re.compile(r"(?:p-?|(?:sev(?:erity)?|prio(?:rity)?)[\s_-]?)(?P<level>\d)(?!\w)", re.IGNORECASE)
_UNNAMED = Reference()
_READS = {"list", "show"}


@dataclass(frozen=True, slots=True)
class IncidentRequest:
    """One request. `words` of `open` may start with a system's name: only the handler knows the systems.

    `sure` says that the person has read what would be asked, and wants it all the same.
    """

    verb: str
    reference: Reference = _UNNAMED
    severity: Severity | None = None
    words: tuple[str, ...] = ()
    sure: bool = False

    @property
    def text(self) -> str:
        """What the person wrote after the arguments."""
        return " ".join(self.words)

    @property
    def wants_form(self) -> bool:
        """Whether too little was typed, so that a form asks for the rest."""
        return self.verb in {"open", "update", "severity"} and not self.words

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
        hint = did_you_mean(verb, VERBS, "")
        raise UsageError(f"/incident has no {verb};" + (f" {hint}" if hint else "") + f" Usage: {USAGE}")
    if verb == "list":
        return IncidentRequest("list")
    reference = Reference(room=room)
    if verb != "open" and words and (match := _ID.match(bare(words[0]))):
        reference = Reference(id=f"INC-{int(match[1])}")
        words.pop(0)
    return _with_arguments(verb, reference, words)


def pressed(verb: str, value: str) -> IncidentRequest:
    """The request behind a button: its value is the incident's opaque id, and after a colon what would be typed."""
    token, _, text = value.partition(":")
    if not token:
        raise UsageError("This button belongs to no incident; /incident list shows the open ones.")
    return _with_arguments(verb, Reference(token=token), text.split())


def _with_arguments(verb: str, reference: Reference, words: list[str]) -> IncidentRequest:
    severity = None
    if verb in {"open", "severity"}:
        severity, words = leading_severity(words)
    if verb == "severity" and severity is None:
        raise UsageError("Which severity? Write /incident severity INC-1 P0 half of the mail is lost (P0 to P3).")
    sure = bool(words) and bare(words[0]).lower() == SURE
    if sure:
        words = words[1:]
    if verb == "severity" and words and words[0].lower() == "because":
        words = words[1:]
    return IncidentRequest(verb, reference, severity, tuple(words), sure)


def leading_severity(words: list[str]) -> tuple[Severity | None, list[str]]:
    """The severity that the words start with, however it is written, and the rest. Raises `UsageError`.

    `P0:`, `sev1`, `“P1”`, `(sev 2)`, `P0:newsletter`; of `P0 newsletter mail` within quotes these go at both ends.
    """
    text = " ".join(words)
    opened = text.lstrip(_AROUND)
    match = _SEVERITY.match(opened)
    if match is None:
        return None, words
    rest = opened[match.end() :].lstrip(_AROUND)
    if opened != text:
        rest = rest.rstrip("\"'`“”‟’»)]}")
    return severity_of(match[0]), rest.split()


def severity_of(word: str) -> Severity:
    """A severity by name; raises `UsageError`."""
    match = _SEVERITY.fullmatch(bare(word))
    level = f"P{match['level']}" if match else ""
    if level not in Severity.__members__:
        raise UsageError(f"{word} is no severity; use P0, P1, P2 or P3.")
    return Severity(level)


def severity_within(words: tuple[str, ...]) -> Severity | None:
    """A severity that stands somewhere among the words of a title."""
    found = (_SEVERITY.fullmatch(bare(word)) for word in words)
    levels = (f"P{match['level']}" for match in found if match)
    return next((Severity(level) for level in levels if level in Severity.__members__), None)


def bare(word: str) -> str:
    """A word without the quotes and the punctuation around it."""
    return word.strip(_AROUND)
