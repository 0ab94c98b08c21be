"""How an operation ends: observed, verified by the system's checks, told in the thread, its locks freed."""

from collections.abc import Sequence

from bot.audit import service as audit
from bot.domain.errors import BotError, Conflict, NotFound
from bot.domain.people import STEWARD, Actor
from bot.domain.timing import MINUTE, SECOND, span
from bot.operations import messages as operation_messages
from bot.operations import rows as operation_rows
from bot.operations.action import Action, Actions, Effect, Trace
from bot.operations.model import Operation, State
from bot.operations.ports import Verifier
from bot.operations.windows import UNDO_COVERED_FOR
from bot.outbox import service as outbox
from bot.ports import Clock
from bot.store import Ledger, Tx

VERIFY_FOR = MINUTE
VERIFY_EVERY = 3 * SECOND
OBSERVE_AFTER = (5 * SECOND, 30 * SECOND)
"""When to look again at an unknown outcome."""
OBSERVE_BUSY = 10 * SECOND
"""How often to look at least while a step may still be under way; then once more."""


class Endings:
    """Every way out of `running` and `unknown`."""

    def __init__(self, ledger: Ledger, clock: Clock, actions: Actions, health: Verifier, owner: str) -> None:
        self._ledger = ledger
        self._clock = clock
        self._actions = actions
        self._health = health
        self._owner = owner

    async def conclude(self, operation: Operation, action: Action, traces: Sequence[Trace]) -> None:
        """All steps answered: look whether they took effect, then let the checks confirm it."""
        try:
            effect = await action.observe(traces)
        except BotError as error:
            effect = Effect(None, f"every step answered, but the result cannot be seen: {error}")
        now, wall = self._clock.now(), self._clock.wall()
        if effect.happened is None:
            await self._ledger.write(lambda tx: self.lose_track(tx, operation.number, effect.text, now, wall))
            return
        state = State.SUCCEEDED if effect.happened else State.FAILED
        note = "" if effect.happened else effect.text
        await self._ledger.write(
            lambda tx: self.settle(
                tx, operation.number, (State.RUNNING, state), note, STEWARD, left_to_do=effect.left_to_do
            )
        )
        await self.verify(operation.number)

    async def observe(self, number: int) -> None:
        """Look at an unknown operation; never repeat it."""
        now, wall = self._clock.now(), self._clock.wall()

        def claim(tx: Tx) -> tuple[Operation, Sequence[Trace], int] | None:
            row = tx.one("operation_by_number", number=number)
            seen, busy = (row["observations"], (row["busy_until"] or 0) - wall) if row else (0, 0)
            pause = OBSERVE_AFTER[seen] if seen < len(OBSERVE_AFTER) else None
            if busy > 0:
                pause = min(pause or OBSERVE_BUSY, OBSERVE_BUSY, busy)
            later = None if pause is None else now + pause
            if not tx.run("move_observation", number=number, now=now, later=later):
                return None
            operation = operation_rows.by_number(tx, number)
            return operation, operation_rows.traces(tx, operation), busy

        claimed = await self._ledger.write(claim)
        if claimed is None:
            return
        operation, traces, busy = claimed
        effect = await self._look(operation, traces, busy)
        await self._ledger.write(lambda tx: self._observed(tx, number, effect))
        await self.verify(number)

    async def verify(self, number: int) -> None:
        """Read the checks of a finished operation until they are healthy, for a minute at most."""
        now = self._clock.now()

        def claim(tx: Tx) -> Operation | None:
            moved = tx.run("move_verification", number=number, now=now, later=now + VERIFY_EVERY)
            return operation_rows.by_number(tx, number) if moved else None

        operation = await self._ledger.write(claim)
        if operation is None:
            return
        checks = self._checks(operation)
        try:
            found = await self._health.readings(operation.system, checks)
            good, text = operation_messages.healthy(found), operation_messages.readings(found)
        except BotError as error:
            good, text = False, str(error)
        if good or self._clock.now() - (operation.finished_at or 0) >= VERIFY_FOR:
            await self._ledger.write(lambda tx: self._verified(tx, number, text, good=good))

    def _action(self, operation: Operation) -> Action | None:
        """None where this bot knows the action no more: what was begun can be ended all the same."""
        try:
            return self._actions.load(operation.action, operation.parameters)
        except NotFound:
            return None

    def _checks(self, operation: Operation) -> Sequence[str]:
        action = self._action(operation)
        return action.checks if action is not None else ()

    async def readings(self, operation: Operation) -> str:
        """What the checks say now, on one line; what hinders them is said, and hinders nothing else."""
        checks = self._checks(operation)
        if not checks:
            return ""
        try:
            return operation_messages.readings(await self._health.readings(operation.system, checks))
        except BotError as error:
            return str(error)

    def settle(
        self, tx: Tx, number: int, move: tuple[State, State], note: str, actor: Actor, *, left_to_do: str = ""
    ) -> bool:
        """To succeeded or failed; frees the locks, opens the undo, tells the thread. False: someone else was first."""
        now, (was, state) = self._clock.now(), move
        operation = operation_rows.by_number(tx, number)
        done = operation_rows.traces(tx, operation)
        action = self._action(operation)
        back = action.undo(operation_rows.effective(done, state)) if action is not None else None
        undoable = operation.plan.undoable and back is not None
        checked = state is State.SUCCEEDED and bool(self._checks(operation))
        changed = tx.run(
            "finish_operation",
            number=number,
            state=state.value,
            was=was.value,
            owner=self._owner,
            now=now,
            note=note,
            undo_until=now + UNDO_COVERED_FOR if undoable else None,
            verified="waiting" if checked else "",
            verify_at=now if checked else None,
            left_to_do=left_to_do,
        )
        if not changed:
            return False
        operation_rows.release(tx, operation, now, in_vain=state is State.FAILED)
        if state is State.SUCCEEDED:
            operation_rows.nothing_left(tx, operation, now)
        audit.record(
            tx,
            at=now,
            actor=actor,
            kind=f"operation.{state}",
            subject=operation.id,
            detail={"was": was.value, "note": note},
        )
        ended = operation_rows.publish(tx, number, now)
        journal = tx.all("journal_of_operation", number=number)
        before = next((row["text"] for row in journal if row["phase"] == "before"), "")
        told = [trace.result.text if trace.result else f"{trace.step.title}: no answer" for trace in done]
        message = operation_messages.outcome_thread(ended, told, before)
        outbox.post(tx, key=f"{ended.key}:outcome", channel=ended.channel, message=message, now=now, thread=ended.key)
        return True

    def lose_track(self, tx: Tx, number: int, note: str, now: int, wall: int) -> bool:
        """From running to unknown: it keeps its locks and is looked at from now on."""
        if not tx.run("lose_track_of_operation", number=number, note=note, owner=self._owner, now=now, wall=wall):
            return False
        audit.record(tx, at=now, actor=STEWARD, kind="operation.unknown", subject=f"OP-{number}", detail={"note": note})
        operation_rows.publish(tx, number, now)
        return True

    def refuse_while_busy(self, tx: Tx, number: int) -> None:
        """Raise `Conflict` while a step may still be under way: not even a person knows yet that it did not happen."""
        row = tx.one("operation_by_number", number=number)
        busy = (row["busy_until"] or 0) - self._clock.wall() if row else 0
        if row and row["state"] == State.UNKNOWN and busy > 0:
            raise Conflict(
                f"The step of OP-{number} may still be under way for {span(busy)}; say then that it did not happen."
            )

    def owns(self, tx: Tx, number: int) -> bool:
        """Whether this process runs it, as far as the ledger knows."""
        row = tx.one("operation_by_number", number=number)
        return row is not None and row["state"] == State.RUNNING and row["owner"] == self._owner

    def late(self, tx: Tx, operation: Operation, place: int, text: str, now: int) -> None:
        """Audit and tell what became of a step whose operation went on without it; look at once where it is unknown."""
        current = operation_rows.by_number(tx, operation.number)
        tx.run("ask_for_observation", number=operation.number, now=now)
        audit.record(
            tx,
            at=now,
            actor=STEWARD,
            kind="operation.answered_late",
            subject=operation.id,
            detail={"state": current.state.value, "answer": text},
        )
        outbox.post(
            tx,
            key=f"{operation.key}:late:{place}",
            channel=operation.channel,
            message=operation_messages.late_thread(current, text),
            now=now,
            thread=operation.key,
        )

    async def _look(self, operation: Operation, traces: Sequence[Trace], busy: int) -> Effect:
        """What is seen, as far as it may be believed: for `busy` ms a step may still be under way."""
        if not traces:
            return Effect(happened=False, text="no step had begun; nothing was run")
        try:
            effect = await self._actions.load(operation.action, operation.parameters).observe(traces)
        except BotError as error:
            return Effect(None, f"it cannot be seen: {error}")
        total = len(operation.plan.steps)
        if effect.happened and len(traces) < total:
            return Effect(happened=False, text=f"only {len(traces)} of {total} steps were run; the rest was not")
        if effect.happened is False and busy > 0 and any(trace.result is None for trace in traces):
            return Effect(None, f"{effect.text}, and its step may still be under way for {span(busy)}")
        return effect

    def _observed(self, tx: Tx, number: int, effect: Effect) -> None:
        # What was lost stays in sight: a release may be current while the call after it failed.
        cause = operation_rows.by_number(tx, number).cause
        if effect.happened is None:
            if tx.run("note_unknown", number=number, note=f"{cause}; looked again: {effect.text}"):
                operation_rows.publish(tx, number, self._clock.now())
            return
        state = State.SUCCEEDED if effect.happened else State.FAILED
        note = f"{cause}; observed: {effect.text}"
        self.settle(tx, number, (State.UNKNOWN, state), note, STEWARD, left_to_do=effect.left_to_do)

    def _verified(self, tx: Tx, number: int, text: str, *, good: bool) -> None:
        now = self._clock.now()
        if not tx.run("settle_verification", number=number, verified="yes" if good else "no", verification=text):
            return
        ended = operation_rows.publish(tx, number, now)
        audit.record(
            tx,
            at=now,
            actor=STEWARD,
            kind="operation.verified" if good else "operation.not_verified",
            subject=ended.id,
            detail={"checks": text},
        )
        message = operation_messages.verification_thread(ended)
        outbox.post(tx, key=f"{ended.key}:after", channel=ended.channel, message=message, now=now, thread=ended.key)
