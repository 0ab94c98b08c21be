"""Pings: what a person who is told about an incident reads, and what becomes of it once somebody has answered."""

from bot.domain.message import Bold, Button, Buttons, Line, Mention, Message, Moment, Paragraph, Part, Small
from bot.domain.timing import span
from bot.incidents.model import Ping, State
from bot.incidents.view import (
    SIGNS,
    Board,
    at_name,
    evidence_lines,
    follows_line,
    names_of,
    page_next_buttons,
    state_line,
    state_text,
)


def ping(board: Board, ping: Ping) -> Message:
    """A ping as it is sent, and as long as its answer is wanted."""
    return _wanted(board, ping, _asks(board, ping)) if ping.pages else _information(board, ping)


def asks(board: Board, ping: Ping) -> str:
    """Whom a ping reaches and what it asks of them, in a line without marks: `@lead, you are next`."""
    return f"{names_of(ping.people)}, {_asks(board, ping)}"


def answered(board: Board) -> Message:
    """What a ping becomes once somebody has answered: the same line with the outcome, without buttons."""
    text = f"{SIGNS[board.incident.state]} {board.subject}"
    outcome = f"{text} · {state_text(board.incident)}"
    return Message(outcome, (Paragraph(((Bold(text), " · ", *state_line(board)),)),))


def pager_trouble(board: Board, reason: str) -> Message:
    """What those whom PagerDuty should have rung read when it does not take the page."""
    why = f" ({reason})" if reason else ""
    text = f"⚠️ PagerDuty does not take the page of {board.subject}{why}."
    second = "It is tried again, but until then Slack alone reaches people: keep it loud, or phone whoever is next."
    return Message(text, (Paragraph(((Bold(text),), (second,))),))


def pager_back(board: Board) -> Message:
    """What becomes of that once PagerDuty has taken the page."""
    return Message.plain(f"PagerDuty has taken the page of {board.subject}.")


def pager_missed(board: Board) -> Message:
    """What becomes of that where nobody waits for the page any more."""
    why = "is not tried again" if board.incident.state is State.OPEN else "was answered in Slack"
    return Message.plain(f"{board.subject} {why}; PagerDuty never took its page.")


def taken_over(board: Board) -> Message:
    """What the person reads who had it before."""
    incident = board.incident
    who = at_name(incident.owner) if incident.owner else "somebody"
    first: Line = (
        f"ℹ️ {board.subject} · {who} took it over from you, ",
        Moment(incident.owned_at or board.now, now=board.now),
    )
    return Message(f"ℹ️ {board.subject} · {who} took it over from you", (Paragraph((first,)),))


def _wanted(board: Board, ping: Ping, asks: str) -> Message:
    names: list[Mention | str] = []
    for actor in ping.people:
        names += [Mention(actor.person, actor.slack), " "]
    sign = "🚨" if board.ladder.phones else "🔔"
    first: Line = (Bold(f"{sign} {board.subject}"), " · ", *(names or ["nobody holds this level "]), f", {asks}")
    lines: list[Line] = [_joined(first)]
    before = [earlier for earlier in board.pings if earlier.number < ping.number and earlier.pages]
    if before:
        pinged: list[str | Moment] = []
        for earlier in before[-4:]:
            pinged += [", " if pinged else "", f"{names_of(earlier.people)} at ", Moment(earlier.at, now=board.now)]
        lines.append(("Pinged before: ", *pinged))
    lines += evidence_lines(board, ping.at)
    parts: list[Part] = [Paragraph(tuple(lines)), Buttons(_ping_buttons(board, ping))]
    if board.follows is not None and ping.number == len(board.pings):
        parts.append(Small(follows_line(board.follows, board)))
    people = " ".join(at_name(actor) for actor in ping.people)
    return Message(f"{sign} {board.subject} · {people}, {asks}", tuple(parts))


def _joined(line: Line) -> Line:
    """Without the space that the last mention leaves before a comma."""
    pieces = list(line)
    for index, piece in enumerate(pieces[:-1]):
        following = pieces[index + 1]
        if piece == " " and isinstance(following, str) and following.startswith(","):
            pieces[index] = ""
    return tuple(piece for piece in pieces if piece != "")


def _asks(board: Board, ping: Ping) -> str:
    if ping.kind == "still":
        return "still on it?"
    if ping.kind == "stale":
        return "the one who has it is silent: please look"
    if not board.ladder.phones:
        return "please look, in business hours"
    return "page: you are on call" if ping.level == 1 else "you are next"


def _information(board: Board, ping: Ping) -> Message:
    incident = board.incident
    owner = at_name(incident.owner) if incident.owner else "somebody"
    age = span(max(0, ping.at - incident.planned_from))
    text = f"{board.subject} · {owner} has it, and it is not mitigated after {age}"
    people: list[Mention | str] = []
    for actor in ping.people:
        people += [Mention(actor.person, actor.slack), " "]
    return Message(f"ℹ️ {text}", (Paragraph((("ℹ️ ", *people, f"for your information: {text}."),)),))


def _ping_buttons(board: Board, ping: Ping) -> tuple[Button, ...]:
    incident = board.incident
    roll_back = (Button("Roll back…", "rollback.choose", incident.system),) if board.can_roll_back else ()
    label = "Still on it" if ping.kind == "still" else "I have it"
    newest = max((each.number for each in board.pings if each.pages), default=0)
    # The value tells which page is answered: once somebody else was paged, a second tap pages nobody further.
    pass_on = Button("I can't, pass on", "incident.pass_on", f"{incident.token}:{ping.number}")
    return (
        Button(label, "incident.ack", incident.token, style="primary"),
        *roll_back,
        *page_next_buttons(board),
        *([pass_on] if ping.number == newest else []),
    )
