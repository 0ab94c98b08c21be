"""The one way to decide on an operation: approve, deny, cancel, confirm, or run it alone in an emergency."""

import contextlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace

from bot.audit import service as audit
from bot.domain.business_hours import BusinessHours
from bot.domain.errors import BotError, Conflict, NotFound, Refused, Unavailable, UsageError
from bot.domain.one_line import one_line
from bot.domain.people import STEWARD, Access, Actor
from bot.domain.policy import Policy, Risk, Rule
from bot.domain.timing import span
from bot.oncall.directory import Directory
from bot.operations import messages as operation_messages
from bot.operations import review
from bot.operations import rows as operation_rows
from bot.operations.action import Actions
from bot.operations.alerts import OperationPages
from bot.operations.approver_roles import ApproverRoles
from bot.operations.model import ENDED, REASON_LIMIT, Approver, Decision, Operation, State
from bot.operations.ports import OnCallSchedule, OpenIncidents
from bot.operations.windows import ALONE_AFTER, EXPIRES_AFTER
from bot.outbox import service as outbox
from bot.ports import Clock
from bot.store import Ledger, Tx

Acknowledging = Callable[[str, Actor], Awaitable[Callable[[Tx], None]]]
"""Prepares, for this transaction, that somebody has an incident; see `Incidents.acknowledging`."""


def _nothing(tx: Tx) -> None:
    """Where there is no incident to acknowledge."""


@dataclass(frozen=True, slots=True)
class _Click:
    """What a person wants, and what they may do at this moment.

    `lost`: who approved earlier and holds no role for it any more; `ask`: whom to ask where a draft needs that by now.
    """

    reference: str
    actor: Actor
    access: Access
    decision: Decision
    reason: str
    acknowledge: Callable[[Tx], None]
    lost: frozenset[str] = frozenset()
    ask: tuple[Approver, ...] = ()


