"""Operations in the ledger: rows to values, the journal, and the messages that follow every change of state."""

import json
from collections.abc import Sequence
from typing import Any

from bot.domain.errors import NotFound
from bot.domain.people import Actor
from bot.domain.policy import Risk
from bot.operations import incident_thread
from bot.operations import messages as operation_messages
from bot.operations.action import Result, Trace
from bot.operations.model import ENDED, Approver, Operation, State
from bot.operations.plan import Plan
from bot.outbox import service as outbox
from bot.store import Row, Tx


def find(tx: Tx, reference: str) -> Operation:
    """An operation by its token or by `OP-88`; raises `NotFound`."""
    row = tx.one("operation_by_token", token=reference)
    number = reference.upper().removeprefix("OP-")
    if row is None and number.isascii() and number.isdigit() and len(number) < 18:
        row = tx.one("operation_by_number", number=int(number))
    if row is None:
        if reference.upper().startswith("OP-"):
            raise NotFound(f"There is no operation {reference}; its number stands in the request's message.")
        raise NotFound("There is no such operation; the button may belong to another installation or be forged.")
    return from_row(tx, row)


def locked(tx: Tx, reference: str) -> Operation:
    """As `find`, and nobody else decides on it until this transaction ends."""
    operation = find(tx, reference)
    tx.one("lock_operation", number=operation.number)
    return by_number(tx, operation.number)


def by_number(tx: Tx, number: int) -> Operation:
    """An operation that exists."""
    return find(tx, str(number))


