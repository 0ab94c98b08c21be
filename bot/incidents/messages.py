"""What people read of an incident: the header that is edited through its life, lists, and the timeline."""

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
from bot.domain.people import Actor, called
from bot.domain.reading import Status
from bot.health.messages import Concern
from bot.incidents import clocks as incident_clocks
from bot.incidents.model import Event, Incident, Severity, State
from bot.incidents.view import (
    SIGNS,
    Board,
    at_name,
    evidence_lines,
    follows_line,
    names_of,
    page_next_buttons,
    planned_line,
    state_line,
    state_text,
    ways_line,
)


def header(board: Board) -> Message:
    """The one message that stands for the incident."""
    incident = board.incident
    title = f"{SIGNS[incident.state]} {board.subject}"
    facts: list[tuple[str, Line]] = [
        ("Severity", (incident.severity.value,)),
        ("State", state_line(board)),
        ("Lead", (at_name(incident.owner) if incident.owner else "nobody yet",)),
        ("Impact", (incident.impact or "not said yet",)),
        ("Now", _now(board)),
        ("Clocks", _clocks(board)),
    ]
    parts: list[Part] = [Heading(title[:150]), Facts(tuple(facts))]
    done = [
        (Moment(event.at, now=board.now), f" {event.text} ({called(event.person)})")
        for event in board.updates[:-1][-3:]
    ]
    if done:
        parts.append(Paragraph(((Bold("Done"),), *done)))
    plan = _plan(board)
    if plan:
        parts.append(Paragraph(((Bold("Plan"), " if nobody answers"), *plan)))
    if incident.state is not State.RESOLVED and (incident.checks or incident.suspect.text):
        parts.append(Paragraph(evidence_lines(board)))
    buttons = _header_buttons(board)
    if buttons:
        parts.append(Buttons(buttons))
    parts.append(Small(_footer(board)))
    return Message(f"{title} · {state_text(incident)}", tuple(parts))