class Approvals:
    """Buttons, forms and the command line all end here; each decision is one transaction with its audit row."""

    def __init__(  # noqa: PLR0917 - the parts it stands on, built once by `Operations`
        self,
        ledger: Ledger,
        clock: Clock,
        policy: Policy,
        directory: Directory,
        oncall: OnCallSchedule,
        incidents: OpenIncidents,
        hours: BusinessHours,
        pages: OperationPages,
        actions: Actions,
        *,
        acknowledging: Acknowledging,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._policy = policy
        self._directory = directory
        self._roles = ApproverRoles(directory, oncall)
        self._oncall = oncall
        self._incidents = incidents
        self._hours = hours
        self._acknowledging = acknowledging
        self._pages = pages
        self._actions = actions

    async def decide(
        self, reference: str, actor: Actor, decision: Decision, reason: str = "", *, receipt: str | None = None
    ) -> Operation:
        """Decide once. `reason`: why it is denied; for an emergency run without an undo, the target's name as typed.

        Raises `Refused` (not allowed, audited), `Conflict` (decided already), `NotFound`, `UsageError`.
        """
        said = one_line(reason)[:REASON_LIMIT]
        acknowledge = await self._acknowledged(reference, actor) if decision == "emergency" else _nothing
        click = _Click(reference, actor, await self._directory.access(actor), decision, said, acknowledge)
        click = await self._with_roles(click)
        outcome = await self._ledger.write(lambda tx: self._decide(tx, click), receipt=receipt)
        if isinstance(outcome, BotError):
            raise outcome
        return outcome

    async def sign(self, reference: str, actor: Actor, *, receipt: str | None = None) -> Operation:
        """Sign the review of an emergency run; only an approver who took no part in it can."""
        access = await self._directory.access(actor)
        outcome = await self._ledger.write(lambda tx: self._sign(tx, reference, actor, access), receipt=receipt)
        if isinstance(outcome, BotError):
            raise outcome
        return outcome

    async def asked(self, risk: Risk, requester: Actor, now: int) -> tuple[Approver, ...]:
        """Whom to ask for a request of this risk, and when."""
        rule = self._policy.rules[risk]
        return await self._roles.asked(rule.approve, max(rule.approvals, 1), requester, now)

    async def still_approved(self, operation: Operation) -> str:
        """Why its approval does not count any more, read right before it runs; empty where it does.

        A covered undo rests on the approval of what it takes back. Raises `Unavailable`.
        """
        approved = operation
        if operation.undo_of is not None:
            number = operation.undo_of
            approved = await self._ledger.read(lambda tx: operation_rows.by_number(tx, number))
        if approved.emergency or not approved.approvals_needed:
            return ""
        lost = await self._roles.lost(approved)
        standing = self._approving(approved, set(approved.approved_by) - lost)
        if len(standing) >= approved.approvals_needed:
            return ""
        if approved.approved_by and not lost:
            people, needed = ", ".join(sorted(self._people(approved.approved_by))), approved.approvals_needed
            return f"its approvals are all of {people} by today's configuration, and it needs {needed}; nothing ran"
        roles = " or ".join(sorted(approved.approver_roles))
        return f"{', '.join(sorted(lost)) or 'nobody'} may not approve it any more (needs {roles}); nothing ran"

    async def _with_roles(self, click: _Click) -> _Click:
        """With what must be asked of Slack before the transaction."""
        if click.decision not in ("approve", "confirm"):
            return click
        try:
            operation = await self._ledger.read(lambda tx: operation_rows.find(tx, click.reference))
        except NotFound:
            return click
        if click.decision == "confirm":
            risk = self._policy.risk_of(operation.action, operation.risk)
            if risk is operation.risk or risk is not Risk.P0:
                return click
            return replace(click, ask=await self.asked(risk, operation.requester, self._clock.now()))
        with contextlib.suppress(Unavailable):  # Before it runs they are looked at again.
            return replace(click, lost=await self._roles.lost(operation))
        return click

    async def _acknowledged(self, reference: str, actor: Actor) -> Callable[[Tx], None]:
        """An emergency run counts as acknowledging its incident: who acts alone has it."""
        try:
            operation = await self._ledger.read(lambda tx: operation_rows.find(tx, reference))
        except NotFound:
            return _nothing  # The decision refuses it, with its audit row.
        return await self._acknowledging(operation.incident, actor) if operation.incident else _nothing

    def _decide(self, tx: Tx, click: _Click) -> Operation | BotError:
        now, actor, decision, reason = self._clock.now(), click.actor, click.decision, click.reason
        try:
            operation = operation_rows.locked(tx, click.reference)
        except NotFound as error:
            self._refusal(tx, actor, click.reference[:40], decision, error)
            return error
        try:
            self._allow_person(operation, click)
            self._allow_state(tx, operation, click)
        except BotError as error:
            self._refusal(tx, actor, operation.id, decision, error)
            return error

        detail: dict[str, str | int | float | None] = {"reason": reason} if reason else {}
        if click.access.stale:
            detail["membership"] = "from a copy up to an hour old"
        if decision == "confirm" and self._policy.risk_of(operation.action, operation.risk) is not operation.risk:
            return self._ask_instead(tx, operation, click)
        if decision == "approve":
            operation = self._without(tx, operation, click.lost)
            tx.run("approve_operation", number=operation.number, person=actor.person, at=now, via=actor.via)
            if len(self._approving(operation, {*operation.approved_by, actor.person})) >= operation.approvals_needed:
                self._agree(tx, operation, actor)
        elif decision in ("confirm", "emergency"):
            self._agree(tx, operation, actor, emergency=decision == "emergency")
            click.acknowledge(tx)
        else:
            end(tx, operation, State.DENIED if decision == "deny" else State.CANCELLED, actor, note=reason, now=now)
        audit.record(tx, at=now, actor=actor, kind=f"operation.{_PAST[decision]}", subject=operation.id, detail=detail)
        return operation_rows.publish(tx, operation.number, now)

    def _ask_instead(self, tx: Tx, operation: Operation, click: _Click) -> Operation:
        """A draft of a time when nobody else had to agree asks for what the policy says now."""
        now, rule = self._clock.now(), self._policy.rules[Risk.P0]
        asked = replace(
            operation,
            risk=Risk.P0,
            approvals_needed=max(rule.approvals, 1),
            approver_roles=rule.approve,
            approvers=click.ask,
            expires_at=now + EXPIRES_AFTER,
        )
        operation_rows.ask(tx, asked)
        audit.record(
            tx, at=now, actor=click.actor, kind="operation.raised", subject=operation.id, detail={"risk": asked.risk}
        )
        return operation_rows.publish(tx, operation.number, now)

    def _without(self, tx: Tx, operation: Operation, lost: frozenset[str]) -> Operation:
        """The operation without the approvals of those who may not give one any more."""
        for person in sorted(lost & set(operation.approved_by)):
            tx.run("withdraw_approval", number=operation.number, person=person)
            audit.record(
                tx,
                at=self._clock.now(),
                actor=STEWARD,
                kind="operation.approval_lapsed",
                subject=operation.id,
                detail={"person": person},
            )
        return operation_rows.by_number(tx, operation.number)

    def _allow_person(self, operation: Operation, click: _Click) -> None:
        """Raise what speaks against this person. It comes before the state, of which a stranger learns nothing."""
        own, decision, access = self._own(operation, click.actor), click.decision, click.access
        if decision in ("cancel", "confirm") and not own:
            other = "; deny it instead" if decision == "cancel" and operation.state is State.PENDING else ""
            raise Refused(f"Only the requester, {operation.requester.person}, may {decision} {operation.id}{other}.")
        if decision in ("confirm", "emergency"):
            verdict = self._policy.may_ask(access, self._policy.risk_of(operation.action, operation.risk))
            if not verdict.allowed:
                raise Refused(f"{operation.id} was not started: {verdict.reason}.")
        if decision in ("approve", "deny"):
            if decision == "deny" and own:
                raise Refused(f"{operation.id} is your own request; cancel it instead of denying it.")
            verdict = self._frozen(operation).may_approve(access, operation.risk, own=own)
            if not verdict.allowed:
                raise Refused(f"{operation.id} was not decided: {verdict.reason}.")

    def _allow_state(self, tx: Tx, operation: Operation, click: _Click) -> None:
        """Raise what speaks against it now."""
        actor, decision, reason = click.actor, click.decision, click.reason
        wanted = {"confirm": {State.DRAFT}, "cancel": {State.DRAFT, State.PENDING, State.APPROVED, State.CLAIMED}}
        if operation.state not in wanted.get(decision, {State.PENDING}):
            raise Conflict(_already(operation))
        if self._expired(tx, operation):
            raise Conflict(f"{operation.id} expired; ask again if it is still needed.")
        if decision == "approve" and actor.person in self._people(operation.approved_by):
            raise Conflict(f"You approved {operation.id} already; it needs someone else as well.")
        if decision == "deny" and not reason:
            raise UsageError(f"Say why you deny {operation.id}: the requester needs to know what to do instead.")
        if decision == "emergency":
            self._allow_alone(tx, operation, actor, reason)

    def _allow_alone(self, tx: Tx, operation: Operation, actor: Actor, typed: str) -> None:
        severity = self._incidents.severity(tx, operation.incident) if operation.incident else ""
        if severity not in ("P0", "P1"):
            raise Refused("An emergency run needs an open P0 or P1 incident of this system; open one, or wait.")
        levels = self._oncall.levels(self._clock.now())
        if not levels or levels[0][1].person != actor.person:
            on_call = levels[0][1].person if levels else "nobody"
            raise Refused(f"Only the person on call may run this alone; that is {on_call}.")
        if not self._actions.emergency(operation.action):
            raise Refused(f"{operation.action} is not listed for emergency runs; it needs an approval.")
        if operation.plan.undoable:
            return
        waited = self._clock.now() - operation.created_at
        if waited < ALONE_AFTER:
            raise Refused(f"It has no undo: wait for a decision another {span(ALONE_AFTER - waited)}.")
        if typed not in (operation.target, *operation.targets):
            raise Refused(f"It has no undo: type the name of the target, {operation.target}, to run it alone.")

    def _own(self, operation: Operation, actor: Actor) -> bool:
        """Whether the request is this person's, from any account, by today's configuration or by that of its day."""
        requester = operation.requester
        if requester.via == "bot":
            return False
        now_known = self._directory.actor(requester.slack).person if requester.slack else requester.person
        return actor.person in (requester.person, now_known) or bool(actor.slack and actor.slack == requester.slack)

    def _people(self, names: Iterable[str]) -> set[str]:
        """Who these are today: an account without a person then may belong to one that the configuration names now."""
        return {self._directory.actor(name).person for name in names}

    def _approving(self, operation: Operation, names: Iterable[str]) -> set[str]:
        """Whose approvals these are today, without those of the requester's own other accounts."""
        people = (self._directory.actor(name) for name in names)
        return {each.person for each in people if not self._own(operation, each)}

    def _frozen(self, operation: Operation) -> Policy:
        """Today's policy with the roles and the number that were frozen into the request."""
        rule = Rule(frozenset(), operation.approver_roles, operation.approvals_needed)
        return replace(self._policy, rules={operation.risk: rule})

    def _expired(self, tx: Tx, operation: Operation) -> bool:
        if operation.expires_at is None or operation.expires_at > self._clock.now():
            return False
        open_p0 = operation.incident and self._incidents.severity(tx, operation.incident) == "P0"
        return not (open_p0 and operation.state is State.PENDING)

    def _agree(self, tx: Tx, operation: Operation, actor: Actor, *, emergency: bool = False) -> None:
        now = self._clock.now()
        changed = tx.run(
            "operation_agreed",
            number=operation.number,
            now=now,
            person=actor.person,
            expires_at=now + EXPIRES_AFTER,
            emergency=int(emergency),
            review_at=review.next_reminder(self._hours, now, now) if emergency else None,
            was=operation.state.value,
        )
        if changed != 1:
            raise Conflict(f"{operation.id} was decided at the same moment.")
        agreed = operation_rows.by_number(tx, operation.number)
        operation_rows.tell_requester(tx, agreed, now)
        if emergency:
            self._page_next(tx, agreed, actor)

    def _page_next(self, tx: Tx, operation: Operation, actor: Actor) -> None:
        following = [person for _, person in self._oncall.levels(self._clock.now()) if person.person != actor.person]
        if following:
            outbox.post(
                tx,
                key=f"{operation.key}:page",
                channel=f"@{following[0].slack}",
                message=operation_messages.emergency_page(operation),
                now=self._clock.now(),
                lane="page",
            )
            self._pages.ran_alone(tx, operation, following[0], self._clock.now())

    def _sign(self, tx: Tx, reference: str, actor: Actor, access: Access) -> Operation | BotError:
        now = self._clock.now()
        operation = operation_rows.find(tx, reference)
        try:
            self._allow_review(operation, actor, access)
            if not tx.run("sign_review", number=operation.number, person=actor.person):
                raise Conflict(f"The review of {operation.id} was signed already.")
        except BotError as error:
            self._refusal(tx, actor, operation.id, "review", error)
            return error
        audit.record(tx, at=now, actor=actor, kind="operation.reviewed", subject=operation.id)
        signed = operation_rows.publish(tx, operation.number, now)
        if outbox.is_queued(tx, operation_rows.review_key(signed)):
            operation_rows.remind(tx, signed, now)
        return signed

    def _allow_review(self, operation: Operation, actor: Actor, access: Access) -> None:
        if not operation.emergency:
            raise Conflict(f"{operation.id} was approved in the usual way; there is nothing to sign.")
        if operation.started_at is None:
            raise Conflict(f"{operation.id} has not run; there is nothing to sign.")
        if self._own(operation, actor) or actor.person in self._people(review.took_part(operation)):
            raise Refused("You took part in this yourself; someone else must sign the review.")
        verdict = self._frozen(operation).may_approve(access, operation.risk, own=False)
        if not verdict.allowed:
            raise Refused(f"The review was not signed: {verdict.reason}.")

    def _refusal(self, tx: Tx, actor: Actor, subject: str, decision: str, error: BotError) -> None:
        audit.refuse(
            tx,
            at=self._clock.now(),
            actor=actor,
            kind="operation.refused",
            subject=subject,
            detail={"wanted": decision, "reason": str(error)},
        )


_PAST = {
    "approve": "approved",
    "deny": "denied",
    "cancel": "cancelled",
    "confirm": "confirmed",
    "emergency": "emergency",
}


def end(tx: Tx, operation: Operation, state: State, actor: Actor, *, note: str = "", now: int) -> bool:
    """End an operation that has not run; false where it moved on meanwhile."""
    ended = tx.run(
        "operation_ended_undecided",
        number=operation.number,
        state=state.value,
        now=now,
        person=actor.person,
        note=note,
        was=operation.state.value,
    )
    if ended:
        operation_rows.release(tx, operation, now, in_vain=True)
        operation_rows.tell_requester(tx, operation_rows.by_number(tx, operation.number), now)
    return bool(ended)


def _already(operation: Operation) -> str:
    """Why a click came too late, in words."""
    if operation.state in (State.DRAFT, State.PENDING):
        return f"{operation.id} is {operation.state}; that does not apply to it."
    by = f" by {operation.decided_by}" if operation.decided_by else ""
    state = operation.state.value if operation.state in ENDED else "approved"
    if operation.state in (State.SUCCEEDED, State.FAILED, State.UNKNOWN):
        state = f"approved{by} and ran: {operation.state}"
        by = ""
    return f"{operation.id} is already {state}{by}; nothing was done again."
