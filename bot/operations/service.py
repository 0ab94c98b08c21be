"""Operations: everything that changes a system is proposed here, with its plan, and found again here."""

import secrets
from dataclasses import replace
from typing import Any

from bot.audit import service as audit
from bot.config.business_hours import business_hours
from bot.config.models import StewardModel
from bot.domain.errors import BotError, Conflict, Refused
from bot.domain.one_line import one_line
from bot.domain.people import Actor
from bot.domain.policy import Policy, Risk
from bot.domain.timing import span
from bot.oncall.directory import Directory
from bot.operations import messages as operation_messages
from bot.operations import rows as operation_rows
from bot.operations.action import Action, Actions
from bot.operations.alerts import OperationPages
from bot.operations.approvals import Acknowledging, Approvals
from bot.operations.execution import Execution
from bot.operations.model import REASON_LIMIT, Decision, Operation, State
from bot.operations.plan import Plan, fingerprint
from bot.operations.ports import LedgerIncidents, OnCallSchedule, OpenIncident, OpenIncidents, Verifier
from bot.operations.review import reviewers
from bot.operations.timers import OperationTimers
from bot.operations.windows import EXPIRES_AFTER, UNDO_COVERED_FOR
from bot.ports import Clock
from bot.store import Ledger, Tx


class Operations:
    """Proposes, and holds the other halves: `approvals` (one path), and the duties `execution` and `timers`."""

    def __init__(  # noqa: PLR0917 - the parts it stands on, built once by wiring
        self,
        ledger: Ledger,
        clock: Clock,
        policy: Policy,
        directory: Directory,
        oncall: OnCallSchedule,
        health: Verifier,
        actions: Actions,
        config: StewardModel,
        owner: str,
        *,
        acknowledging: Acknowledging,
        incidents: OpenIncidents | None = None,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._policy = policy
        self._directory = directory
        self._oncall = oncall
        self.actions = actions
        self._channel = config.channel
        self._incidents = incidents or LedgerIncidents()
        hours = business_hours(config.business_hours, config.timezone)
        pages = OperationPages(config, oncall, self._incidents)
        self.approvals = Approvals(
            ledger,
            clock,
            policy,
            directory,
            oncall,
            self._incidents,
            hours,
            pages,
            actions,
            acknowledging=acknowledging,
        )
        self.execution = Execution(
            ledger,
            clock,
            actions,
            health,
            owner,
            again=self._ask_again,
            approved=self.approvals.still_approved,
        )
        self.timers = OperationTimers(ledger, clock, self._incidents, hours, pages)

    async def propose(
        self,
        action: Action,
        actor: Actor,
        reason: str = "",
        *,
        incident: str | None = None,
        channel: str | None = None,
        receipt: str | None = None,
        dry_run: bool = False,
    ) -> Operation:
        """Plan it against the live system and ask: the requester to confirm a change, other people to approve a p0.

        A dry run is the same value, stored nowhere. Raises `Refused` (audited) and what the action's plan raises.
        """
        risk = self._policy.risk_of(action.name, self.actions.risk(action))
        await self._allow(action, actor, risk, receipt)
        plan = replace(await action.plan(), emergency=self.actions.emergency(action.name))
        now = self._clock.now()
        rule = self._policy.rules[risk]
        p0 = risk is Risk.P0
        draft = Operation(
            **_request(action, actor, plan, now),
            system=action.system,
            risk=risk,
            state=State.PENDING if p0 else State.DRAFT,
            on_call=any(person.person == actor.person for _, person in self._oncall.levels(now)[:1]),
            reason=one_line(reason)[:REASON_LIMIT],
            incident="",
            severity="",
            channel=channel or self._channel,
            approvals_needed=max(rule.approvals, 1) if p0 else 0,
            approver_roles=rule.approve if p0 else frozenset(),
            approvers=await self.approvals.asked(risk, actor, now) if p0 else (),
        )
        if dry_run:
            return await self._ledger.read(lambda tx: self._in_context(tx, draft, incident))
        return await self._ledger.write(
            lambda tx: self._store(tx, self._in_context(tx, draft, incident)), receipt=receipt
        )

    async def decide(
        self, reference: str, actor: Actor, decision: Decision, reason: str = "", *, receipt: str | None = None
    ) -> Operation:
        """The one path of button, form and command line; see `Approvals.decide`."""
        return await self.approvals.decide(reference, actor, decision, reason, receipt=receipt)

    async def undo(self, reference: str, actor: Actor, *, receipt: str | None = None) -> Operation:
        """Take back what an operation did: at once within 30 min (its approval covers that), else by a new request.

        The undo of an undo does again what was approved once, so it is always a new request; so is anybody else's undo
        of what one person ran alone, since nobody approved that.
        """
        original = await self.find(reference)
        if original.state not in (State.SUCCEEDED, State.FAILED):
            raise Conflict(f"{original.id} is {original.state}; there is nothing to undo.")
        if original.undone_by:
            raise Conflict(f"{original.id} was undone already, by OP-{original.undone_by}.")
        traces = await self._ledger.read(lambda tx: operation_rows.traces(tx, original))
        action = self.actions.load(original.action, original.parameters).undo(
            operation_rows.effective(traces, original.state)
        )
        if action is None:
            why = "" if original.plan.undoable else original.plan.undo
            raise Refused(f"{original.id} has no undo: {why or 'nothing is known to have been done by it'}.")
        reason = f"undo of {original.id}"
        late = original.undo_until is None or self._clock.now() > original.undo_until
        someone_elses = original.emergency and actor.person != original.decided_by
        if original.undo_of is not None or late or someone_elses:
            if original.undo_of is None and late:
                reason += f" (more than {span(UNDO_COVERED_FOR)} later)"
            return await self.propose(action, actor, reason, incident=original.incident, receipt=receipt)
        risk = self._policy.risk_of(action.name, self.actions.risk(action))
        await self._allow(action, actor, max(risk, original.risk, key=lambda each: each.rank), receipt)
        plan = await action.plan()
        now = self._clock.now()
        covered_undo = replace(
            original,
            **_request(action, actor, plan, now),
            state=State.APPROVED,
            on_call=False,
            reason=reason,
            approvers=(),
            decided_at=now,
            decided_by=actor.person,
            undo_of=original.number,
        )
        return await self._ledger.write(lambda tx: self._store(tx, covered_undo), receipt=receipt)

    async def observe(self, reference: str, actor: Actor, *, receipt: str | None = None) -> Operation:
        """Look again at an operation whose outcome is unknown."""
        return await self.execution.ask_for_observation(reference, actor, receipt=receipt)

    async def settle_unknown(
        self, reference: str, actor: Actor, *, happened: bool, receipt: str | None = None
    ) -> Operation:
        """A person says what came of it; they need the right to ask for such an operation."""
        operation = await self.find(reference)
        verdict = self._policy.may_ask(await self._directory.access(actor), operation.risk)
        if not verdict.allowed:
            await self._refuse(actor, operation.id, "settle", verdict.reason, receipt)
            raise Refused(f"{operation.id} was not settled: {verdict.reason}.")
        return await self.execution.settle_by_person(operation, actor, happened=happened, receipt=receipt)

    async def find(self, reference: str) -> Operation:
        """An operation by token or `OP-88`; raises `NotFound`."""
        return await self._ledger.read(lambda tx: operation_rows.find(tx, reference))

    async def pending_for(self, actor: Actor) -> list[Operation]:
        """Requests that this person may decide on now."""
        access = await self._directory.access(actor)
        waiting = await self._ledger.read(
            lambda tx: [operation_rows.from_row(tx, row) for row in tx.all("pending_operations")]
        )
        return [
            operation
            for operation in waiting
            if operation.approver_roles & access.roles and operation.requester.person != actor.person
        ]

    async def reviews_for(self, actor: Actor) -> list[Operation]:
        """What was run alone and this person may review; whether they still may is read when they sign."""
        found = await self._ledger.read(lambda tx: [operation_rows.from_row(tx, row) for row in tx.all("open_reviews")])
        return [each for each in found if actor.person in {signer.person for signer in reviewers(each)}]

    async def unknown(self, system: str = "") -> list[Operation]:
        """Operations whose outcome is not known, of one system or of all."""
        found = await self._ledger.read(
            lambda tx: [operation_rows.from_row(tx, row) for row in tx.all("unknown_operations")]
        )
        return [operation for operation in found if system in ("", operation.system)]

    async def recent(self, system: str, n: int = 10) -> list[Operation]:
        """The latest operations of a system, newest first."""
        return await self._ledger.read(
            lambda tx: [operation_rows.from_row(tx, row) for row in tx.all("recent_operations", system=system, n=n)]
        )

    async def last_change(self, system: str) -> Operation | None:
        """The latest operation that ran on a system: the suspect of a new incident."""

        def read(tx: Tx) -> Operation | None:
            row = tx.one("last_change_of_system", system=system)
            return operation_rows.from_row(tx, row) if row else None

        return await self._ledger.read(read)

    async def open_incident(self, system: str) -> OpenIncident | None:
        """The incident that a reason can be taken from."""
        return await self._ledger.read(lambda tx: self._incidents.of_system(tx, system))

    async def _allow(self, action: Action, actor: Actor, risk: Risk, receipt: str | None) -> None:
        if actor.via == "bot":
            return
        verdict = self._policy.may_ask(await self._directory.access(actor), risk)
        if verdict.allowed:
            return
        await self._refuse(actor, action.system, action.name, verdict.reason, receipt)
        raise Refused(f"{action.name} on {action.system} was not asked for: {verdict.reason}.")

    async def _refuse(self, actor: Actor, subject: str, wanted: str, reason: str, receipt: str | None) -> None:
        """Audit a refusal of the policy."""
        detail = {"wanted": wanted, "reason": reason}
        await self._ledger.write(
            lambda tx: audit.refuse(
                tx, at=self._clock.now(), actor=actor, kind="operation.refused", subject=subject, detail=detail
            ),
            receipt=receipt,
        )

    def _in_context(self, tx: Tx, operation: Operation, incident: str | None) -> Operation:
        """With the incident it belongs to: the one given, while it is open, or the system's most severe one."""
        if incident and (severity := self._incidents.severity(tx, incident)):
            return replace(operation, incident=incident, severity=severity)
        found = self._incidents.of_system(tx, operation.system)
        if found is None:
            return operation
        return replace(operation, incident=found.id, severity=found.severity, reason=operation.reason or found.title)

    def _store(self, tx: Tx, draft: Operation) -> Operation:
        self._refuse_second(tx, draft)
        row = tx.one("next_number", name="operation")
        operation = replace(draft, number=row["value"] if row else 0)
        operation_rows.insert(tx, operation)
        if operation.undo_of and not tx.run("mark_undone", number=operation.undo_of, by=operation.number):
            raise Conflict(f"OP-{operation.undo_of} was undone already.")
        audit.record(
            tx,
            at=operation.created_at,
            actor=operation.requester,
            kind="operation.proposed",
            subject=operation.id,
            detail={
                "action": operation.action,
                "target": operation.target,
                "title": operation.plan.title,
                "reason": operation.reason,
                "fingerprint": operation.fingerprint,
            },
        )
        if operation.undo_of:
            operation_rows.publish(tx, operation.undo_of, operation.created_at)
        return operation_rows.publish(tx, operation.number, operation.created_at)

    def _refuse_second(self, tx: Tx, draft: Operation) -> None:
        """Point out that the same is asked for already: a second request would only be void, or done twice."""
        wanted = {name: getattr(draft, name) for name in ("system", "action", "parameters", "incident")}
        row = tx.one("same_request", **wanted)
        if row is not None:
            raise Conflict(operation_messages.asked_already(operation_rows.from_row(tx, row)))

    async def _ask_again(self, voided: Operation) -> str:
        """After a drift: the same request, planned anew. Returns its id, or why there is none."""
        action = self.actions.load(voided.action, voided.parameters)
        try:
            renewed = await self.propose(
                action, voided.requester, voided.reason, incident=voided.incident, channel=voided.channel
            )
        except BotError as error:
            return str(error)
        return renewed.id


def _request(action: Action, actor: Actor, plan: Plan, now: int) -> dict[str, Any]:
    """What every new operation has of its own; its number comes with the ledger's transaction."""
    parameters = action.parameters()
    return {
        "number": 0,
        "token": secrets.token_urlsafe(18),
        "action": action.name,
        "parameters": parameters,
        "targets": action.targets,
        "requester": actor,
        "plan": plan,
        "fingerprint": fingerprint(action.name, parameters, action.targets, plan.material),
        "created_at": now,
        "expires_at": now + EXPIRES_AFTER,
    }
