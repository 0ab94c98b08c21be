"""The ledger: runs a synchronous function in one transaction, on a thread of its own, on SQLite or PostgreSQL."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from bot.domain.errors import Conflict
from bot.store import queries
from bot.store.threads import Threads

T = TypeVar("T")
Row = Mapping[str, Any]
"""A row by column name; callers turn it into a domain value at once."""

Value = str | int | float | bytes | None

PATIENCE = 1.0
"""Seconds to wait for a lock on the request path: Slack gives up after three."""


class Tx(Protocol):
    """One open transaction. Statements are named in each folder's `queries.sql`; parameters by name."""

    def one(self, name: str, /, **parameters: Value) -> Row | None:
        """The first row, or None."""
        ...

    def all(self, name: str, /, **parameters: Value) -> list[Row]:
        """All rows."""
        ...

    def run(self, name: str, /, **parameters: Value) -> int:
        """Run a statement; the number of rows it changed."""
        ...

    def each(self, name: str, rows: Sequence[Row], /) -> list[int]:
        """Run a statement once per row of parameters, in one round trip; the numbers of rows changed."""
        ...


class Driver(Protocol):
    """What a database must offer: a transaction around a synchronous function, on the calling thread.

    `threads`: how many may write at once; as many others read meanwhile.
    """

    threads: int

    def transact(self, work: Callable[[Tx], T], *, write: bool, patience: float) -> T:
        """Run `work` in one transaction. `patience`: seconds to wait for the write lock at most."""
        ...

    def alone(self, name: str, parameters: Row) -> list[Row]:
        """Run one statement that is a whole transaction; the rows that it returns."""
        ...

    def migrate(self) -> None:
        """Bring the schema up to date, once, whoever comes first."""
        ...

    def now(self) -> int:
        """The database's clock, epoch ms."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...


class AlreadyHandled(Conflict):
    """The request behind this receipt has been carried out before; nothing was done again."""


Watcher = Callable[[frozenset[str]], None]
"""Told after each commit that changed something, on the event loop, by which statements."""


class Ledger:
    """Transactions for asynchronous callers; nothing in a transaction can wait for a network call."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        # A read does not queue behind commits, which wait for the disk.
        self._writers = Threads(driver.threads, "ledger")
        self._readers = Threads(driver.threads, "reader")
        self._watchers: list[Watcher] = []

    def watch(self, watcher: Watcher) -> None:
        """Have `watcher` called after every commit of this process, so that nobody waits for the next cycle."""
        self._watchers.append(watcher)

    async def write(self, work: Callable[[Tx], T], *, receipt: str | None = None, patience: float = PATIENCE) -> T:
        """Run `work` in one transaction; with a receipt, only if that inbox entry was not carried out before.

        After a deadlock or a lost connection `work` runs again from the start, so it changes nothing but the ledger.
        Raises `AlreadyHandled` for a used receipt, `Unavailable` where the database cannot be reached or stays locked.
        """

        def noted(tx: Tx) -> tuple[T, set[str]]:
            changes = _Changes(tx)
            if receipt is not None and not tx.run("settle_receipt", key=receipt):
                raise AlreadyHandled("This request was carried out already.")
            return work(changes), changes.seen

        outcome, names = await self._writers.run(lambda: self._driver.transact(noted, write=True, patience=patience))
        self._tell(names)
        return outcome

    async def run(self, name: str, /, **parameters: Value) -> list[Row]:
        """Run one statement that changes rows and returns them: a transaction of one round trip.

        After a lost connection it runs again, so it must do no harm when it is repeated. Raises `Unavailable`: it may
        have been saved all the same.
        """
        rows = await self._writers.run(lambda: self._driver.alone(name, parameters))
        self._tell({name} if rows else set())
        return rows

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work`, which can only read. On PostgreSQL each statement sees what is committed when it begins."""
        return await self._readers.run(lambda: self._driver.transact(work, write=False, patience=PATIENCE))

    def _tell(self, names: set[str]) -> None:
        if names:
            for watcher in self._watchers:
                watcher(frozenset(names))

    async def migrate(self) -> None:
        """Bring the schema up to date."""
        await self._writers.run(self._driver.migrate)

    async def database_now(self) -> int:
        """The database's clock, epoch ms; raises `Unavailable` where it does not answer."""
        return await self._readers.run(self._driver.now)

    async def close(self) -> None:
        """Let running transactions end, then close every connection."""
        for threads in (self._writers, self._readers):
            await asyncio.to_thread(threads.close)
        self._driver.close()


class _Changes:
    """A transaction that notes which statements changed rows, for the watchers."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.seen: set[str] = set()

    def one(self, name: str, /, **parameters: Value) -> Row | None:
        row = self._tx.one(name, **parameters)
        self._note(name, changed=row is not None)
        return row

    def all(self, name: str, /, **parameters: Value) -> list[Row]:
        rows = self._tx.all(name, **parameters)
        self._note(name, changed=bool(rows))
        return rows

    def run(self, name: str, /, **parameters: Value) -> int:
        count = self._tx.run(name, **parameters)
        self._note(name, changed=count > 0)
        return count

    def each(self, name: str, rows: Sequence[Row], /) -> list[int]:
        counts = self._tx.each(name, rows)
        self._note(name, changed=any(counts))
        return counts

    def _note(self, name: str, *, changed: bool) -> None:
        if changed and queries.writes(name):
            self.seen.add(name)
