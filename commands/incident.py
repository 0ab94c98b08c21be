"""`/incident`: open an incident, say who has it, how it stands, and that it is over."""

from dataclasses import dataclass

from bot.domain import incident_messages, incident_request
from bot.domain.errors import FieldErrors, NotFound, UsageError
from bot.domain.incident import Event, Incident, Reference, Severity
from bot.domain.incident_board import Board, state_text
from bot.domain.incident_request import IncidentRequest
from bot.domain.message import (
    Bold,
    Button,
    Buttons,
    ChoiceField,
    Line,
    Message,
    Modal,
    Option,
    Paragraph,
    TextField,
    lines,
)
from bot.domain.policy import Risk
from bot.services.container import Services
from bot.services.invocation import Incoming, Invocation, Listener, button, command, form

USAGE = incident_request.USAGE
DESCRIPTION = "Open an incident, acknowledge it, update it, resolve it"

_SEVERITIES = (
    Option("P0 · it is down for everybody; pages at once", "P0"),
    Option("P1 · a main function is broken; pages at once", "P1"),
    Option("P2 · it hurts, but there is a way around; business hours", "P2"),
    Option("P3 · small; business hours", "P3"),
)


@dataclass(frozen=True, slots=True)
class Press:
    """A press of a button that decides: the incident's opaque id, and for a page the level that the person saw."""

    reference: Reference
    level: int | None = None
    risk: Risk = Risk.CHANGE

    @classmethod
    def parse(cls, incoming: Incoming) -> "Press":
        """`TOKEN` or `TOKEN:LEVEL`."""
        token, _, level = incoming.text.partition(":")
        if not token:
            raise UsageError("This button belongs to no incident; /incident list shows the open ones.")
        return cls(Reference(token=token), int(level) if level.isdecimal() and len(level) < 4 else None)


@dataclass(frozen=True, slots=True)
class OpenForm:
    """Asks for the form of a new incident, with what is known already."""

    system: str = ""
    risk: Risk = Risk.READ


@dataclass(frozen=True, slots=True)
class UpdateForm:
    """Asks for the form of an update."""

    reference: Reference
    risk: Risk = Risk.READ


@dataclass(frozen=True, slots=True)
class Opening:
    """A filled form of a new incident."""

    severity: Severity
    system: str
    title: str
    impact: str
    risk: Risk = Risk.CHANGE

    @classmethod
    def parse(cls, incoming: Incoming) -> "Opening":
        """From the form's fields; a title of spaces is no title."""
        fields = {name: value.strip() for name, value in incoming.fields.items()}
        title = fields.get("title", "")
        if not title:
            raise FieldErrors({"title": "Say in a few words what is wrong, such as: mail stopped"})
        severity = incident_request.severity_of(fields.get("severity") or "P1")
        return cls(severity, fields.get("system", ""), title, fields.get("impact", ""))


@dataclass(frozen=True, slots=True)
class Update:
    """A filled form of an update."""

    reference: Reference
    text: str
    impact: str
    risk: Risk = Risk.CHANGE

    @classmethod
    def parse(cls, incoming: Incoming) -> "Update":
        """From the form's fields; one of the two must say something."""
        text, impact = (incoming.fields.get(name, "").strip() for name in ("text", "impact"))
        if not text and not impact:
            raise FieldErrors({"text": "Say how it stands now, such as: rolled back, the queue drains"})
        return cls(Reference(token=incoming.private), text, impact)


def _typed(incoming: Incoming) -> IncidentRequest:
    return incident_request.parse(incoming.text, room=incoming.channel)


@command("/incident", usage=USAGE, description=DESCRIPTION, parse=_typed)
async def incident(call: Invocation[IncidentRequest], services: Services) -> Message | Modal:
    """Whatever the verb says; what changes something is one transaction with its messages."""
    request, incidents = call.request, services.incidents
    if request.verb == "open":
        return await _open(call, services)
    if request.verb == "list":
        return _list([(found, _title(services, found.system)) for found in await incidents.unresolved()])
    if request.verb == "show":
        return _shown(*await incidents.board(request.reference))
    if request.verb == "update":
        if request.wants_form:
            found = await incidents.find(request.reference)
            return _update_form(found.id, found.token, found.impact)
        board = await incidents.update(request.reference, request.text, call.actor, receipt=call.receipt)
    elif request.verb == "severity" and request.severity is not None:
        board = await incidents.change_severity(request.reference, request.severity, call.actor, receipt=call.receipt)
    elif request.verb == "ack":
        board = await incidents.acknowledge(request.reference, call.actor, receipt=call.receipt)
    elif request.verb == "mitigate":
        board = await incidents.mitigate(request.reference, call.actor, text=request.text, receipt=call.receipt)
    else:
        board = await incidents.resolve(request.reference, call.actor, text=request.text, receipt=call.receipt)
    return _done(board)


async def _open(call: Invocation[IncidentRequest], services: Services) -> Message | Modal:
    """A severity and a system are enough; a title alone opens a P1 at once: at night a form costs a minute."""
    request = call.request
    if request.wants_form:
        return _open_form(services, severity=request.severity)
    system, words = _system(services, request.words)
    severity = request.severity
    if system and words and severity is None and words[0].upper() in Severity.__members__:
        # `newsletter P0 mail stopped` means what it says: as a title, the P0 would page as a P1.
        severity, words = Severity(words[0].upper()), words[1:]
    title = " ".join(words) or f"{_title(services, system)} is in trouble"
    board = await services.incidents.open(
        title, severity or Severity.P1, call.actor, system=system, receipt=call.receipt
    )
    return incident_messages.opened(board)