def opened(board: Board) -> Message:
    """What the person who opened it reads."""
    told = [actor for ping in board.pings for actor in ping.people]
    after: Line = (
        (f"{', '.join(at_name(actor) for actor in told)} was {'paged' if board.ladder.phones else 'told'}.",)
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


def resolved_there(board: Board, who: Actor) -> Message:
    """What whoever has it is asked when somebody has resolved it at PagerDuty."""
    incident = board.incident
    has = incident.owner if incident.owner is not None and incident.owner.slack else None
    to: Line = (Mention(has.person, has.slack), ": ") if has else ()
    text = f"{called(who.person)} resolved {board.subject} at PagerDuty. Here it goes on: is it over?"
    return Message(
        f"❓ {text}",
        (
            Paragraph((("❓ ", *to, text), *evidence_lines(board))),
            Buttons((_resolve(incident), Button("No, I have it", "incident.ack", incident.token))),
        ),
    )


def answered_there(board: Board, asked: Event, answer: Event) -> Message:
    """What becomes of that question once it is answered."""
    first = f"{SIGNS[board.incident.state]} {called(asked.person)} resolved {board.subject} at PagerDuty"
    text = f"{first}; here {called(answer.person)} {answer.text}"
    return Message(text, (Paragraph(((f"{text}, ", Moment(answer.at, now=board.now)),)),))


def summary_line(incident: Incident, system_title: str, now: int | None = None) -> Line:
    """One line of a list."""
    prefix = f"{system_title}: " if system_title else ""
    where: Line = (" ", ChannelLink(incident.room)) if incident.room else ()
    return (
        f"{SIGNS[incident.state]} ",
        Bold(f"{incident.id} {incident.severity}"),
        f" {prefix}{incident.title} · {state_text(incident)} · since ",
        Moment(incident.opened_at, now=now),
        *where,
    )


def timeline_lines(events: tuple[Event, ...], now: int) -> Paragraph:
    """The timeline, a line per event."""
    return Paragraph(tuple((Moment(event.at, now=now), f" {event.said}") for event in events))


def _now(board: Board) -> Line:
    if board.updates:
        newest = board.updates[-1]
        return (f"{newest.text} ({called(newest.person)}, ", Moment(newest.at, now=board.now), ")")
    return ("no update yet",)


def _clocks(board: Board) -> Line:
    incident, ladder = board.incident, board.ladder
    due: Line = ()
    if incident.state is State.ACKNOWLEDGED and ladder.stale is not None and incident.updated_at is not None:
        at = ladder.moment(incident.updated_at, ladder.stale)
        words = " · next update by " if at > board.now else " · update overdue since "
        due = (words, incident_clocks.coming(at, ladder, board.now))
    return (*incident_clocks.shown(ladder, incident, board.now), *due)


def _plan(board: Board) -> list[Line]:
    incident = board.incident
    if not incident.active:
        return []
    lines: list[Line] = [
        (
            f"✓ level {ping.level} {names_of(ping.people)} {'told' if ping.kind == 'inform' else 'paged'} ",
            Moment(ping.at, now=board.now),
            ways_line(board, ping),
        )
        for ping in board.pings[-6:]
        if ping.kind in {"page", "inform", "stale"}
    ]
    if incident.state is State.OPEN:
        lines += [planned_line(planned, board) for planned in board.plan]
    if not board.plan and board.follows is not None:
        lines.append(follows_line(board.follows, board))
    return lines


def _first_ping(board: Board) -> Line:
    if board.follows is None:
        return ("Nobody is pinged.",)
    return (f"Business hours: {names_of(board.follows.people)} is told at ", Moment(board.follows.step.at, "date"))


def _acknowledge(incident: Incident) -> Button:
    return Button("I have it", "incident.ack", incident.token, style="primary")


def reopen_button(incident: Incident) -> Button:
    """The way back, from what was mitigated or resolved."""
    asked = f"{incident.id} is broken again: its clocks start anew, and the first level is told."
    return Button("Reopen", "incident.reopen", incident.token, confirm=Confirm("Reopen?", asked, yes="Reopen"))


def _resolve(incident: Incident) -> Button:
    return Button(
        "Resolve",
        "incident.resolve",
        incident.token,
        confirm=Confirm("Resolve?", f"{incident.id} is over and its clocks end.", yes="Resolve"),
    )


def _header_buttons(board: Board) -> tuple[Button, ...]:
    incident = board.incident
    if incident.state is State.RESOLVED:
        return (reopen_button(incident),)
    update = Button("Update…", "incident.update_form", incident.token)
    room = () if incident.in_room or incident.room_wanted else (Button("Own channel", "incident.room", incident.token),)
    resolve = _resolve(incident)
    if incident.state is State.MITIGATED:
        return (update, *room, resolve, reopen_button(incident))
    roll_back = (Button("Roll back…", "rollback.choose", incident.system),) if board.can_roll_back else ()
    first = () if incident.state is State.ACKNOWLEDGED else (_acknowledge(incident),)
    mitigate = Button("Mitigated", "incident.mitigate", incident.token)
    return (*first, update, mitigate, *roll_back, *page_next_buttons(board), *room, resolve)


def _footer(board: Board) -> Line:
    incident = board.incident
    room: Line = (" · ", ChannelLink(incident.room)) if incident.room else ()
    return (f"Opened by {at_name(incident.opened_by)} ", Moment(incident.opened_at, now=board.now), *room)


def concern(incident: Incident) -> Concern:
    """An open P0 or P1 is critical however well the checks are; what is mitigated or smaller is a warning."""
    urgent = incident.active and incident.severity in {Severity.P0, Severity.P1}
    state = "open" if incident.active else incident.state.value
    return Concern(Status.CRITICAL if urgent else Status.WARNING, f"{incident.id} {incident.severity} {state}")
