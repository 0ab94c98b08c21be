"""`/incident`: open an incident, say who has it, how it stands, and that it is over."""

from dataclasses import dataclass, replace

from bot.domain.errors import FieldErrors, NotFound, UsageError
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
from bot.incidents import grammar as incident_request
from bot.incidents import messages as incident_messages
from bot.incidents import questions
from bot.incidents.grammar import IncidentRequest
from bot.incidents.model import Event, Incident, Reference, Severity, State
from bot.incidents.system_name import named, nearly_named
from bot.incidents.view import IncidentView, state_text
from bot.requests.invocation import Incoming, Invocation, Listener, button, command, form
from bot.requests.services import Services

USAGE = incident_request.USAGE
DESCRIPTION = "Open an incident, acknowledge it, update it, resolve it"

USUAL = Severity.P1
"""The severity of an incident that is opened without one; the reply says so."""

_SEVERITIES = (
    Option("P0 · it is down for everybody; pages at once", "P0"),
    Option("P1 · a main function is broken; pages at once", "P1"),
    Option("P2 · it hurts, but there is a way around; business hours", "P2"),
    Option("P3 · small; business hours", "P3"),
)


@dataclass(frozen=True, slots=True)
class Press:
    """A press of a button of a page: the incident's opaque id, and the level or the page that the person saw."""

    reference: Reference
    seen: int | None = None
    risk: Risk = Risk.CHANGE

    @classmethod
    def parse(cls, incoming: Incoming) -> "Press":
        """`TOKEN` or `TOKEN:NUMBER`."""
        token, _, seen = incoming.text.partition(":")
        if not token:
            raise UsageError("This button belongs to no incident; /incident list shows the open ones.")
        return cls(Reference(token=token), int(seen) if seen.isdecimal() and len(seen) < 6 else None)


@dataclass(frozen=True, slots=True)
class OpenForm:
    """Asks for the form of a new incident, with what is known already."""

    system: str = ""
    risk: Risk = Risk.READ


@dataclass(frozen=True, slots=True)
class UpdateForm:
    """Asks for the form of an update."""

    reference: Reference
    text: str = ""
    risk: Risk = Risk.READ

    @classmethod
    def parse(cls, incoming: Incoming) -> "UpdateForm":
        """`TOKEN`, or `TOKEN:TEXT` where a text was typed before it was known which incident it is about."""
        request = incident_request.pressed("update", incoming.text)
        return cls(request.reference, request.text)


@dataclass(frozen=True, slots=True)
class Opening:
    """A filled form of a new incident."""

    severity: Severity
    system: str
    title: str
    impact: str
    sure: bool = False
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
class Opened:
    """A press of what opens an incident after a question: what would be typed, and on a second line the impact."""

    request: IncidentRequest
    impact: str
    risk: Risk = Risk.CHANGE

    @classmethod
    def parse(cls, incoming: Incoming) -> "Opened":
        """From the button's value."""
        typed, _, impact = incoming.text.partition("\n")
        return cls(incident_request.parse(f"open {typed}"), impact)


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


@dataclass(frozen=True, slots=True)
class SeverityChange:
    """A filled form of another severity."""

    reference: Reference
    severity: Severity
    reason: str
    risk: Risk = Risk.CHANGE

    @classmethod
    def parse(cls, incoming: Incoming) -> "SeverityChange":
        """From the form's fields; the reason must say something."""
        reason = incoming.fields.get("reason", "").strip()
        if not reason:
            raise FieldErrors({"reason": "Say why, such as: half of the mail is lost"})
        return cls(Reference(token=incoming.private), incident_request.severity_of(incoming.fields["severity"]), reason)


def _typed(incoming: Incoming) -> IncidentRequest:
    return incident_request.parse(incoming.text, room=incoming.channel)


def _pressed(incoming: Incoming) -> IncidentRequest:
    return incident_request.pressed(incoming.key.rpartition(".")[2], incoming.text)


def _reopened_as(incoming: Incoming) -> IncidentRequest:
    return replace(incident_request.pressed("severity", incoming.text), verb="reopen")


