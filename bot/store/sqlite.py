"""The SQLite driver: one connection, one thread, WAL, `begin immediate`, `synchronous=full`."""

import sqlite3
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from bot.domain.errors import Unavailable
from bot.store import queries
from bot.store.ledger import Row, Tx, Value
from bot.store.migrations import pending

T = TypeVar("T")


class _SqliteTx:
    """A transaction on the open connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def one(self, name: str, /, **parameters: Value) -> Row | None:
        row: Row | None = self._connection.execute(queries.for_sqlite(name), parameters).fetchone()
        return row

    def all(self, name: str, /, **parameters: Value) -> list[Row]:
        return self._connection.execute(queries.for_sqlite(name), parameters).fetchall()

    def run(self, name: str, /, **parameters: Value) -> int:
        return self._connection.execute(queries.for_sqlite(name), parameters).rowcount


def _as_mapping(cursor: sqlite3.Cursor, values: tuple[Value, ...]) -> dict[str, Value]:
    return dict(zip((column[0] for column in cursor.description), values, strict=True))


class SqliteDriver:
    """One file (or `:memory:`), used from the ledger's single thread."""

    threads = 1

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._guard = threading.Lock()

    def transact(self, work: Callable[[Tx], T], *, write: bool, patience: float) -> T:
        with self._guard:
            connection = self._open()
            try:
                connection.execute(f"pragma busy_timeout = {int(patience * 1000)}")
                connection.execute("begin immediate" if write else "begin")
            except sqlite3.OperationalError as error:
                raise Unavailable("The ledger is locked by another process; try again in a moment.") from error
            try:
                outcome = work(_SqliteTx(connection))
            except BaseException:
                connection.rollback()
                raise
            try:
                connection.commit()
            except sqlite3.OperationalError as error:
                connection.rollback()
                raise Unavailable("The ledger could not be written; is the disk full? Nothing was changed.") from error
            return outcome

    def migrate(self) -> None:
        with self._guard:
            connection = self._open()
            connection.execute("pragma busy_timeout = 10000")
            connection.execute("begin immediate")
            try:
                connection.execute("create table if not exists migration (name text primary key, at bigint not null)")
                done = {row["name"] for row in connection.execute("select name from migration")}
                for name, statements in pending(done):
                    for statement in statements:
                        connection.execute(statement)
                    connection.execute("insert into migration values (?, ?)", (name, int(time.time() * 1000)))
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def now(self) -> int:
        with self._guard:
            self._open().execute("select 1")
        return int(time.time() * 1000)

    def close(self) -> None:
        with self._guard:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
                connection.row_factory = _as_mapping
                connection.execute("pragma journal_mode = wal")
                connection.execute("pragma synchronous = full")
                connection.execute("pragma foreign_keys = on")
            except sqlite3.OperationalError as error:
                raise Unavailable(f"The ledger file {self._path} cannot be opened: {error}.") from error
            self._connection = connection
        return self._connection
