"""The ledger: runs a synchronous function in one transaction, on a thread of its own, on SQLite or PostgreSQL."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from bot.domain.errors import Conflict

T = TypeVar("T")
Row = Mapping[str, Any]
"""A row by column name; callers turn it into a domain value at once."""

Value = str | int | float | bytes | None


class Tx(Protocol):
    """One open transaction. Statements are named in `queries/*.sql`; parameters by name."""

    def one(self, name: str, /, **parameters: Value) -> Row | None:
        """The first row, or None."""
        ...

    def all(self, name: str, /, **parameters: Value) -> list[Row]:
        """All rows."""
        ...

    def run(self, name: str, /, **parameters: Value) -> int:
        """Run a statement; the number of rows it changed."""
        ...


class Driver(Protocol):
    """What a database must offer: a transaction around a synchronous function, on the calling thread."""

    threads: int

    def transact(self, work: Callable[[Tx], T], *, write: bool, patience: float) -> T:
        """Run `work` in one transaction. `patience`: seconds to wait for the write lock at most."""
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


class Ledger:
    """Transactions for asynchronous callers; nothing in a transaction can wait for a network call."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._threads = ThreadPoolExecutor(driver.threads, thread_name_prefix="ledger")

    async def write(self, work: Callable[[Tx], T], *, receipt: str | None = None, patience: float = 1.0) -> T:
        """Run `work` in one transaction; with a receipt, only if that inbox entry was not carried out before.

        Raises `AlreadyHandled` for a used receipt, `Unavailable` where the database cannot be reached or stays locked.
        """

        def with_receipt(tx: Tx) -> T:
            if receipt is not None and not tx.run("settle_receipt", key=receipt):
                raise AlreadyHandled("This request was carried out already.")
            return work(tx)

        return await self._off_loop(lambda: self._driver.transact(with_receipt, write=True, patience=patience))

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in one read-only transaction."""
        return await self._off_loop(lambda: self._driver.transact(work, write=False, patience=1.0))

    async def migrate(self) -> None:
        """Bring the schema up to date."""
        await self._off_loop(self._driver.migrate)

    async def database_now(self) -> int:
        """The database's clock, epoch ms; raises `Unavailable` where it does not answer."""
        return await self._off_loop(self._driver.now)

    async def close(self) -> None:
        """Let running transactions end, then close every connection."""
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
        self._driver.close()

    async def _off_loop(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


async def open_ledger(address: str) -> Ledger:
    """Open and migrate the ledger at `sqlite:///file.db`, `sqlite:///:memory:` or `postgresql://…`."""
    if address.startswith("sqlite:///"):
        from bot.store.sqlite import SqliteDriver  # noqa: PLC0415 - only one driver is ever loaded

        driver: Driver = SqliteDriver(address.removeprefix("sqlite:///"))
    elif address.startswith(("postgresql://", "postgres://")):
        from bot.store.postgres import PostgresDriver  # noqa: PLC0415

        driver = PostgresDriver(address)
    else:
        raise ValueError("STEWARD_DATABASE must start with sqlite:/// or postgresql://")
    ledger = Ledger(driver)
    await ledger.migrate()
    return ledger