@command("/incident", usage=USAGE, description=DESCRIPTION, parse=_typed)
async def incident(call: Invocation[IncidentRequest], services: Services) -> Message | Modal:
    """Whatever the verb says; what changes something is one transaction with its messages."""
    request, incidents = call.request, services.incidents
    if request.verb == "open":
        return await _open(call, services, request)
    if request.verb == "list":
        return _list(
            [(found, _title(services, found.system)) for found in await incidents.unresolved()], services.clock.now()
        )
    if request.verb == "show":
        return _shown(*await incidents.view(request.reference))
    meant = await incidents.meant(request.reference, request.verb)
    if len(meant) > 1:
        titles = [_title(services, found.system) for found in meant]
        typed = f"{request.severity} {request.text}" if request.severity else request.text
        return questions.which_incident(request.verb, meant, titles, typed)
    if not meant:
        raise NotFound(f"No incident is open. Name one to {request.verb}: /incident {request.verb} INC-1")
    return await _act(call, services, replace(request, reference=Reference(id=meant[0].id)))


Acting = Invocation[IncidentRequest] | Invocation[SeverityChange]
Opens = Invocation[IncidentRequest] | Invocation[Opened] | Invocation[Opening]


async def _act(call: Acting, services: Services, request: IncidentRequest) -> Message | Modal:
    """What is done to one incident."""
    incidents, reference, receipt = services.incidents, request.reference, call.receipt
    if request.verb == "update":
        return await _update(call, services, request)
    if request.verb == "severity" and request.severity is not None:
        return await _change_severity(call, services, request, request.severity)
    if request.verb == "ack":
        return _done(await incidents.acknowledge(reference, call.actor, receipt=receipt))
    if request.verb == "reopen":
        severity, text = request.severity, request.text
        return _done(await incidents.reopen(reference, call.actor, severity=severity, text=text, receipt=receipt))
    return await _end(call, services, request)


async def _update(call: Acting, services: Services, request: IncidentRequest) -> Message | Modal:
    if request.wants_form:
        found = await services.incidents.find(request.reference)
        return _update_form(found.id, found.token, found.impact)
    return _updated(await services.incidents.update(request.reference, request.text, call.actor, receipt=call.receipt))


async def _change_severity(
    call: Acting, services: Services, request: IncidentRequest, severity: Severity
) -> Message | Modal:
    """With a reason; asked before it silences what nobody has answered, and where a raised one would page nobody."""
    incidents = services.incidents
    found = await incidents.find(request.reference)
    if request.wants_form:
        return _severity_form(found, severity)
    silence = None if request.sure else incidents.silenced(found, severity)
    if silence is not None:
        return questions.silences(found, severity, silence.next_at, request.text)
    if found.state is State.MITIGATED and severity.rank < found.severity.rank and not request.sure:
        return questions.pages_nobody(found, severity, request.text)
    view = await incidents.change_severity(
        request.reference, severity, call.actor, reason=request.text, receipt=call.receipt
    )
    return _done(view)


async def _end(call: Acting, services: Services, request: IncidentRequest) -> Message:
    """Mitigated or resolved; asked while checks are critical."""
    incidents = services.incidents
    found = await incidents.find(request.reference)
    critical = await incidents.critical(found) if found.state is not State.RESOLVED else ()
    if critical and not request.sure:
        return questions.still_critical(found, request.verb, critical, request.text)
    end = incidents.mitigate if request.verb == "mitigate" else incidents.resolve
    return _done(await end(request.reference, call.actor, text=request.text, despite=critical, receipt=call.receipt))


