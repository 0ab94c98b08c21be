"""Buttons of `/queue` and `/health` that propose a change: retry, clear, remove, restart, and what adapters offer."""

from dataclasses import dataclass

from bot.domain.errors import FieldErrors, Refused, UsageError
from bot.domain.message import ChoiceField, Message, Modal, Option, TextField, lines
from bot.domain.policy import Risk
from bot.operations import replies as operation_replies
from bot.operations.action import OFFERED, Action
from bot.operations.actions.clear_stuck import ClearStuck
from bot.operations.actions.remove_expired import RemoveExpired
from bot.operations.actions.restart import Restart
from bot.operations.actions.retry_failed import RetryFailed
from bot.requests.invocation import Incoming, Invocation, button, form
from bot.requests.services import Services

ALL_SERVICES = "*"
"""The value of "every service but the databases"."""


@dataclass(frozen=True, slots=True)
class OnQueue:
    """A button of a queue's message: `SYSTEM QUEUE`."""

    system: str
    queue: str
    risk: Risk = Risk.CHANGE

    @classmethod
    def parse(cls, incoming: Incoming) -> "OnQueue":
        """Both names; they are looked up by the handler."""
        system, queue = _names(incoming.text, 2)
        return cls(system, queue)

    @classmethod
    def look(cls, incoming: Incoming) -> "OnQueue":
        """As `parse`, for a button that only opens a form."""
        system, queue = _names(incoming.text, 2)
        return cls(system, queue, Risk.READ)


@dataclass(frozen=True, slots=True)
class ClearForm:
    """Why the stuck entries of a queue are to be removed."""

    system: str
    queue: str
    reason: str
    risk: Risk = Risk.P0

    @classmethod
    def parse(cls, incoming: Incoming) -> "ClearForm":
        """The reason is needed."""
        reason = incoming.fields.get("reason", "").strip()
        if not reason:
            raise FieldErrors({"reason": "Say why: whoever approves needs to know."})
        system, queue = _names(incoming.private, 2)
        return cls(system, queue, reason)


@dataclass(frozen=True, slots=True)
class OnSystem:
    """A button of a system's message."""

    system: str
    risk: Risk = Risk.READ

    @classmethod
    def parse(cls, incoming: Incoming) -> "OnSystem":
        """The system's name."""
        return cls(incoming.text.strip().lower())


@dataclass(frozen=True, slots=True)
class RestartForm:
    """What to restart, and why."""

    system: str
    components: tuple[str, ...]
    reason: str
    risk: Risk = Risk.CHANGE

    @classmethod
    def parse(cls, incoming: Incoming) -> "RestartForm":
        """The first component and the reason are needed."""
        names = [incoming.fields.get(field, "") for field in ("first", "second", "third")]
        reason = incoming.fields.get("reason", "").strip()
        problems = {} if names[0] else {"first": "Choose what to restart."}
        if not reason:
            problems["reason"] = "Say why."
        if problems:
            raise FieldErrors(problems)
        return cls(incoming.private, tuple(name for name in names if name), reason)


@dataclass(frozen=True, slots=True)
class OnConnection:
    """A button of what an adapter offers: `SYSTEM CONNECTION ACTION`; and its form, with the reason."""

    system: str
    connection: str
    action: str
    reason: str = ""
    risk: Risk = Risk.READ

    @classmethod
    def parse(cls, incoming: Incoming) -> "OnConnection":
        """The three names; they are looked up by the handler."""
        system, connection, action = _names(incoming.text, 3)
        return cls(system, connection, action)

    @classmethod
    def filled(cls, incoming: Incoming) -> "OnConnection":
        """The reason is needed. What the action itself risks is asked of the policy when it is proposed."""
        reason = incoming.fields.get("reason", "").strip()
        if not reason:
            raise FieldErrors({"reason": "Say why."})
        system, connection, action = _names(incoming.private, 3)
        return cls(system, connection, action, reason, Risk.CHANGE)


@button("queue.retry_failed", parse=OnQueue.parse)
async def retry_failed(call: Invocation[OnQueue], services: Services) -> Message:
    """Plan a retry of the jobs that are failed now; the requester confirms it."""
    action = await RetryFailed.of(services.systems, call.request.system, call.request.queue)
    return await _propose(call, services, action, "")


@button("queue.remove_expired", parse=OnQueue.parse)
async def remove_expired(call: Invocation[OnQueue], services: Services) -> Message:
    """Plan the removal of the entries that are expired now; the requester confirms it."""
    action = await RemoveExpired.of(services.systems, services.clock, call.request.system, call.request.queue)
    return await _propose(call, services, action, "")


