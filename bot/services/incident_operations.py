"""An incident's operations: shown in its thread and its own channel, and told on its timeline."""

from bot.domain import incident_operations, operation_messages
from bot.domain.operation import Operation
from bot.services import incident_records, outbox
from bot.store import Tx


def show(tx: Tx, operation: Operation, now: int) -> None:
    """Bring what an incident says of its operation up to date; each state is told once."""
    header = f"incident:{operation.incident}"
    if not operation.incident or tx.one("message_place", key=header) is None:
        return
    message, key = operation_messages.in_incident(operation), f"{operation.key}:incident"
    outbox.post(tx, key=key, channel=operation.channel, message=message, now=now, thread=header)
    row = tx.one("lock_incident", id=operation.incident)
    if row is None:
        return
    incident = incident_records.of_row(row)
    if incident.in_room:
        outbox.post(tx, key=f"{key}:{incident.room}", channel=incident.room, message=message, now=now)
    told = incident_operations.told(operation)
    if told is not None and tx.one("event_told", incident=incident.id, kind="operation", text=told[1]) is None:
        incident_records.add_event(tx, incident, at=now, person=told[0], kind="operation", text=told[1])
