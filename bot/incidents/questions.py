"""What is asked before something is done to an incident that a tired person may not mean; nothing has happened yet.

A button's value is what would be typed instead: the incident's opaque id, and after a colon the words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.message import Bold, Button, Buttons, Line, Message, Moment, Paragraph
from bot.incidents.grammar import SURE
from bot.incidents.model import Incident, Severity
from bot.incidents.view import SIGNS, state_text

CARRIED = 1_700
"""Characters of a person's text that a button carries at most; Slack takes 2,000 in all."""

_NAMED = 5


def still_critical(incident: Incident, verb: str, critical: Sequence[str], text: str) -> Message:
    """Mitigated or resolved, although checks are red."""
    count = len(critical)
    named = ", ".join(critical[:_NAMED]) + (f" and {count - _NAMED} more" if count > _NAMED else "")
    said = f"{count} check{' is' if count == 1 else 's are'} still critical: {named}."
    done = {"mitigate": "Mitigated", "resolve": "Resolved"}[verb]
    return _asked(
        (Bold(f"{incident.id} {incident.severity}"), f" · {said}"),
        f"{incident.id}: {said} Nothing was changed.",
        (f"Nothing was changed. In one line: /incident {verb} {incident.id} {SURE}",),
        Button(f"{done} all the same", f"incident.{verb}", _value(incident.token, SURE, text), style="danger"),
    )


def silences(incident: Incident, severity: Severity, told_at: int | None, reason: str) -> Message:
    """Lowered while nobody has answered: whoever would be paged next is not."""
    after: Line = ("Nobody is told any more",) if told_at is None else ("The next is told at ", Moment(told_at, "date"))
    said = f"nobody has it yet, and as {severity} it pages later or not at all."
    return _asked(
        (Bold(f"{incident.id} {incident.severity}"), f" · {said} ", *after, "."),
        f"{incident.id}: {said} Nothing was changed.",
        (f"Nothing was changed. In one line: /incident severity {incident.id} {severity} {SURE} {reason}",),
        Button("I have it", "incident.ack", incident.token, style="primary"),
        Button(
            f"{severity} all the same",
            "incident.severity",
            _value(incident.token, f"{severity} {SURE}", reason),
            style="danger",
        ),
    )


def pages_nobody(incident: Incident, severity: Severity, reason: str) -> Message:
    """Raised while it is mitigated: the severity alone pages nobody."""
    said = f"{incident.id} is mitigated, so nobody is paged."
    line = f"/incident severity {incident.id} {severity} {SURE} {reason}"
    return _asked(
        (Bold(said), f" Is it broken again, as {severity}?"),
        f"{said} Nothing was changed.",
        (f"Nothing was changed. Only the severity, in one line: {line}",),
        _reopen(incident, severity, reason),
        Button(
            f"{severity}, stays mitigated", "incident.severity", _value(incident.token, f"{severity} {SURE}", reason)
        ),
    )


@dataclass(frozen=True, slots=True)
class NearMiss:
    """The first of the `typed` words is no system's name, but nearly that of `system`; `rest` follows it."""

    system: str
    title: str
    typed: str
    rest: str


def which_system(severity: Severity, near: NearMiss, impact: str) -> Message:
    """A misspelt system: without this question its incident would stand without a system."""
    named = f"{severity} {near.system} {near.rest}"
    return _asked(
        (Bold("Nothing is open yet"), f" · no system is called as in “{near.typed}”. Do you mean {near.title}?"),
        f"Nothing is open yet: do you mean {near.title}?",
        (f"In one line: /incident open {named}",),
        Button(f"Open {severity} for {near.title}", "incident.open", _line(named, impact), "primary"),
        Button(f"Open {severity} without a system", "incident.open", _line(f"{severity} {SURE} {near.typed}", impact)),
    )


def which_severity(severity: Severity, usual: Severity, system: str, words: tuple[str, ...]) -> Message:
    """A severity that stands inside the title: without this question it would page as the usual one."""
    rest = f"{system} {' '.join(words)}".strip()
    return _asked(
        (Bold("Nothing is open yet"), f" · is it {severity}? It stands inside the title."),
        f"Nothing is open yet: is it {severity}?",
        (f"In one line: /incident open {severity} {rest}",),
        Button(f"Open as {severity}", "incident.open", f"{severity} {rest}", "primary"),
        Button(f"Open as {usual}", "incident.open", f"{usual} {rest}"),
    )


def another(
    known: Sequence[Incident], severity: Severity, system_title: str, *, title: str, impact: str, now: int
) -> Message:
    """Something of the same system is not over yet; `title` is what would be opened beside it."""
    line = f"{known[0].system} {title}"
    rows: list[Line] = [(Bold(f"{system_title} has an incident already"), ". Nothing new is open yet.")]
    rows += [
        (
            f"{SIGNS[incident.state]} ",
            Bold(f"{incident.id} {incident.severity}"),
            f" {incident.title} · {state_text(incident)} · since ",
            Moment(incident.opened_at, now=now),
        )
        for incident in known[:_NAMED]
    ]
    worst = known[0]
    first: list[Button] = []
    if not worst.active:
        first.append(_reopen(worst, severity, title))
    elif severity.rank < worst.severity.rank:
        label = f"Raise {worst.id} to {severity}"
        first.append(Button(label, "incident.severity", _value(worst.token, severity.value, title), "primary"))
    said = f"{worst.id} {worst.severity} of {system_title} is not over: {worst.title} ({state_text(worst)})"
    rows.append((f"In one line: /incident open {severity} {SURE} {line}",))
    return Message(
        f"{said}. Nothing new is open yet.",
        (
            Paragraph(tuple(rows)),
            Buttons((*first, Button("Open another", "incident.open", _line(f"{severity} {SURE} {line}", impact)))),
        ),
        "waiting",
    )


def which_incident(verb: str, known: Sequence[Incident], titles: Sequence[str], typed: str) -> Message:
    """Several are open, and none was named; `typed` follows the name."""
    offered: list[Button] = []
    for incident, title in zip(known, titles, strict=True):
        label = f"{incident.id} {incident.severity} {f'{title}: ' if title else ''}{incident.title}"
        action = "incident.update_form" if verb == "update" else f"incident.{verb}"
        offered.append(Button(label[:75], action, _value(incident.token, "", typed)))
    asked = f"Several incidents are open; which one? In one line: /incident {verb} {known[0].id}"
    return Message(asked, (Paragraph(((asked,),)), Buttons(tuple(offered))), "waiting")


def _reopen(incident: Incident, severity: Severity, text: str) -> Button:
    """As what it is, or as something worse."""
    if severity.rank >= incident.severity.rank:
        return Button(f"Reopen {incident.id}", "incident.reopen", _value(incident.token, "", text), "primary")
    value = _value(incident.token, severity.value, text)
    return Button(f"Reopen {incident.id} as {severity}", "incident.reopen_as", value, "primary")


def _asked(first: Line, text: str, last: Line, *buttons: Button) -> Message:
    return Message(text, (Paragraph((first, last)), Buttons(buttons)), "waiting")


def _value(token: str, words: str, text: str) -> str:
    typed = f"{words} {text[:CARRIED]}".strip()
    return f"{token}:{typed}" if typed else token


def _line(typed: str, impact: str) -> str:
    """What would be typed, and on a second line what only the form asks for."""
    return f"{typed}\n{impact}" if impact else typed
