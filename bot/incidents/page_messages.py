"""Pings: what a person who is told about an incident reads, and what becomes of it once somebody has answered."""

from bot.domain.message import Bold, Button, Buttons, Line, Mention, Message, Moment, Paragraph, Part, Small
from bot.domain.timing import span
from bot.incidents.model import Ping, State
from bot.incidents.view import (
    SIGNS,
    IncidentView,
    at_name,
    evidence_lines,
    follows_line,
    names_of,
    page_next_buttons,
    state_line,
    state_text,
)


def ping(view: IncidentView, ping: Ping) -> Message:
    """A ping as it is sent, and as long as its answer is wanted."""
    return _wanted(view, ping, _asks(view, ping)) if ping.pages else _information(view, ping)


def asks(view: IncidentView, ping: Ping) -> str:
    """Whom a ping reaches and what it asks of them, in a line without marks: `@lead, you are next`."""
    return f"{names_of(ping.people)}, {_asks(view, ping)}"


def answered(view: IncidentView) -> Message:
    """What a ping becomes once somebody has answered: the same line with the outcome, without buttons."""
    text = f"{SIGNS[view.incident.state]} {view.subject}"
    outcome = f"{text} · {state_text(view.incident)}"
    return Message(outcome, (Paragraph(((Bold(text), " · ", *state_line(view)),)),))


def pager_trouble(view: IncidentView, reason: str) -> Message:
    """What those whom PagerDuty should have rung read when it does not take the page."""
    why = f" ({reason})" if reason else ""
    text = f"⚠️ PagerDuty does not take the page of {view.subject}{why}."
    second = "It is tried again, but until then Slack alone reaches people: keep it loud, or phone whoever is next."
    return Message(text, (Paragraph(((Bold(text),), (second,))),))


def pager_back(view: IncidentView) -> Message:
    """What becomes of that once PagerDuty has taken the page."""
    return Message.plain(f"PagerDuty has taken the page of {view.subject}.")


def pager_missed(view: IncidentView) -> Message:
    """What becomes of that where nobody waits for the page any more."""
    why = "is not tried again" if view.incident.state is State.OPEN else "was answered in Slack"
    return Message.plain(f"{view.subject} {why}; PagerDuty never took its page.")


def taken_over(view: IncidentView) -> Message:
    """What the person reads who had it before."""
    incident = view.incident
    who = at_name(incident.owner) if incident.owner else "somebody"
    first: Line = (
        f"ℹ️ {view.subject} · {who} took it over from you, ",
        Moment(incident.owned_at or view.now, now=view.now),
    )
    return Message(f"ℹ️ {view.subject} · {who} took it over from you", (Paragraph((first,)),))


def _wanted(view: IncidentView, ping: Ping, asks: str) -> Message:
    names: list[Mention | str] = []
    for actor in ping.people:
        names += [Mention(actor.person, actor.slack), " "]
    sign = "🚨" if view.policy.phones else "🔔"
    first: Line = (Bold(f"{sign} {view.subject}"), " · ", *(names or ["nobody holds this level "]), f", {asks}")
    lines: list[Line] = [_joined(first)]
    before = [earlier for earlier in view.pings if earlier.number < ping.number and earlier.pages]
    if before:
        pinged: list[str | Moment] = []
        for earlier in before[-4:]:
            pinged += [", " if pinged else "", f"{names_of(earlier.people)} at ", Moment(earlier.at, now=view.now)]
        lines.append(("Pinged before: ", *pinged))
    lines += evidence_lines(view, ping.at)
    parts: list[Part] = [Paragraph(tuple(lines)), Buttons(_ping_buttons(view, ping))]
    if view.follows is not None and ping.number == len(view.pings):
        parts.append(Small(follows_line(view.follows, view)))
    people = " ".join(at_name(actor) for actor in ping.people)
    return Message(f"{sign} {view.subject} · {people}, {asks}", tuple(parts))


def _joined(line: Line) -> Line:
    """Without the space that the last mention leaves before a comma."""
    pieces = list(line)
    for index, piece in enumerate(pieces[:-1]):
        following = pieces[index + 1]
        if piece == " " and isinstance(following, str) and following.startswith(","):
            pieces[index] = ""
    return tuple(piece for piece in pieces if piece != "")


def _asks(view: IncidentView, ping: Ping) -> str:
    if ping.kind == "still":
        return "still on it?"
    if ping.kind == "stale":
        return "the one who has it is silent: please look"
    if not view.policy.phones:
        return "please look, in business hours"
    return "page: you are on call" if ping.level == 1 else "you are next"


def _information(view: IncidentView, ping: Ping) -> Message:
    incident = view.incident
    owner = at_name(incident.owner) if incident.owner else "somebody"
    age = span(max(0, ping.at - incident.planned_from))
    text = f"{view.subject} · {owner} has it, and it is not mitigated after {age}"
    people: list[Mention | str] = []
    for actor in ping.people:
        people += [Mention(actor.person, actor.slack), " "]
    return Message(f"ℹ️ {text}", (Paragraph((("ℹ️ ", *people, f"for your information: {text}."),)),))


def _ping_buttons(view: IncidentView, ping: Ping) -> tuple[Button, ...]:
    incident = view.incident
    roll_back = (Button("Roll back…", "rollback.choose", incident.system),) if view.can_roll_back else ()
    label = "Still on it" if ping.kind == "still" else "I have it"
    newest = max((each.number for each in view.pings if each.pages), default=0)
    # The value tells which page is answered: once somebody else was paged, a second tap pages nobody further.
    pass_on = Button("I can't, pass on", "incident.pass_on", f"{incident.token}:{ping.number}")
    return (
        Button(label, "incident.ack", incident.token, style="primary"),
        *roll_back,
        *page_next_buttons(view),
        *([pass_on] if ping.number == newest else []),
    )