async def _open(call: Opens, services: Services, request: IncidentRequest, impact: str = "") -> Message | Modal:
    """A severity and a system are enough; a title alone opens a P1 at once: at night a form costs a minute.

    What may be meant otherwise is asked: a severity inside the title, and a name that is nearly a system's.
    """
    if request.wants_form:
        return _open_form(services, severity=request.severity)
    names = _names(services)
    system, words = named(request.words, names)
    severity = request.severity
    if system and severity is None:
        # `newsletter P0: mail stopped` means what it says: as a title, the P0 would page as a P1.
        severity, rest = incident_request.leading_severity(list(words))
        words = tuple(rest)
    if not request.sure:
        within = incident_request.severity_within(words) if severity is None else None
        if within is not None:
            return questions.which_severity(within, USUAL, system, words)
        near, after = ("", words) if system else nearly_named(words, names)
        if near:
            miss = questions.NearMiss(near, _title(services, near), " ".join(words), " ".join(after))
            return questions.which_system(severity or USUAL, miss, impact)
    title = " ".join(words) or f"{_title(services, system)} is in trouble"
    return await _opened(call, services, Opening(severity or USUAL, system, title, impact, sure=request.sure))


async def _opened(call: Opens, services: Services, opening: Opening) -> Message:
    """Open it, unless something of the same system is not over: then that is pointed out first."""
    if opening.system and not opening.sure:
        known = [it for it in await services.incidents.unresolved() if it.system == opening.system]
        if known:
            title = _title(services, opening.system)
            return questions.another(
                known,
                opening.severity,
                title,
                title=opening.title,
                impact=opening.impact,
                now=services.clock.now(),
            )
    view = await services.incidents.open(
        opening.title,
        opening.severity,
        call.actor,
        system=opening.system,
        impact=opening.impact,
        receipt=call.receipt,
    )
    return incident_messages.opened(view)


@form("incident.open", parse=Opening.parse)
async def opening(call: Invocation[Opening], services: Services) -> Message:
    """Open an incident from the form."""
    return await _opened(call, services, call.request)


@button("incident.open", parse=Opened.parse)
async def open_button(call: Invocation[Opened], services: Services) -> Message | Modal:
    """Open it as the answer to a question says."""
    return await _open(call, services, call.request.request, call.request.impact)


@button("incident.open_form", parse=lambda incoming: OpenForm(incoming.text))
async def open_form(call: Invocation[OpenForm], services: Services) -> Modal:
    """Show the form of a new incident; the value is the system, or nothing."""
    return _open_form(services, system=call.request.system)


@button("incident.ack", parse=_pressed)
async def ack(call: Invocation[IncidentRequest], services: Services) -> Message | Modal:
    """The person has it."""
    return await _act(call, services, call.request)


@button("incident.pass_on", parse=Press.parse)
async def pass_on(call: Invocation[Press], services: Services) -> Message:
    """The person cannot take it."""
    request = call.request
    view = await services.incidents.pass_on(request.reference, call.actor, ping=request.seen, receipt=call.receipt)
    return _done(view)


@button("incident.page_next", parse=Press.parse)
async def page_next(call: Invocation[Press], services: Services) -> Message:
    """Page the next level now."""
    request = call.request
    view = await services.incidents.page_next(request.reference, call.actor, level=request.seen, receipt=call.receipt)
    return _done(view)


@button("incident.room", parse=Press.parse)
async def own_channel(call: Invocation[Press], services: Services) -> Message:
    """A channel of its own, for an incident whose severity brings none."""
    view = await services.incidents.want_room(call.request.reference, call.actor, receipt=call.receipt)
    return Message.plain(f"{view.incident.id} gets a channel of its own in a moment.")


@button("incident.mitigate", parse=_pressed)
async def mitigate(call: Invocation[IncidentRequest], services: Services) -> Message | Modal:
    """The harm is stopped."""
    return await _act(call, services, call.request)


@button("incident.resolve", parse=_pressed)
async def resolve(call: Invocation[IncidentRequest], services: Services) -> Message | Modal:
    """It is over."""
    return await _act(call, services, call.request)


@button("incident.reopen", parse=_pressed)
async def reopen(call: Invocation[IncidentRequest], services: Services) -> Message | Modal:
    """It is broken again."""
    return await _act(call, services, call.request)


@button("incident.reopen_as", parse=_reopened_as)
async def reopen_as(call: Invocation[IncidentRequest], services: Services) -> Message | Modal:
    """It is broken again, and worse than it was."""
    return await _act(call, services, call.request)


