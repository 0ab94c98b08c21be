"""Carries out the steps of a running operation, each at most once and journalled around; what comes late is told."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from bot.domain.errors import (
    BadAnswer,
    Conflict,
    NotDone,
    NotFound,
    OutcomeUnknown,
    Refused,
    Rejected,
    TargetError,
    Unauthorized,
    Unreachable,
)
from bot.domain.people import STEWARD
from bot.operations import rows as operation_rows
from bot.operations.action import Action, Result, Trace
from bot.operations.lease import Lease, Lost
from bot.operations.model import Operation, State
from bot.operations.outcomes import Endings
from bot.operations.plan import Step, fingerprint
from bot.ports import Clock
from bot.store import Ledger, Tx

# A step that raises one of these did nothing; any other error leaves the outcome open, so it is observed.
_CERTAIN = (Rejected, Unauthorized, NotDone, Refused, NotFound, Conflict)
PASSING = (Unreachable, BadAnswer, OutcomeUnknown)
"""What a read may raise now and not a moment later."""

_log = structlog.get_logger(__name__)
T = TypeVar("T")


async def drift(operation: Operation, action: Action) -> str:
    """Plan again and say what moved since it was approved; empty where nothing material did."""
    plan = await action.plan()
    if fingerprint(action.name, action.parameters(), action.targets, plan.material) == operation.fingerprint:
        return ""
    pairs = zip(operation.plan.material, plan.material, strict=False)
    moved = "; ".join(f"{was} became {now}" for was, now in pairs if was != now)
    return f"the state changed since it was approved ({moved or 'it differs'}); nothing ran"


@dataclass(slots=True)
class _Attempt:
    """One try of one step; `acting` from the moment in which something may have been changed."""

    place: int
    step: Step
    baseline: str = ""
    acting: bool = False


class Steps:
    """What stands between `running` and an end."""

    def __init__(
        self, ledger: Ledger, clock: Clock, endings: Endings, *, again: Callable[[Operation], Awaitable[str]]
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._endings = endings
        self._again = again

    async def run(self, operation: Operation, action: Action, lease: Lease) -> None:
        """All steps, as long as each of them answers; then look whether they took effect."""
        traces: list[Trace] = []
        for place, step in enumerate(operation.plan.steps):
            trace = await self._step(operation, action, lease, _Attempt(place, step))
            if trace is None:
                return
            traces.append(trace)
        await self._endings.conclude(operation, action, traces)

    async def _step(self, operation: Operation, action: Action, lease: Lease, attempt: _Attempt) -> Trace | None:
        named = f"step {attempt.place + 1} of {len(operation.plan.steps)}"

        def change() -> Awaitable[Result]:
            attempt.acting = True
            return action.execute(attempt.step)

        try:
            async with lease.needed():
                attempt.baseline = await _twice(lambda: action.baseline(attempt.step))
                began = await self._begin(operation, attempt, action.patience, lease)
                # The last look before the change: what was approved is what was seen, or nothing runs.
                moved = await _twice(lambda: drift(operation, action))
                if not moved:
                    result = await lease.act(change, began=began, patience=action.patience)
        except Lost:
            await self._cut_off(operation, attempt, named)
        except (*_CERTAIN, TargetError) as error:
            if attempt.acting and not isinstance(error, _CERTAIN):
                lasts = error.lasts if isinstance(error, OutcomeUnknown) else None
                await self._lose_track(operation, attempt, str(error), lasts)
            else:
                await self._fail(operation, attempt, f"{named}: {error}")
        except Exception as error:
            await self._lose_track(operation, attempt, f"step {attempt.place + 1} broke off ({type(error).__name__})")
            raise
        else:
            if moved:
                await self._fail(operation, attempt, moved)
                _log.info("operation_asked_again", operation=operation.id, now=await self._again(operation))
                return None
            trace = Trace(attempt.step, attempt.baseline, result)
            return trace if await self._answered(operation, attempt, trace) else None
        return None

    async def _begin(self, operation: Operation, attempt: _Attempt, patience: int, lease: Lease) -> int:
        """Write the intent, only while the lease is ours; returns the machine's time from which its patience counts."""
        now, began, until = self._clock.now(), self._clock.wall(), lease.moment()
        steps = len(operation.plan.steps)
        progress = f"step {attempt.place + 1} of {steps}" if steps > 1 else ""

        def write(tx: Tx) -> None:
            if not tx.run(
                "begin_operation_step",
                note=progress,
                number=operation.number,
                owner=lease.owner,
                lease_until=until[0],
                busy_until=began + patience,
            ):
                raise Lost
            _write(tx, operation, attempt, "intent", (attempt.baseline, attempt.step.title, now))
            if progress:
                operation_rows.publish(tx, operation.number, now)

        await self._ledger.write(write)
        lease.renewed(until)
        return began

    async def _answered(self, operation: Operation, attempt: _Attempt, trace: Trace) -> bool:
        """Keep the result, whoever owns the operation by now; false where that is somebody else."""
        result = trace.result
        if result is None:
            return True
        now = self._clock.now()

        def write(tx: Tx) -> bool:
            _write(tx, operation, attempt, "result", (result.data, result.text, now))
            tx.run("shorten_busy_operation", number=operation.number, busy_until=None)
            if self._endings.owns(tx, operation.number):
                return True
            self._endings.late(tx, operation, attempt.place, result.text, now)
            return False

        return await self._ledger.write(write)

    async def _fail(self, operation: Operation, attempt: _Attempt, note: str) -> None:
        """Nothing was done by this step."""
        now = self._clock.now()

        def write(tx: Tx) -> None:
            if not self._endings.settle(tx, operation.number, (State.RUNNING, State.FAILED), note, STEWARD):
                tx.run("shorten_busy_operation", number=operation.number, busy_until=None)
                self._endings.late(tx, operation, attempt.place, note, now)

        await self._ledger.write(write)

    async def _lose_track(self, operation: Operation, attempt: _Attempt, note: str, lasts: int | None = None) -> None:
        """It may have happened; `lasts`: for how long it may still be under way, where that is known."""
        now, wall = self._clock.now(), self._clock.wall()

        def write(tx: Tx) -> None:
            if lasts is not None:
                tx.run("shorten_busy_operation", number=operation.number, busy_until=wall + lasts)
            if not self._endings.lose_track(tx, operation.number, note, now, wall):
                self._endings.late(tx, operation, attempt.place, note, now)

        await self._ledger.write(write)

    async def _cut_off(self, operation: Operation, attempt: _Attempt, named: str) -> None:
        """The lease went: before the change nothing was done, within it nobody knows."""
        _log.warning("operation_lease_lost", operation=operation.number, acting=attempt.acting)
        if attempt.acting:
            await self._lose_track(operation, attempt, f"{named} was cut off: this process stood still or was replaced")
        else:
            await self._fail(operation, attempt, f"{named}: this process stood still or was replaced; nothing was run")


def _write(tx: Tx, operation: Operation, attempt: _Attempt, phase: str, row: tuple[str, str, int]) -> None:
    """A row of the journal: data, text and when."""
    data, text, now = row
    tx.run(
        "journal_operation",
        number=operation.number,
        step=attempt.place,
        phase=phase,
        at=now,
        data=data,
        text=text,
    )


async def _twice(read: Callable[[], Awaitable[T]]) -> T:
    """A read that failed in passing is repeated at once."""
    try:
        return await read()
    except PASSING:
        return await read()
