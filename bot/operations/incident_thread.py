"""An incident's operations: shown in its thread and its own channel, and told on its timeline."""

from bot.domain.one_line import one_line
from bot.domain.people import STEWARD
from bot.incidents import rows as incident_rows
from bot.operations import messages as operation_messages
from bot.operations.model import REASON_LIMIT, Operation, State
from bot.outbox import service as outbox
from bot.store import Tx


def show(tx: Tx, operation: Operation, now: int) -> None:
    """Bring what an incident says of its operation up to date; each state is told once."""
    header = f"incident:{operation.incident}"
    if not operation.incident or not outbox.is_queued(tx, header):
        return
    message, key = operation_messages.in_incident(operation), f"{operation.key}:incident"
    outbox.post(tx, key=key, channel=operation.channel, message=message, now=now, thread=header)
    row = tx.one("lock_incident", id=operation.incident)
    if row is None:
        return
    incident = incident_rows.of_row(row)
    if incident.in_room:
        outbox.post(tx, key=f"{key}:{incident.room}", channel=incident.room, message=message, now=now)
    event = told(operation)
    if event is not None and tx.one("event_told", incident=incident.id, kind="operation", text=event[1]) is None:
        incident_rows.add_event(tx, incident, at=now, person=event[0], kind="operation", text=event[1])


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