@form("incident.open", parse=Opening.parse)
async def opening(call: Invocation[Opening], services: Services) -> Message:
    """Open an incident from the form."""
    request = call.request
    board = await services.incidents.open(
        request.title,
        request.severity,
        call.actor,
        system=request.system,
        impact=request.impact,
        receipt=call.receipt,
    )
    return incident_messages.opened(board)


@button("incident.open_form", parse=lambda incoming: OpenForm(incoming.text))
async def open_form(call: Invocation[OpenForm], services: Services) -> Modal:
    """Show the form of a new incident; the value is the system, or nothing."""
    return _open_form(services, system=call.request.system)


@button("incident.ack", parse=Press.parse)
async def ack(call: Invocation[Press], services: Services) -> Message:
    """The person has it."""
    return _done(await services.incidents.acknowledge(call.request.reference, call.actor, receipt=call.receipt))


@button("incident.pass_on", parse=Press.parse)
async def pass_on(call: Invocation[Press], services: Services) -> Message:
    """The person cannot take it."""
    return _done(await services.incidents.pass_on(call.request.reference, call.actor, receipt=call.receipt))


@button("incident.page_next", parse=Press.parse)
async def page_next(call: Invocation[Press], services: Services) -> Message:
    """Page the next level now."""
    request = call.request
    board = await services.incidents.page_next(request.reference, call.actor, level=request.level, receipt=call.receipt)
    return _done(board)


@button("incident.room", parse=Press.parse)
async def own_channel(call: Invocation[Press], services: Services) -> Message:
    """A channel of its own, for an incident whose severity brings none."""
    board = await services.incidents.want_room(call.request.reference, call.actor, receipt=call.receipt)
    return Message.plain(f"{board.incident.id} gets a channel of its own in a moment.")


@button("incident.mitigate", parse=Press.parse)
async def mitigate(call: Invocation[Press], services: Services) -> Message:
    """The harm is stopped."""
    return _done(await services.incidents.mitigate(call.request.reference, call.actor, receipt=call.receipt))


@button("incident.resolve", parse=Press.parse)
async def resolve(call: Invocation[Press], services: Services) -> Message:
    """It is over."""
    return _done(await services.incidents.resolve(call.request.reference, call.actor, receipt=call.receipt))


@button("incident.update_form", parse=lambda incoming: UpdateForm(Press.parse(incoming).reference))
async def update_form(call: Invocation[UpdateForm], services: Services) -> Modal:
    """Show the form of an update."""
    found = await services.incidents.find(call.request.reference)
    return _update_form(found.id, found.token, found.impact)


@form("incident.update", parse=Update.parse)
async def update(call: Invocation[Update], services: Services) -> Message:
    """Record an update from the form."""
    request = call.request
    board = await services.incidents.update(
        request.reference, request.text, call.actor, impact=request.impact, receipt=call.receipt
    )
    return _done(board)


def _done(board: Board) -> Message:
    """What the person who acted reads; everybody else sees the header change."""
    found = board.incident
    text = f"{found.id} {found.severity} · {state_text(found)}"
    return Message(text, (lines((Bold(f"{found.id} {found.severity}"), f" · {state_text(found)}")),))


def _list(found: list[tuple[Incident, str]]) -> Message:
    if not found:
        buttons = Buttons((Button("Open incident", "incident.open_form"),))
        return Message("No incident is open.", (lines("No incident is open."), buttons))
    rows: list[Line] = [incident_messages.summary_line(item, title) for item, title in found]
    noun = "incident is" if len(found) == 1 else "incidents are"
    text = f"{len(found)} {noun} open: " + ", ".join(f"{item.id} {item.severity} {item.title}" for item, _ in found)
    return Message(text, (Paragraph(tuple(rows)),))


def _shown(board: Board, events: list[Event]) -> Message:
    shown = incident_messages.header(board)
    return Message(shown.text, (*shown.parts, incident_messages.timeline_lines(tuple(events[-20:]))))


def _system(services: Services, words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The system that the first word names, if it does, and the rest."""
    names = {system.name: system.name for system in services.systems.all()}
    names |= {system.title.lower(): system.name for system in services.systems.all()}
    system = names.get(words[0].lower().rstrip(":,"))
    return (system, words[1:]) if system else ("", words)


def _title(services: Services, system: str) -> str:
    try:
        return services.systems[system].title if system else ""
    except NotFound:
        return system  # An incident outlives its system's configuration.


def _open_form(services: Services, *, system: str = "", severity: Severity | None = None) -> Modal:
    options = tuple(Option(item.title, item.name) for item in services.systems.all())
    known = system if any(option.value == system for option in options) else ""
    return Modal(
        title="Open an incident",
        form="incident.open",
        submit="Open and page",
        fields=(
            ChoiceField("severity", "Severity", _SEVERITIES, initial=(severity or Severity.P1).value),
            ChoiceField("system", "System", options, initial=known, optional=True),
            TextField("title", "What is wrong", placeholder="mail stopped"),
            TextField("impact", "Who notices, and how", optional=True, multiline=True),
        ),
    )


def _update_form(incident_id: str, token: str, impact: str) -> Modal:
    return Modal(
        title=f"Update {incident_id}",
        form="incident.update",
        private=token,
        fields=(
            TextField("text", "How it stands now", optional=True, multiline=True),
            TextField("impact", "Who notices, and how", initial=impact, optional=True, multiline=True),
        ),
    )


LISTENERS: tuple[Listener, ...] = (
    incident,
    opening,
    open_form,
    ack,
    pass_on,
    page_next,
    own_channel,
    mitigate,
    resolve,
    update_form,
    update,
)
