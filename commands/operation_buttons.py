"""The buttons and forms of every operation: decide, look at the plan, undo, settle what is unknown, sign a review."""

from dataclasses import dataclass

from bot.domain.errors import FieldErrors, UsageError
from bot.domain.message import Message, Modal, TextField, lines
from bot.domain.policy import Risk
from bot.operations import replies as operation_replies
from bot.operations.actions.lock_publishing import LockPublishing
from bot.operations.model import Operation, State
from bot.requests.invocation import Incoming, Invocation, button, form
from bot.requests.services import Services


@dataclass(frozen=True, slots=True)
class Press:
    """A press that changes something: the operation's opaque id. What the person may do is checked at the click."""

    token: str
    risk: Risk = Risk.CHANGE

    @classmethod
    def parse(cls, incoming: Incoming) -> "Press":
        """The button's value."""
        return cls(_token(incoming.text))


@dataclass(frozen=True, slots=True)
class Look:
    """A press that only shows something, or opens a form."""

    token: str
    risk: Risk = Risk.READ

    @classmethod
    def parse(cls, incoming: Incoming) -> "Look":
        """The button's value."""
        return cls(_token(incoming.text))


@dataclass(frozen=True, slots=True)
class Words:
    """A form with one text: why it is denied, or the target's name."""

    token: str
    text: str
    risk: Risk = Risk.CHANGE

    @classmethod
    def parse(cls, incoming: Incoming) -> "Words":
        """The form's only field; empty is a field error."""
        text = incoming.fields.get("text", "").strip()
        if not text:
            raise FieldErrors({"text": "This is needed; write a few words."})
        return cls(_token(incoming.private), text)


@button("operation.approve", parse=Press.parse, decides=True)
async def approve(call: Invocation[Press], services: Services) -> None:
    """Approve; the message in the channel tells the rest."""
    await services.operations.decide(call.request.token, call.actor, "approve", receipt=call.receipt)


@button("operation.deny", parse=Look.parse, decides=True)
async def deny(call: Invocation[Look], services: Services) -> Modal:
    """Ask why before anything is denied."""
    operation = await services.operations.find(call.request.token)
    reason = TextField("text", "Why?", placeholder="What should happen instead", multiline=True)
    intro = (lines(f"{operation.id}: {operation.plan.title}"),)
    return Modal("Deny the request", "operation.deny_form", (reason,), "Deny", operation.token, intro)


@form("operation.deny_form", parse=Words.parse, decides=True)
async def denied(call: Invocation[Words], services: Services) -> None:
    """Deny with the reason."""
    await services.operations.decide(call.request.token, call.actor, "deny", call.request.text, receipt=call.receipt)


@button("operation.cancel", parse=Press.parse, in_place=True)
async def cancel(call: Invocation[Press], services: Services) -> Message:
    """Withdraw one's own request."""
    operation = await services.operations.decide(call.request.token, call.actor, "cancel", receipt=call.receipt)
    return Message.plain(f"{operation.id} is cancelled; nothing ran.")


@button("operation.confirm", parse=Press.parse, in_place=True)
async def confirm(call: Invocation[Press], services: Services) -> Message:
    """Run a change whose plan the requester has seen; where it needs others by now, they are asked."""
    operation = await services.operations.decide(call.request.token, call.actor, "confirm", receipt=call.receipt)
    return operation_replies.proposed(operation) if operation.state is State.PENDING else _running(operation)


@button("operation.plan", parse=Look.parse, decides=True)
async def full_plan(call: Invocation[Look], services: Services) -> Message:
    """The whole plan, to the person who asks."""
    return operation_replies.full_plan(await services.operations.find(call.request.token))


@button("operation.undo", parse=Press.parse)
async def undo(call: Invocation[Press], services: Services) -> Message:
    """Take it back; a late undo becomes a request of its own."""
    operation = await services.operations.undo(call.request.token, call.actor, receipt=call.receipt)
    return _running(operation) if operation.undo_of else operation_replies.proposed(operation)


@button("operation.observe", parse=Press.parse)
async def observe(call: Invocation[Press], services: Services) -> Message:
    """Look again at what came of it."""
    operation = await services.operations.observe(call.request.token, call.actor, receipt=call.receipt)
    return Message.plain(f"Looking again at {operation.id}; its message will tell.")


@button("operation.happened", parse=Press.parse)
async def happened(call: Invocation[Press], services: Services) -> None:
    """A person saw that it happened."""
    await services.operations.settle_unknown(call.request.token, call.actor, happened=True, receipt=call.receipt)


@button("operation.not_happened", parse=Press.parse)
async def not_happened(call: Invocation[Press], services: Services) -> None:
    """A person saw that it did not."""
    await services.operations.settle_unknown(call.request.token, call.actor, happened=False, receipt=call.receipt)


@button("operation.emergency", parse=Press.parse, in_place=True)
async def emergency(call: Invocation[Press], services: Services) -> Message:
    """Run alone what has an undo."""
    return await _alone(call, services, "")


@button("operation.emergency_named", parse=Look.parse)
async def emergency_named(call: Invocation[Look], services: Services) -> Modal:
    """What has no undo needs the target's name, typed."""
    operation = await services.operations.find(call.request.token)
    name = TextField("text", f"Type {operation.target} to run it alone")
    warning = lines("This has no undo. The next level is paged, and someone else must review it afterwards.")
    return Modal("Emergency run", "operation.emergency_form", (name,), "Run alone", operation.token, (warning,))


@form("operation.emergency_form", parse=Words.parse)
async def emergency_typed(call: Invocation[Words], services: Services) -> Message:
    """Run alone what has no undo."""
    return await _alone(call, services, call.request.text)


@button("operation.lock", parse=Press.parse)
async def lock(call: Invocation[Press], services: Services) -> Message:
    """Plan the step that a rollback left; the requester confirms it."""
    left = await services.operations.find(call.request.token)
    action = await LockPublishing.of(services.systems, left.system, left.targets[0])
    operation = await services.operations.propose(
        action, call.actor, f"left by {left.id}", incident=left.incident, receipt=call.receipt
    )
    return operation_replies.proposed(operation)


@button("operation.review", parse=Press.parse)
async def review(call: Invocation[Press], services: Services) -> Message:
    """Sign that somebody else looked at an emergency run."""
    operation = await services.operations.approvals.sign(call.request.token, call.actor, receipt=call.receipt)
    return Message.plain(f"You signed the review of {operation.id}.")


async def _alone(call: Invocation[Press] | Invocation[Words], services: Services, typed: str) -> Message:
    operation = await services.operations.decide(
        call.request.token, call.actor, "emergency", typed, receipt=call.receipt
    )
    return _running(operation)


def _running(operation: Operation) -> Message:
    return Message.plain(f"{operation.id} runs now: {operation.plan.title}. Its message in the channel tells the rest.")


def _token(text: str) -> str:
    token = text.strip()
    # A number can be guessed, and is for the command line: a button that carries one was made by somebody else.
    guessed = token.upper().removeprefix("OP-").isdigit()
    if not token or len(token) > 64 or not token.isascii() or guessed:
        raise UsageError("This button belongs to no operation; it may be from another installation.")
    return token


LISTENERS = (
    approve,
    deny,
    denied,
    cancel,
    confirm,
    full_plan,
    undo,
    observe,
    happened,
    not_happened,
    emergency,
    emergency_named,
    emergency_typed,
    lock,
    review,
)
