"""What comes due for an operation by itself: expiry, pings of further approvers, reminders of a review."""

from bot.audit import service as audit
from bot.domain.business_hours import BusinessHours
from bot.domain.people import STEWARD, Actor
from bot.domain.timing import MINUTE
from bot.operations import messages as operation_messages
from bot.operations import review
from bot.operations import rows as operation_rows
from bot.operations.alerts import OperationPages
from bot.operations.approvals import end
from bot.operations.model import Operation, State
from bot.operations.ports import OpenIncidents
from bot.outbox import service as outbox
from bot.ports import Clock
from bot.store import Ledger, Tx


class OperationTimers:
    """A duty: each due row is moved by a conditional update in the transaction that acts on it."""

    name = "operation timers"

    def __init__(
        self, ledger: Ledger, clock: Clock, incidents: OpenIncidents, hours: BusinessHours, pages: OperationPages
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._incidents = incidents
        self._hours = hours
        self._pages = pages

    async def run(self, now: int) -> bool:
        """Handle one batch; true while more may be due."""
        if not await self._ledger.read(lambda tx: self._due(tx, now)):
            return False
        return await self._ledger.write(lambda tx: self._handle(tx, now))

    async def next_due(self) -> int | None:
        """The next moment that any operation waits for."""

        def read(tx: Tx) -> int | None:
            row = tx.one("next_due_operation")
            return row["due"] if row else None

        return await self._ledger.read(read)

    def _due(self, tx: Tx, now: int) -> bool:
        return any(tx.one(name, now=now) for name in ("due_expiries", "due_pings", "due_reviews"))

    def _handle(self, tx: Tx, now: int) -> bool:
        done = 0
        for row in tx.all("due_expiries", now=now):
            done += self._expire(tx, operation_rows.by_number(tx, row["number"]), now)
        for row in tx.all("due_pings", now=now):
            done += self._ping(tx, operation_rows.by_number(tx, row["number"]), now)
        for row in tx.all("due_reviews", now=now):
            done += self._nag(tx, operation_rows.by_number(tx, row["number"]), now)
        return done > 0

    def _expire(self, tx: Tx, operation: Operation, now: int) -> bool:
        open_p0 = operation.incident and self._incidents.severity(tx, operation.incident) == "P0"
        if operation.state is State.PENDING and open_p0:
            return bool(
                tx.run("postpone_expiry", number=operation.number, was=operation.expires_at, later=now + MINUTE)
            )
        if not end(tx, operation, State.EXPIRED, STEWARD, now=now):
            return False
        audit.record(tx, at=now, actor=STEWARD, kind="operation.expired", subject=operation.id)
        operation_rows.publish(tx, operation.number, now)
        return True

    def _ping(self, tx: Tx, operation: Operation, now: int) -> bool:
        later = [each.at for each in operation.approvers if each.at > now]
        if not tx.run("move_ping", number=operation.number, now=now, later=min(later, default=None)):
            return False
        operation_rows.publish(tx, operation.number, now)
        message = operation_messages.request(operation, now)
        for approver in operation.approvers:
            key = operation_rows.copy_key(operation, approver)
            if approver.at <= now and not outbox.is_queued(tx, key):
                outbox.post(tx, key=key, channel=f"@{approver.slack}", message=message, now=now)
                self._pages.ask(tx, operation, Actor(approver.person, approver.slack), now)
        return True

    def _nag(self, tx: Tx, operation: Operation, now: int) -> bool:
        later = review.next_reminder(self._hours, operation.decided_at or now, now)
        if not tx.run("move_review", number=operation.number, now=now, later=later):
            return False
        operation_rows.remind(tx, operation, now)
        return True
