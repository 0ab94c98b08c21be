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
    IncidentView,
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


def header(view: IncidentView) -> Message:
    """The one message that stands for the incident."""
    incident = view.incident
    title = f"{SIGNS[incident.state]} {view.subject}"
    facts: list[tuple[str, Line]] = [
        ("Severity", (incident.severity.value,)),
        ("State", state_line(view)),
        ("Lead", (at_name(incident.owner) if incident.owner else "nobody yet",)),
        ("Impact", (incident.impact or "not said yet",)),
        ("Now", _now(view)),
        ("Clocks", _clocks(view)),
    ]
    parts: list[Part] = [Heading(title[:150]), Facts(tuple(facts))]
    done = [
        (Moment(event.at, now=view.now), f" {event.text} ({called(event.person)})") for event in view.updates[:-1][-3:]
    ]
    if done:
        parts.append(Paragraph(((Bold("Done"),), *done)))
    plan = _plan(view)
    if plan:
        parts.append(Paragraph(((Bold("Plan"), " if nobody answers"), *plan)))
    if incident.state is not State.RESOLVED and (incident.checks or incident.suspect.text):
        parts.append(Paragraph(evidence_lines(view)))
    buttons = _header_buttons(view)
    if buttons:
        parts.append(Buttons(buttons))
    parts.append(Small(_footer(view)))
    return Message(f"{title} · {state_text(incident)}", tuple(parts))


def opened(view: IncidentView) -> Message:
    """What the person who opened it reads."""
    told = [actor for ping in view.pings for actor in ping.people]
    after: Line = (
        (f"{', '.join(at_name(actor) for actor in told)} was {'paged' if view.policy.phones else 'told'}.",)
        if told
        else _first_ping(view)
    )
    incident = view.incident
    return Message(
        f"{incident.id} is open.",
        (
            Paragraph(((Bold(f"{incident.id} is open"), f" · {view.subject}"), after)),
            Buttons((_acknowledge(incident),)),
        ),
    )


def resolved_there(view: IncidentView, who: Actor) -> Message:
    """What whoever has it is asked when somebody has resolved it at PagerDuty."""
    incident = view.incident
    has = incident.owner if incident.owner is not None and incident.owner.slack else None
    to: Line = (Mention(has.person, has.slack), ": ") if has else ()
    text = f"{called(who.person)} resolved {view.subject} at PagerDuty. Here it goes on: is it over?"
    return Message(
        f"❓ {text}",
        (
            Paragraph((("❓ ", *to, text), *evidence_lines(view))),
            Buttons((_resolve(incident), Button("No, I have it", "incident.ack", incident.token))),
        ),
    )


def answered_there(view: IncidentView, asked: Event, answer: Event) -> Message:
    """What becomes of that question once it is answered."""
    first = f"{SIGNS[view.incident.state]} {called(asked.person)} resolved {view.subject} at PagerDuty"
    text = f"{first}; here {called(answer.person)} {answer.text}"
    return Message(text, (Paragraph(((f"{text}, ", Moment(answer.at, now=view.now)),)),))


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


def _now(view: IncidentView) -> Line:
    if view.updates:
        newest = view.updates[-1]
        return (f"{newest.text} ({called(newest.person)}, ", Moment(newest.at, now=view.now), ")")
    return ("no update yet",)


def _clocks(view: IncidentView) -> Line:
    incident, policy = view.incident, view.policy
    due: Line = ()
    if incident.state is State.ACKNOWLEDGED and policy.stale is not None and incident.updated_at is not None:
        at = policy.moment(incident.updated_at, policy.stale)
        words = " · next update by " if at > view.now else " · update overdue since "
        due = (words, incident_clocks.coming(at, policy, view.now))
    return (*incident_clocks.shown(policy, incident, view.now), *due)


def _plan(view: IncidentView) -> list[Line]:
    incident = view.incident
    if not incident.active:
        return []
    lines: list[Line] = [
        (
            f"✓ level {ping.level} {names_of(ping.people)} {'told' if ping.kind == 'inform' else 'paged'} ",
            Moment(ping.at, now=view.now),
            ways_line(view, ping),
        )
        for ping in view.pings[-6:]
        if ping.kind in {"page", "inform", "stale"}
    ]
    if incident.state is State.OPEN:
        lines += [planned_line(planned, view) for planned in view.plan]
    if not view.plan and view.follows is not None:
        lines.append(follows_line(view.follows, view))
    return lines


def _first_ping(view: IncidentView) -> Line:
    if view.follows is None:
        return ("Nobody is pinged.",)
    return (f"Business hours: {names_of(view.follows.people)} is told at ", Moment(view.follows.step.at, "date"))


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


def _header_buttons(view: IncidentView) -> tuple[Button, ...]:
    incident = view.incident
    if incident.state is State.RESOLVED:
        return (reopen_button(incident),)
    update = Button("Update…", "incident.update_form", incident.token)
    room = () if incident.in_room or incident.room_wanted else (Button("Own channel", "incident.room", incident.token),)
    resolve = _resolve(incident)
    if incident.state is State.MITIGATED:
        return (update, *room, resolve, reopen_button(incident))
    roll_back = (Button("Roll back…", "rollback.choose", incident.system),) if view.can_roll_back else ()
    first = () if incident.state is State.ACKNOWLEDGED else (_acknowledge(incident),)
    mitigate = Button("Mitigated", "incident.mitigate", incident.token)
    return (*first, update, mitigate, *roll_back, *page_next_buttons(view), *room, resolve)


def _footer(view: IncidentView) -> Line:
    incident = view.incident
    room: Line = (" · ", ChannelLink(incident.room)) if incident.room else ()
    return (f"Opened by {at_name(incident.opened_by)} ", Moment(incident.opened_at, now=view.now), *room)


def concern(incident: Incident) -> Concern:
    """An open P0 or P1 is critical however well the checks are; what is mitigated or smaller is a warning."""
    urgent = incident.active and incident.severity in {Severity.P0, Severity.P1}
    state = "open" if incident.active else incident.state.value
    return Concern(Status.CRITICAL if urgent else Status.WARNING, f"{incident.id} {incident.severity} {state}")