@button("incident.severity", parse=_pressed)
async def severity(call: Invocation[IncidentRequest], services: Services) -> Message | Modal:
    """Another severity, as the answer to a question says."""
    return await _act(call, services, call.request)


@form("incident.severity", parse=SeverityChange.parse)
async def severity_form(call: Invocation[SeverityChange], services: Services) -> Message | Modal:
    """Another severity from the form."""
    request = call.request
    words = tuple(request.reason.split())
    return await _act(call, services, IncidentRequest("severity", request.reference, request.severity, words))


@button("incident.update_form", parse=UpdateForm.parse)
async def update_form(call: Invocation[UpdateForm], services: Services) -> Modal:
    """Show the form of an update."""
    found = await services.incidents.find(call.request.reference)
    return _update_form(found.id, found.token, found.impact, call.request.text)


@form("incident.update", parse=Update.parse)
async def update(call: Invocation[Update], services: Services) -> Message:
    """Record an update from the form."""
    request = call.request
    view = await services.incidents.update(
        request.reference, request.text, call.actor, impact=request.impact, receipt=call.receipt
    )
    return _updated(view)


def _done(view: IncidentView) -> Message:
    """What the person who acted reads; everybody else sees the header change."""
    found = view.incident
    text = f"{found.id} {found.severity} · {state_text(found)}"
    return Message(text, (lines((Bold(f"{found.id} {found.severity}"), f" · {state_text(found)}")),))


def _updated(view: IncidentView) -> Message:
    """As `_done`; of a mitigated incident with the way back, since nobody is paged for it any more."""
    found, done = view.incident, _done(view)
    if found.state is not State.MITIGATED:
        return done
    asked = lines(f"Nobody is paged for it any more. Broken again? /incident reopen {found.id}")
    return Message(done.text, (*done.parts, asked, Buttons((incident_messages.reopen_button(found),))))


def _list(found: list[tuple[Incident, str]], now: int) -> Message:
    if not found:
        buttons = Buttons((Button("Open incident", "incident.open_form"),))
        return Message("No incident is open.", (lines("No incident is open."), buttons))
    rows: list[Line] = [incident_messages.summary_line(item, title, now) for item, title in found]
    noun = "incident is" if len(found) == 1 else "incidents are"
    text = f"{len(found)} {noun} open: " + ", ".join(f"{item.id} {item.severity} {item.title}" for item, _ in found)
    return Message(text, (Paragraph(tuple(rows)),))


def _shown(view: IncidentView, events: list[Event]) -> Message:
    shown = incident_messages.header(view)
    return Message(shown.text, (*shown.parts, incident_messages.timeline_lines(tuple(events[-20:]), view.now)))


def _names(services: Services) -> dict[str, str]:
    """What a person may write for each system."""
    systems = services.systems.all()
    return {it.title.lower(): it.name for it in systems} | {it.name.lower(): it.name for it in systems}


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
            ChoiceField("severity", "Severity", _SEVERITIES, initial=(severity or USUAL).value),
            ChoiceField("system", "System", options, initial=known, optional=True),
            TextField("title", "What is wrong", placeholder="mail stopped"),
            TextField("impact", "Who notices, and how", optional=True, multiline=True),
        ),
    )


def _severity_form(found: Incident, severity: Severity) -> Modal:
    return Modal(
        title=f"Severity of {found.id}",
        form="incident.severity",
        private=found.token,
        submit="Change",
        fields=(
            ChoiceField("severity", f"From {found.severity} to", _SEVERITIES, initial=severity.value),
            TextField("reason", "Why", placeholder="half of the mail is lost"),
        ),
    )


def _update_form(incident_id: str, token: str, impact: str, text: str = "") -> Modal:
    return Modal(
        title=f"Update {incident_id}",
        form="incident.update",
        private=token,
        fields=(
            TextField("text", "How it stands now", initial=text, optional=True, multiline=True),
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
    reopen,
    reopen_as,
    severity,
    severity_form,
    open_button,
    update_form,
    update,
)