def from_row(tx: Tx, row: Row) -> Operation:
    """A row and its approvals as a value."""
    approvals = tuple(each["person"] for each in tx.all("approvals_of_operation", number=row["number"]))
    return Operation(
        number=row["number"],
        token=row["token"],
        action=row["action"],
        parameters=row["parameters"],
        system=row["system"],
        targets=tuple(json.loads(row["targets"])),
        risk=Risk(row["risk"]),
        state=State(row["state"]),
        requester=Actor(row["requester"], row["requester_slack"], row["requester_via"]),
        on_call=bool(row["on_call"]),
        reason=row["reason"],
        incident=row["incident"],
        severity=row["severity"],
        channel=row["channel"],
        plan=Plan.load(row["plan"]),
        fingerprint=row["fingerprint"],
        approvals_needed=row["approvals_needed"],
        approver_roles=frozenset(json.loads(row["approver_roles"])),
        approvers=tuple(Approver(*each) for each in json.loads(row["approvers"])),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        approved_by=approvals,
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
        note=row["note"],
        emergency=bool(row["emergency"]),
        reviewed_by=row["reviewed_by"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        verified=row["verified"],
        verification=row["verification"],
        left_to_do=row["left_to_do"],
        cause=row["cause"],
        undo_of=row["undo_of"],
        undone_by=row["undone_by"],
        undo_until=row["undo_until"],
    )


def insert(tx: Tx, operation: Operation) -> None:
    """Store a new operation."""
    pending = operation.state is State.PENDING
    tx.run(
        "insert_operation",
        number=operation.number,
        token=operation.token,
        action=operation.action,
        parameters=operation.parameters,
        system=operation.system,
        targets=json.dumps(operation.targets),
        risk=operation.risk.value,
        state=operation.state.value,
        requester=operation.requester.person,
        requester_slack=operation.requester.slack,
        requester_via=operation.requester.via,
        on_call=int(operation.on_call),
        reason=operation.reason,
        incident=operation.incident,
        severity=operation.severity,
        channel=operation.channel,
        plan=operation.plan.dump(),
        fingerprint=operation.fingerprint,
        approvals_needed=operation.approvals_needed,
        approver_roles=json.dumps(sorted(operation.approver_roles)),
        approvers=_approvers(operation),
        created_at=operation.created_at,
        expires_at=operation.expires_at,
        next_ping_at=operation.approvers[0].at if pending and operation.approvers else None,
        decided_at=operation.decided_at,
        decided_by=operation.decided_by,
        undo_of=operation.undo_of,
    )


def ask(tx: Tx, operation: Operation) -> None:
    """Turn a draft into a request that others must approve."""
    tx.run(
        "ask_for_approval",
        number=operation.number,
        risk=operation.risk.value,
        approvals_needed=operation.approvals_needed,
        approver_roles=json.dumps(sorted(operation.approver_roles)),
        approvers=_approvers(operation),
        expires_at=operation.expires_at,
        next_ping_at=operation.approvers[0].at if operation.approvers else None,
    )


def traces(tx: Tx, operation: Operation) -> tuple[Trace, ...]:
    """The steps that were begun, in order, with what the journal knows of each."""
    rows = tx.all("journal_of_operation", number=operation.number)
    results: dict[int, Any] = {row["step"]: row for row in rows if row["phase"] == "result"}
    return tuple(
        Trace(
            operation.plan.steps[row["step"]],
            row["data"],
            Result(results[row["step"]]["text"], results[row["step"]]["data"]) if row["step"] in results else None,
        )
        for row in rows
        if row["phase"] == "intent" and row["step"] >= 0
    )


def release(tx: Tx, operation: Operation, now: int, *, in_vain: bool) -> None:
    """Free its locks; where it was an undo that came to nothing, the original may be undone again."""
    tx.run("release_operation_locks", number=operation.number)
    if in_vain and operation.undo_of and tx.run("unmark_undone", number=operation.undo_of, by=operation.number):
        publish(tx, operation.undo_of, now)


def nothing_left(tx: Tx, operation: Operation, now: int) -> None:
    """It succeeded, so what an earlier one of the same target left to do is done, or no longer matters."""
    targets = json.dumps(operation.targets)
    for row in tx.all("operations_with_something_left", system=operation.system, targets=targets):
        if row["number"] < operation.number:
            tx.run("nothing_left_to_do", number=row["number"])
            publish(tx, row["number"], now)


def effective(done: Sequence[Trace], state: State) -> tuple[Trace, ...]:
    """The steps that an undo takes back: all of what succeeded, of what failed only those with a result."""
    return tuple(trace for trace in done if state is State.SUCCEEDED or trace.result is not None)


def publish(tx: Tx, number: int, now: int) -> Operation:
    """Bring the operation's message in the channel, and its copies to those pinged, up to date."""
    operation = by_number(tx, number)
    if operation.state is State.DRAFT or _never_shown(tx, operation):
        return operation
    message = operation_messages.request(operation, now)
    fallback = f"@{operation.requester.slack}" if operation.requester.slack else None
    outbox.post(tx, key=operation.key, channel=operation.channel, message=message, now=now, fallback=fallback)
    for approver in operation.approvers:
        key = copy_key(operation, approver)
        if outbox.is_queued(tx, key):
            outbox.post(tx, key=key, channel=f"@{approver.slack}", message=message, now=now)
    incident_thread.show(tx, operation, now)
    if operation.started_at is not None and operation.state in ENDED:
        tx.run("want_evidence_of_system", system=operation.system, now=now)
    return operation


def tell_requester(tx: Tx, operation: Operation, now: int) -> None:
    """Mention in the thread who waits for it, unless it was their own doing or nobody else ever saw it."""
    requester = operation.requester
    if requester.via == "bot" or operation.decided_by == requester.person or not outbox.is_queued(tx, operation.key):
        return
    message = operation_messages.for_requester(operation)
    key = f"{operation.key}:{operation.state}"
    outbox.post(tx, key=key, channel=operation.channel, message=message, now=now, thread=operation.key)


def remind(tx: Tx, operation: Operation, now: int) -> None:
    """Post the reminder that a review is open, or edit it: also once it is signed."""
    message = operation_messages.review_wanted(operation, now)
    outbox.post(tx, key=review_key(operation), channel=operation.channel, message=message, now=now)


def review_key(operation: Operation) -> str:
    """The outbox key of the reminder."""
    return f"{operation.key}:review"


def copy_key(operation: Operation, approver: Approver) -> str:
    """The outbox key of an approver's own copy."""
    return f"{operation.key}:{approver.person}"


def _approvers(operation: Operation) -> str:
    return json.dumps([[each.person, each.slack, each.at] for each in operation.approvers])


def _never_shown(tx: Tx, operation: Operation) -> bool:
    """A draft that ends without being confirmed was shown to its requester alone."""
    return operation.state in (State.CANCELLED, State.EXPIRED) and not outbox.is_queued(tx, operation.key)
