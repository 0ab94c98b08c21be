"""Claims of approved operations: a lease, the locks in sorted order, and what becomes of a lapsed one."""

from collections.abc import Collection

from bot.audit import service as audit
from bot.domain.people import STEWARD
from bot.domain.timing import SECOND, span
from bot.operations import rows as operation_rows
from bot.operations.lease import LEASE
from bot.operations.model import State
from bot.operations.outcomes import Endings
from bot.ports import Clock
from bot.store import Ledger, Tx

RETRY_LOCK = 2 * SECOND
WAITS = "waits for"
"""How the note of an operation begins that waits for a lock."""


class _Held(Exception):
    """A lock is held by another operation: the claim is taken back."""

    def __init__(self, note: str, same: str) -> None:
        super().__init__(note)
        self.note = note
        self.same = same


class Claims:
    """Who may run an operation: one process at a time, one operation per component."""

    def __init__(self, ledger: Ledger, clock: Clock, endings: Endings, owner: str) -> None:
        self._ledger = ledger
        self._clock = clock
        self._endings = endings
        self._owner = owner

    async def recover(self, now: int, here: Collection[int]) -> None:
        """A lapsed claim ran nothing and is free again; a lapsed run may have done anything and is unknown."""
        wall = self._clock.wall()
        if not await self._ledger.read(lambda tx: tx.one("lapsed_operations", wall=wall)):
            return

        def write(tx: Tx) -> None:
            for row in tx.all("lapsed_operations", wall=wall):
                number = row["number"]
                if number in here:  # It runs here: a process that stood still extends it next.
                    continue
                if row["state"] == State.CLAIMED:
                    if tx.run("return_lapsed_claim", number=number, wall=wall):
                        tx.run("release_operation_locks", number=number)
                        audit.record(tx, at=now, actor=STEWARD, kind="operation.claim_lapsed", subject=f"OP-{number}")
                else:
                    self._endings.lose_track(tx, number, "the process that ran it is gone", now, wall)

        await self._ledger.write(write)

    async def claim(self, number: int, now: int) -> bool:
        """Claim an approved operation with all of its locks; false where another was first or holds one."""
        try:
            return await self._ledger.write(lambda tx: self._take(tx, number, now))
        except _Held as held:
            note, same = held.note, held.same

        def wait(tx: Tx) -> None:
            tx.run("wait_for_lock", number=number, retry_at=now + RETRY_LOCK)
            if not operation_rows.by_number(tx, number).note.startswith(same):
                tx.run("note_wait", number=number, note=note)
                operation_rows.publish(tx, number, now)

        await self._ledger.write(wait)
        return False

    def _take(self, tx: Tx, number: int, now: int) -> bool:
        lease = self._clock.wall() + LEASE
        if not tx.run("claim_operation", number=number, owner=self._owner, lease_until=lease):
            return False
        for name in operation_rows.by_number(tx, number).locks:
            if not tx.run("take_operation_lock", name=name, number=number, now=now):
                holder = tx.one("operation_lock_holder", name=name)
                if holder is None or holder["operation"] != number:
                    other = f"OP-{holder['operation']}" if holder else "another operation"
                    same = f"{WAITS} {name}, locked by {other}"
                    raise _Held(f"{same} for {span(now - holder['since'])}" if holder else same, same)
        return True
