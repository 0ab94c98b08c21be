"""Runs approved operations, each at most once: claimed with a lease, journalled around every step."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bot.audit import service as audit
from bot.domain.errors import BotError, Conflict, NotFound, Unavailable
from bot.domain.people import STEWARD, Actor
from bot.domain.timing import MINUTE, SECOND
from bot.operations import rows as operation_rows
from bot.operations.action import Action, Actions
from bot.operations.approvals import end
from bot.operations.claims import WAITS, Claims
from bot.operations.lease import LEASE, Lease, Lost
from bot.operations.model import Operation, State
from bot.operations.outcomes import Endings
from bot.operations.ports import Verifier
from bot.operations.steps import PASSING, Steps, drift
from bot.ports import Clock
from bot.store import Ledger, Tx

AT_ONCE = 8
TRY_FOR = MINUTE
"""How long after its approval, or its last wait for a lock, an operation is tried whose plan cannot be compared."""
RETRY_CLAIM = 2 * SECOND
_WAITED = "waited until"
"""The phase in the journal that tells when its last wait for a lock was over."""

_log = structlog.get_logger(__name__)


class Execution:
    """A duty: recovers what lapsed, claims what is approved, looks at what is unknown. Steps run beside the cycle."""

    name = "operations"

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        actions: Actions,
        health: Verifier,
        owner: str,
        *,
        again: Callable[[Operation], Awaitable[str]],
        approved: Callable[[Operation], Awaitable[str]],
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._actions = actions
        self._health = health
        self._owner = owner
        self._again = again
        self._approved = approved
        self._endings = Endings(ledger, clock, actions, health, owner)
        self._claims = Claims(ledger, clock, self._endings, owner)
        self._steps = Steps(ledger, clock, self._endings, again=again)
        self._tasks: dict[asyncio.Task[None], int] = {}
        self._stopping = False

    async def run(self, now: int) -> bool:
        """One round; what it claims runs in tasks of its own, so that a slow step never holds up the cycle."""
        if self._stopping:
            return False
        await self._claims.recover(now, self._tasks.values())
        for name, work in (("due_observations", self._endings.observe), ("due_verifications", self._endings.verify)):
            for number in await self._numbers(name, now=now):
                self._spawn(number, work)
        for number in await self._numbers("claimable_operations", now=now, n=AT_ONCE):
            if len(self._tasks) < AT_ONCE and await self._claims.claim(number, now):
                self._spawn(number, self._carry_out)
        return False

    async def next_due(self) -> int | None:
        """The timers know; see `OperationTimers.next_due`."""
        return None

    async def idle(self) -> None:
        """Wait until nothing runs in this process."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    async def stop(self, patience: float) -> None:
        """Begin nothing more; steps that take longer than `patience` seconds are left, to be observed later."""
        self._stopping = True
        if self._tasks:
            _, left = await asyncio.wait(list(self._tasks), timeout=patience)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def ask_for_observation(self, reference: str, actor: Actor, *, receipt: str | None) -> Operation:
        """Make an unknown operation due to be looked at."""

        def write(tx: Tx) -> Operation:
            operation, now = operation_rows.find(tx, reference), self._clock.now()
            if not tx.run("ask_for_observation", number=operation.number, now=now):
                raise Conflict(f"{operation.id} is {operation.state}; there is nothing to observe.")
            audit.record(tx, at=now, actor=actor, kind="operation.observe", subject=operation.id)
            return operation

        return await self._ledger.write(write, receipt=receipt)

    async def settle_by_person(
        self, operation: Operation, actor: Actor, *, happened: bool, receipt: str | None
    ) -> Operation:
        """End an unknown operation by a person's word."""
        word = "It happened" if happened else "It did not happen"
        state = State.SUCCEEDED if happened else State.FAILED

        def write(tx: Tx) -> Operation:
            if not happened:
                self._endings.refuse_while_busy(tx, operation.number)
            if not self._endings.settle(
                tx, operation.number, (State.UNKNOWN, state), f"{word}, says {actor.person}", actor
            ):
                current = operation_rows.by_number(tx, operation.number)
                raise Conflict(f"{current.id} is {current.state} already; nothing was changed.")
            return operation_rows.by_number(tx, operation.number)

        return await self._ledger.write(write, receipt=receipt)

    async def _numbers(self, statement: str, **parameters: int) -> list[int]:
        rows = await self._ledger.read(lambda tx: tx.all(statement, **parameters))
        return [row["number"] for row in rows if row["number"] not in self._tasks.values()]

    def _spawn(self, number: int, work: Callable[[int], Awaitable[None]]) -> None:
        async def guarded() -> None:
            try:
                await work(number)
            except Exception:  # noqa: BLE001 - the runner of a duty: one operation's trouble must not end the others
                _log.exception("operation_failed_unexpectedly", operation=number)

        task = asyncio.create_task(guarded(), name=f"OP-{number}")
        self._tasks[task] = number
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]

    async def _carry_out(self, number: int) -> None:
        lease = Lease(self._ledger, self._clock, self._owner, number)
        async with lease.kept():
            operation = await self._ledger.read(lambda tx: operation_rows.by_number(tx, number))
            try:
                action = self._actions.load(operation.action, operation.parameters)
            except NotFound as error:
                await self._void(operation, f"nothing ran: {error}")
                return
            try:
                async with lease.needed():
                    # What takes long is read first, so that little can move between the plan's state and the change.
                    before = await self._endings.readings(operation)
                    started = await self._may_run(operation, action) and await self._start(operation, before)
            except Lost:
                _log.warning("operation_lease_lost", operation=number)
                return
            if started:
                await self._steps.run(operation, action, lease)

    async def _may_run(self, operation: Operation, action: Action) -> bool:
        """Compare with what was approved, and by whom; where the world moved on, the approval is void."""
        try:
            reason = await self._approved(operation) or await drift(operation, action)
        except (*PASSING, Unavailable) as error:
            return await self._try_later(operation, str(error))
        except BotError as error:
            await self._void(operation, f"nothing ran: {error}")
            return False
        if reason:
            await self._ask_anew(operation, reason)
        return not reason

    async def _try_later(self, operation: Operation, why: str) -> bool:
        """An approval outlives a moment in which nothing can be compared with it; after a minute it is asked anew."""
        now = self._clock.now()
        waited = operation.note.startswith(WAITS)  # This is the first try since.
        if not waited and now - await self._ledger.read(lambda tx: _tried_since(tx, operation)) >= TRY_FOR:
            await self._ask_anew(operation, f"nothing ran: {why}")
            return False

        def write(tx: Tx) -> None:
            note = f"tried again until it can be compared with its plan: {why}"
            retry_at = now + RETRY_CLAIM
            if tx.run("postpone_claim", number=operation.number, owner=self._owner, retry_at=retry_at, note=note):
                tx.run("release_operation_locks", number=operation.number)
                if waited:
                    phase = f"{_WAITED} {now}"  # One row for each wait.
                    tx.run(
                        "journal_operation", number=operation.number, step=-1, phase=phase, at=now, data="{}", text=why
                    )
                if note != operation.note:
                    operation_rows.publish(tx, operation.number, now)

        await self._ledger.write(write)
        return False

    async def _ask_anew(self, operation: Operation, note: str) -> None:
        if await self._void(operation, note):
            _log.info("operation_asked_again", operation=operation.id, now=await self._again(operation))

    async def _void(self, operation: Operation, note: str) -> bool:
        now = self._clock.now()

        def write(tx: Tx) -> bool:
            current = operation_rows.by_number(tx, operation.number)
            if current.state is not State.CLAIMED or not end(tx, current, State.VOID, STEWARD, note=note, now=now):
                return False
            audit.record(
                tx, at=now, actor=STEWARD, kind="operation.void", subject=operation.id, detail={"reason": note}
            )
            operation_rows.publish(tx, operation.number, now)
            return True

        return await self._ledger.write(write)

    async def _start(self, operation: Operation, before: str) -> bool:
        """From claimed to running; what the checks say before the first step goes into the journal."""
        now = self._clock.now()

        def write(tx: Tx) -> bool:
            lease = self._clock.wall() + LEASE
            if not tx.run("start_operation", number=operation.number, owner=self._owner, now=now, lease_until=lease):
                return False
            tx.run(
                "journal_operation", number=operation.number, step=-1, phase="before", at=now, data="{}", text=before
            )
            audit.record(tx, at=now, actor=STEWARD, kind="operation.started", subject=operation.id)
            operation_rows.publish(tx, operation.number, now)
            return True

        return await self._ledger.write(write)


def _tried_since(tx: Tx, operation: Operation) -> int:
    """From when on it could have run: approved, and its locks free."""
    rows = tx.all("journal_of_operation", number=operation.number)
    waits = [row["at"] for row in rows if row["phase"].startswith(_WAITED)]
    return max(waits, default=operation.decided_at or 0)
