"""What an incident's timeline says of an operation: asked for, decided, ended; by whom."""

from bot.domain.one_line import one_line
from bot.domain.operation import REASON_LIMIT, Operation, State
from bot.domain.people import STEWARD


def told(operation: Operation) -> tuple[str, str] | None:
    """The person and what they did, as of the operation's state; None for one that nothing is told of."""
    what, decider = f"{operation.id} {operation.plan.title}", operation.decided_by or STEWARD.person
    requester, steward = operation.requester.person, STEWARD.person
    agreed = f"approved {what}" if operation.approved_by else f"confirmed {what}"
    reason = one_line(operation.cause or operation.note)[:REASON_LIMIT]
    why = f": {reason}" if reason else ""
    return {
        State.PENDING: (requester, f"asked for {what}"),
        State.APPROVED: (decider, f"started {what} without an approval" if operation.emergency else agreed),
        State.UNKNOWN: (steward, f"does not know the outcome of {what}"),
        State.SUCCEEDED: (steward, f"did {what}"),
        State.FAILED: (steward, f"could not do {what}{why}"),
        State.DENIED: (decider, f"denied {what}{why}"),
        State.EXPIRED: (steward, f"let {what} expire"),
        State.CANCELLED: (decider, f"cancelled {what}{why}"),
        State.VOID: (steward, f"dropped {what}{why}"),
    }.get(operation.state)
