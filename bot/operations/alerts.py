"""What of an operation rings at PagerDuty beside Slack: a P0's approval requests, and runs without an approval."""

from bot.config.models import StewardModel
from bot.domain.people import Actor
from bot.operations.model import Operation
from bot.operations.ports import OnCallSchedule, OpenIncidents
from bot.outbox.alerts import Alert, PagerPosts
from bot.store import Tx


class OperationPages:
    """Rings one person. The alert ends once the request is decided or the review is signed, see `PageReports`."""

    def __init__(self, config: StewardModel, oncall: OnCallSchedule, incidents: OpenIncidents) -> None:
        self._pager = PagerPosts.of(config)
        self._oncall = oncall
        self._incidents = incidents

    def ask(self, tx: Tx, operation: Operation, approver: Actor, now: int) -> None:
        """It is this approver's turn: they are rung while the request belongs to an open P0."""
        if operation.incident and self._incidents.severity(tx, operation.incident) == "P0":
            self._ring(tx, operation, approver, f"{operation.id} waits for your approval: {operation.plan.title}", now)

    def ran_alone(self, tx: Tx, operation: Operation, follower: Actor, now: int) -> None:
        """Somebody runs it without an approval: the next level is rung."""
        text = f"{operation.id} runs without an approval, by {operation.decided_by}: {operation.plan.title}"
        self._ring(tx, operation, follower, text, now)

    def _ring(self, tx: Tx, operation: Operation, person: Actor, text: str, now: int) -> None:
        if self._pager is None:
            return
        row = tx.one("pages_of_subject", subject=operation.id)
        alert = Alert(
            operation.id,
            (row["number"] if row else 0) + 1,
            f"{operation.severity} {text}".strip(),
            component=operation.system,
            details={"reason": operation.reason, "asked by": operation.requester.person},
            operation=operation.number,
        )
        roles = [role for role, actor in self._oncall.levels(now) if actor.person == person.person]
        self._pager.ring(tx, alert, self._pager.routes_of(roles[:1], [person]), now)
