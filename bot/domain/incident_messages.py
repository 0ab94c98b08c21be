"""What people read of an incident: the header that is edited through its life, and the pings that ask for a person."""

from dataclasses import dataclass

from bot.domain.escalation import Ladder, Step
from bot.domain.incident import Event, Incident, Ping, State
from bot.domain.message import (
    Bold,
    Button,
    Buttons,
    ChannelLink,
    Confirm,
    Facts,
    Heading,
    Line,
    Mention,
    Message,
    Moment,
    Paragraph,
    Part,
    Small,
)
from bot.domain.people import Actor
from bot.domain.timing import MINUTE, span

_SIGNS = {State.OPEN: "🚨", State.ACKNOWLEDGED: "✋", State.MITIGATED: "🩹", State.RESOLVED: "✅"}


@dataclass(frozen=True, slots=True)
class Planned:
    """A step that is still to come, with the people it will reach."""

    step: Step
    people: tuple[Actor, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """An incident with everything its messages show. `follows` is the one step that comes next if nothing happens."""

    incident: Incident
    ladder: Ladder
    system_title: str
    pings: tuple[Ping, ...]
    plan: tuple[Planned, ...]
    follows: Planned | None
    updates: tuple[Event, ...]
    can_roll_back: bool
    now: int

    @property
    def subject(self) -> str:
        """`P0 INC-12 Newsletter: mail stopped`."""
        incident = self.incident
        prefix = f"{self.system_title}: " if self.system_title else ""
        return f"{incident.severity} {incident.id} {prefix}{incident.title}"


def header(board: Board) -> Message:
    """The one message that stands for the incident."""
    incident = board.incident
    title = f"{_SIGNS[incident.state]} {board.subject}"
    facts: list[tuple[str, Line]] = [
        ("Severity", (incident.severity.value,)),
        ("State", _state(board)),
        ("Lead", (_at(incident.owner) if incident.owner else "nobody yet",)),
        ("Impact", (incident.impact or "not said yet",)),
        ("Now", _now(board)),
        ("Clocks", _clocks(board)),
    ]
    parts: list[Part] = [Heading(title[:150]), Facts(tuple(facts))]
    done = [(Moment(event.at), f" {event.text} (@{event.person})") for event in board.updates[:-1][-3:]]
    if done:
        parts.append(Paragraph(((Bold("Done"),), *done)))
    plan = _plan(board)
    if plan:
        parts.append(Paragraph(((Bold("Plan"), " if nobody answers"), *plan)))
    if incident.active and (incident.checks or incident.suspect):
        parts.append(Paragraph(_evidence(incident)))
    buttons = _header_buttons(board)
    if buttons:
        parts.append(Buttons(buttons))
    parts.append(Small(_footer(board)))
    return Message(f"{title} · {state_text(incident)}", tuple(parts))


def ping(board: Board, ping: Ping) -> Message:
    """A ping as it is sent, and as long as its answer is wanted."""
    return _wanted(board, ping, _asks(ping)) if ping.pages else _information(board, ping)


def answered(board: Board) -> Message:
    """What a ping becomes once somebody has answered: the same line with the outcome, without buttons."""
    text = f"{_SIGNS[board.incident.state]} {board.subject}"
    outcome = f"{text} · {state_text(board.incident)}"
    return Message(outcome, (Paragraph(((Bold(text), " · ", *_state(board)),)),))


def opened(board: Board) -> Message:
    """What the person who opened it reads."""
    told = [actor for ping in board.pings for actor in ping.people]
    after: Line = (
        (f"{', '.join(_at(actor) for actor in told)} was {'paged' if board.ladder.phones else 'told'}.",)
        if told
        else _first_ping(board)
    )
    incident = board.incident
    return Message(
        f"{incident.id} is open.",
        (
            Paragraph(((Bold(f"{incident.id} is open"), f" · {board.subject}"), after)),
            Buttons((_acknowledge(incident),)),
        ),
    )


def summary_line(incident: Incident, system_title: str) -> Line:
    """One line of a list."""
    prefix = f"{system_title}: " if system_title else ""
    where: Line = (" ", ChannelLink(incident.room)) if incident.room else ()
    return (
        f"{_SIGNS[incident.state]} ",
        Bold(f"{incident.id} {incident.severity}"),
        f" {prefix}{incident.title} · {state_text(incident)} · since ",
        Moment(incident.opened_at),
        *where,
    )


def timeline_lines(events: tuple[Event, ...]) -> Paragraph:
    """The timeline, a line per event."""
    return Paragraph(tuple((Moment(event.at), f" @{event.person} {event.text}") for event in events))


def _wanted(board: Board, ping: Ping, asks: str) -> Message:
    incident = board.incident
    names: list[Mention | str] = []
    for actor in ping.people:
        names += [Mention(actor.person, actor.slack), " "]
    first: Line = (Bold(f"🚨 {board.subject}"), " · ", *(names or ["nobody holds this level "]), f", {asks}")
    lines: list[Line] = [_joined(first)]
    before = [earlier for earlier in board.pings if earlier.number < ping.number and earlier.pages]
    if before:
        pinged: list[str | Moment] = []
        for earlier in before[-4:]:
            pinged += [", " if pinged else "", f"{_names(earlier.people)} at ", Moment(earlier.at)]
        lines.append(("Pinged before: ", *pinged))
    lines += _evidence(incident)
    parts: list[Part] = [Paragraph(tuple(lines)), Buttons(_ping_buttons(board, ping))]
    if board.follows is not None and ping.number == len(board.pings):
        parts.append(Small(_follows(board.follows, board)))
    people = " ".join(_at(actor) for actor in ping.people)
    return Message(f"🚨 {board.subject} · {people}, {asks}", tuple(parts))


def _joined(line: Line) -> Line:
    """Without the space that the last mention leaves before a comma."""
    pieces = list(line)
    for index, piece in enumerate(pieces[:-1]):
        following = pieces[index + 1]
        if piece == " " and isinstance(following, str) and following.startswith(","):
            pieces[index] = ""
    return tuple(piece for piece in pieces if piece != "")


def _asks(ping: Ping) -> str:
    if ping.kind == "still":
        return "still on it?"
    if ping.kind == "stale":
        return "the one who has it is silent: please look"
    return "you are next"


def _information(board: Board, ping: Ping) -> Message:
    incident = board.incident
    owner = _at(incident.owner) if incident.owner else "somebody"
    age = span(max(0, ping.at - incident.planned_from))
    text = f"{board.subject} · {owner} has it, and it is not mitigated after {age}"
    people: list[Mention | str] = []
    for actor in ping.people:
        people += [Mention(actor.person, actor.slack), " "]
    return Message(f"ℹ️ {text}", (Paragraph((("ℹ️ ", *people, f"for your information: {text}."),)),))


def state_text(incident: Incident) -> str:
    """The state in words: `@sre has it`."""
    owner = _at(incident.owner) if incident.owner else "nobody"
    return {
        State.OPEN: "nobody has it yet",
        State.ACKNOWLEDGED: f"{owner} has it",
        State.MITIGATED: "mitigated",
        State.RESOLVED: "resolved",
    }[incident.state]


def _state(board: Board) -> Line:
    incident = board.incident
    since = {
        State.OPEN: incident.opened_at,
        State.ACKNOWLEDGED: incident.acknowledged_at,
        State.MITIGATED: incident.mitigated_at,
        State.RESOLVED: incident.resolved_at,
    }[incident.state]
    if incident.state is State.OPEN or since is None:
        return ("nobody has it yet",)
    return (f"{state_text(incident)}, ", Moment(since))


def _now(board: Board) -> Line:
    if board.updates:
        newest = board.updates[-1]
        return (f"{newest.text} (@{newest.person}, ", Moment(newest.at), ")")
    return ("no update yet",)


def _clocks(board: Board) -> Line:
    incident, ladder = board.incident, board.ladder
    start = incident.planned_from
    respond = _clock(
        "respond", incident.acknowledged_at or incident.mitigated_at, start, ladder.respond_by(start), board
    )
    escalate = _clock("mitigate", incident.mitigated_at, start, ladder.escalate_by(start), board)
    due: Line = ()
    if incident.state is State.ACKNOWLEDGED and ladder.stale is not None and incident.updated_at is not None:
        due = (" · next update by ", Moment(ladder.moment(incident.updated_at, ladder.stale)))
    return (*respond, " · ", *escalate, *due)


def _clock(name: str, done: int | None, start: int, limit: int, board: Board) -> Line:
    if done is not None:
        # Rounded up: a clock of five minutes that was missed by seconds does not read as five minutes.
        took = span(max(1, -(-(done - start) // MINUTE)) * MINUTE)
        return (f"{name} {'kept' if done <= limit else 'missed'} ({took})",)
    if limit <= board.now:
        return (f"{name} missed (", Moment(limit), ")")
    return (f"{name} by ", Moment(limit))


def _plan(board: Board) -> list[Line]:
    incident = board.incident
    if not incident.active:
        return []
    lines: list[Line] = [
        (f"✓ level {ping.level} {_names(ping.people)} {'told' if ping.kind == 'inform' else 'paged'} ", Moment(ping.at))
        for ping in board.pings[-6:]
        if ping.kind in {"page", "inform", "stale"}
    ]
    if incident.state is State.OPEN:
        lines += [_planned(planned, board) for planned in board.plan]
    elif board.follows is not None:
        lines.append(_follows(board.follows, board))
    return lines


def _planned(planned: Planned, board: Board) -> Line:
    level = board.ladder.levels[planned.step.level - 1]
    return (
        f"level {planned.step.level} {_names(planned.people)} at ",
        Moment(planned.step.at),
        f" unless {level.unless}",
    )


def _follows(planned: Planned, board: Board) -> Line:
    step = planned.step
    if step.kind == "page":
        return _planned(planned, board)
    words = {
        "repeat": f"level {step.level} {_names(planned.people)} again at ",
        "inform": f"level {step.level} {_names(planned.people)} is told, unless mitigated, at ",
        "still": f"{_names(planned.people)} is asked for an update at ",
        "stale": f"level {step.level} {_names(planned.people)} is paged, without an update, at ",
    }
    return (words[step.kind], Moment(step.at))


def _first_ping(board: Board) -> Line:
    if board.follows is None:
        return ("Nobody is pinged.",)
    return (f"Business hours: {_names(board.follows.people)} is told at ", Moment(board.follows.step.at, "date"))


def _evidence(incident: Incident) -> tuple[Line, ...]:
    lines: list[Line] = []
    if incident.checks:
        lines.append((f"Checks: {incident.checks}",))
    if incident.suspect:
        lines.append((f"Suspect change: {incident.suspect}",))
    return tuple(lines)


def _acknowledge(incident: Incident) -> Button:
    return Button("I have it", "incident.ack", incident.token, style="primary")


def _page_next(board: Board) -> tuple[Button, ...]:
    """The value carries the level, so that a press on an outdated message is refused instead of paging one further."""
    level = min(board.incident.paged + 1, len(board.ladder.levels))
    if not board.incident.active:
        return ()
    names = f"level {level} ({', '.join(board.ladder.levels[level - 1].notify)})"
    return (
        Button(
            f"Page level {level} now",
            "incident.page_next",
            f"{board.incident.token}:{level}",
            confirm=Confirm(f"Page level {level}?", f"This pages {names} at once.", yes="Page"),
        ),
    )


def _ping_buttons(board: Board, ping: Ping) -> tuple[Button, ...]:
    incident = board.incident
    roll_back = (Button("Roll back…", "rollback.choose", incident.system),) if board.can_roll_back else ()
    label = "Still on it" if ping.kind == "still" else "I have it"
    return (
        Button(label, "incident.ack", incident.token, style="primary"),
        *roll_back,
        *_page_next(board),
        Button("I can't, pass on", "incident.pass_on", incident.token),
    )


def _header_buttons(board: Board) -> tuple[Button, ...]:
    incident = board.incident
    if incident.state is State.RESOLVED:
        return ()
    update = Button("Update…", "incident.update_form", incident.token)
    resolve = Button(
        "Resolve",
        "incident.resolve",
        incident.token,
        confirm=Confirm("Resolve?", f"{incident.id} is over and its clocks end.", yes="Resolve"),
    )
    if incident.state is State.MITIGATED:
        return (update, resolve)
    roll_back = (Button("Roll back…", "rollback.choose", incident.system),) if board.can_roll_back else ()
    first = () if incident.state is State.ACKNOWLEDGED else (_acknowledge(incident),)
    mitigate = Button("Mitigated", "incident.mitigate", incident.token)
    return (*first, update, mitigate, *roll_back, *_page_next(board), resolve)


def _footer(board: Board) -> Line:
    incident = board.incident
    room: Line = (" · ", ChannelLink(incident.room)) if incident.room else ()
    return (f"Opened by {_at(incident.opened_by)} ", Moment(incident.opened_at), *room)


def _names(people: tuple[Actor, ...]) -> str:
    return ", ".join(_at(actor) for actor in people) or "nobody"


def _at(actor: Actor) -> str:
    return f"@{actor.person}"
