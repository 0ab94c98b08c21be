"""Runs approved operations, each at most once: claimed with a lease, journalled around every step."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from bot.domain.errors import BotError, Conflict, NotFound, Refused, Rejected, TargetError, Unauthorized, Unavailable
from bot.domain.operation import Operation, State
from bot.domain.people import STEWARD, Actor
from bot.domain.plan import fingerprint
from bot.domain.timing import SECOND
from bot.ports import Clock
from bot.services import audit, operation_rows
from bot.services.action import Action, Actions, Trace
from bot.services.approvals import end
from bot.services.operation_claims import LEASE, Claims
from bot.services.operation_endings import Endings
from bot.services.operation_ports import Verifier
from bot.store import Ledger, Tx

AT_ONCE = 8
# A step that raises one of these did nothing; any other error leaves the outcome open, so it is observed.
_CERTAIN = (Rejected, Unauthorized, Refused, NotFound, Conflict)

_log = structlog.get_logger(__name__)


class _Lost(Exception):
    """The lease was lost: another replica says what came of it."""


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
        wake: Callable[[], None],
        again: Callable[[Operation], Awaitable[str]],
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._actions = actions
        self._health = health
        self._owner = owner
        self._wake = wake
        self._again = again
        self._endings = Endings(ledger, clock, actions, health, owner)
        self._claims = Claims(ledger, clock, self._endings, owner)
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

        asked = await self._ledger.write(write, receipt=receipt)
        self._wake()
        return asked

    async def settle_by_person(
        self, operation: Operation, actor: Actor, *, happened: bool, receipt: str | None
    ) -> Operation:
        """End an unknown operation by a person's word."""
        word = "It happened" if happened else "It did not happen"
        state = State.SUCCEEDED if happened else State.FAILED

        def write(tx: Tx) -> Operation:
            if not self._endings.settle(
                tx, operation.number, (State.UNKNOWN, state), f"{word}, says {actor.person}", actor
            ):
                current = operation_rows.by_number(tx, operation.number)
                raise Conflict(f"{current.id} is {current.state} already; nothing was changed.")
            return operation_rows.by_number(tx, operation.number)

        settled = await self._ledger.write(write, receipt=receipt)
        self._wake()
        return settled

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
        self._wake()

    async def _carry_out(self, number: int) -> None:
        lease = asyncio.create_task(self._keep_lease(number))
        try:
            operation = await self._ledger.read(lambda tx: operation_rows.by_number(tx, number))
            action = self._actions[operation.action](operation.parameters)
            if await self._still_as_planned(operation, action) and await self._start(operation):
                await self._steps(operation, action)
        except _Lost:
            _log.warning("operation_lease_lost", operation=number)
        finally:
            lease.cancel()

    async def _keep_lease(self, number: int) -> None:
        while True:
            await asyncio.sleep(LEASE / 3 / SECOND)
            until = self._clock.wall() + LEASE
            # A ledger that is busy for a moment must not end the renewals.
            with contextlib.suppress(Unavailable):
                await self._ledger.write(
                    lambda tx, until=until: tx.run(  # type: ignore[misc] # the default binds the loop's value
                        "extend_operation_lease", number=number, owner=self._owner, lease_until=until
                    )
                )

    async def _still_as_planned(self, operation: Operation, action: Action) -> bool:
        """Recompute the fingerprint; where the world moved on, the approval is void and is asked for again."""
        try:
            plan = await action.plan()
        except BotError as error:
            await self._void(operation, f"nothing ran: {error}")
            return False
        found = fingerprint(action.name, action.parameters(), action.targets, plan.material)
        if found == operation.fingerprint:
            return True
        planned, seen = operation.plan.material, plan.material
        moved = "; ".join(f"{was} became {now}" for was, now in zip(planned, seen, strict=False) if was != now)
        if await self._void(
            operation, f"the state changed since it was approved ({moved or 'it differs'}); nothing ran"
        ):
            _log.info("operation_asked_again", operation=operation.id, now=await self._again(operation))
        return False

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

    async def _start(self, operation: Operation) -> bool:
        """From claimed to running; what the checks say before the first step goes into the journal."""
        before = await self._endings.readings(operation)
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

    async def _steps(self, operation: Operation, action: Action) -> None:
        traces: list[Trace] = []
        for place, step in enumerate(operation.plan.steps):
            begun = False
            try:
                baseline = await action.baseline(step)
                await self._journal(operation, place, "intent", baseline, step.title)
                begun = True
                result = await action.execute(step)
            except (*_CERTAIN, TargetError) as error:
                await self._after_error(operation, place, error, begun=begun)
                return
            except Exception as error:
                await self._lose_track(operation, f"step {place + 1} broke off ({type(error).__name__})")
                raise
            await self._journal(operation, place, "result", result.data, result.text)
            traces.append(Trace(step, baseline, result))
        await self._endings.conclude(operation, action, traces)

    async def _after_error(self, operation: Operation, place: int, error: BotError, *, begun: bool) -> None:
        if begun and not isinstance(error, _CERTAIN):
            await self._lose_track(operation, str(error))
            return
        note = f"step {place + 1} of {len(operation.plan.steps)}: {error}"
        await self._ledger.write(
            lambda tx: self._endings.settle(tx, operation.number, (State.RUNNING, State.FAILED), note, STEWARD)
        )

    async def _lose_track(self, operation: Operation, note: str) -> None:
        now, wall = self._clock.now(), self._clock.wall()
        await self._ledger.write(lambda tx: self._endings.lose_track(tx, operation.number, note, now, wall))

    async def _journal(self, operation: Operation, place: int, phase: str, data: str, text: str) -> None:
        """One row; an intent is written only while the lease is ours, or another replica would repeat the step."""
        now, lease = self._clock.now(), self._clock.wall() + LEASE

        def write(tx: Tx) -> None:
            held = tx.run("extend_operation_lease", number=operation.number, owner=self._owner, lease_until=lease)
            if phase == "intent" and not held:
                raise _Lost
            tx.run("journal_operation", number=operation.number, step=place, phase=phase, at=now, data=data, text=text)

        await self._ledger.write(write)