@button("queue.clear_stuck", parse=OnQueue.look)
async def clear_stuck(call: Invocation[OnQueue], services: Services) -> Modal:
    """Ask why, where there is something stuck at all."""
    request = call.request
    action = await ClearStuck.of(services.systems, services.clock, request.system, request.queue)
    incident = await services.operations.open_incident(request.system)
    reason = TextField("reason", "Why?", initial=incident.title if incident else "")
    intro = (lines(f"{action.entries.named}: {action.entries.sample}. Someone else approves; it can be put back."),)
    private = f"{request.system} {request.queue}"
    return Modal("Clear stuck entries", "queue.clear_stuck_form", (reason,), "Plan it", private, intro)


@form("queue.clear_stuck_form", parse=ClearForm.parse)
async def clear_stuck_chosen(call: Invocation[ClearForm], services: Services) -> Message:
    """Plan the removal of what is stuck now and ask for its approval."""
    request = call.request
    action = await ClearStuck.of(services.systems, services.clock, request.system, request.queue)
    return await _propose(call, services, action, request.reason)


@button("restart.choose", parse=OnSystem.parse)
async def restart(call: Invocation[OnSystem], services: Services) -> Modal:
    """Ask what to restart, one or several."""
    system = services.systems[call.request.system]
    found = [component for component in system.components.values() if component.restarter is not None]
    if not found:
        raise Refused(f"{system.name} has no service that can be restarted from here.")
    options = [
        Option(f"{each.name} (database: needs approval)" if each.database else each.name, each.name) for each in found
    ]
    plain = [each.name for each in found if not each.database]
    if len(plain) > 1:
        options.append(Option("every service but the databases", ALL_SERVICES))
    incident = await services.operations.open_incident(system.name)
    more = tuple(
        ChoiceField(field, "and", tuple(options), optional=True) for field in ("second", "third")[: len(found) - 1]
    )
    reason = TextField("reason", "Why?", initial=incident.title if incident else "")
    first = ChoiceField("first", "Restart", tuple(options))
    return Modal(f"Restart {system.title}"[:24], "restart.form", (first, *more, reason), "Plan it", system.name)


@form("restart.form", parse=RestartForm.parse)
async def restart_chosen(call: Invocation[RestartForm], services: Services) -> Message:
    """Plan the restart; the requester confirms it, or for a database someone else approves."""
    request = call.request
    names = list(request.components)
    if ALL_SERVICES in names:
        components = services.systems[request.system].components.values()
        every = [each.name for each in components if each.restarter is not None and not each.database]
        names = [*every, *(name for name in names if name != ALL_SERVICES)]
    action = await Restart.of(services.systems, request.system, names)
    return await _propose(call, services, action, request.reason)


@button(OFFERED, parse=OnConnection.parse)
async def offered(call: Invocation[OnConnection], services: Services) -> Modal:
    """Ask why, where it is offered and there is something to do."""
    request, actions = call.request, services.operations.actions
    await actions.of_connection(request.action, request.system, request.connection)
    incident = await services.operations.open_incident(request.system)
    reason = TextField("reason", "Why?", initial=incident.title if incident else "")
    private = f"{request.system} {request.connection} {request.action}"
    title, intro = actions.label(request.action).rstrip("…")[:24], (lines(f"{request.system}/{request.connection}"),)
    return Modal(title, "action.form", (reason,), "Plan it", private, intro)


@form("action.form", parse=OnConnection.filled)
async def offered_chosen(call: Invocation[OnConnection], services: Services) -> Message:
    """Plan it; who confirms or approves it is up to its risk."""
    request = call.request
    action = await services.operations.actions.of_connection(request.action, request.system, request.connection)
    return await _propose(call, services, action, request.reason)


async def _propose(
    call: Invocation[OnQueue] | Invocation[ClearForm] | Invocation[RestartForm] | Invocation[OnConnection],
    services: Services,
    action: Action,
    reason: str,
) -> Message:
    operation = await services.operations.propose(action, call.actor, reason, receipt=call.receipt)
    return operation_replies.proposed(operation)


def _names(text: str, count: int) -> list[str]:
    words = text.split()
    if len(words) != count:
        raise UsageError("This button is of an earlier version; type the command again.")
    return words


LISTENERS = (
    retry_failed,
    remove_expired,
    clear_stuck,
    clear_stuck_chosen,
    restart,
    restart_chosen,
    offered,
    offered_chosen,
)
