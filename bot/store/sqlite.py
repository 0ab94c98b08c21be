"""The SQLite driver: a connection for writing, one for reading, WAL, `begin immediate`, `synchronous=full`."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from bot.domain.errors import Unavailable
from bot.store import queries
from bot.store.ledger import PATIENCE, Row, Tx, Value
from bot.store.migrations import pending

T = TypeVar("T")

_IN_MEMORY = ":memory:"
_MIGRATION_PATIENCE = 10.0
_LOCKED = "The ledger is locked by another process; nothing was changed. Try again in a moment."
# Programming errors propagate unchanged.
_TROUBLES = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: "The ledger's disk is full; nothing was changed. Free some space and try again.",
    sqlite3.SQLITE_READONLY: "The ledger's file may not be written; nothing was changed. Check its permissions.",
    sqlite3.SQLITE_IOERR: "The ledger's file cannot be read or written; nothing was changed. Check its disk.",
    sqlite3.SQLITE_CANTOPEN: "The ledger's file cannot be opened. Check STEWARD_DATABASE and its permissions.",
    sqlite3.SQLITE_CORRUPT: "The ledger's file is damaged; restore it from a backup.",
    sqlite3.SQLITE_NOTADB: "STEWARD_DATABASE names a file that is not a SQLite database; correct it.",
}


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
        return self._changed(self._connection.execute(queries.for_sqlite(name), parameters))

    def each(self, name: str, rows: Sequence[Row], /) -> list[int]:
        statement = queries.for_sqlite(name)
        return [self._changed(self._connection.execute(statement, dict(row))) for row in rows]

    def _changed(self, cursor: sqlite3.Cursor) -> int:
        """How many rows it changed; Python knows only for statements that begin with their verb."""
        if cursor.rowcount >= 0:
            return cursor.rowcount
        return int(self._connection.execute("select changes() as n").fetchone()["n"])


class SqliteDriver:
    """One file (or `:memory:`): a connection that writes, and another one that reads meanwhile."""

    threads = 1

    def __init__(self, path: str) -> None:
        self._writer = _Session(path)
        # What lives in memory lives in one connection.
        self._reader = self._writer if path == _IN_MEMORY else _Session(path)

    def transact(self, work: Callable[[Tx], T], *, write: bool, patience: float) -> T:
        return (self._writer if write else self._reader).transact(work, write=write, patience=patience)

    def alone(self, name: str, parameters: Row) -> list[Row]:
        return self.transact(lambda tx: tx.all(name, **parameters), write=True, patience=PATIENCE)

    def migrate(self) -> None:
        self._writer.migrate()

    def now(self) -> int:
        self.transact(lambda tx: tx.one("count_open_inbox"), write=False, patience=PATIENCE)
        return int(time.time() * 1000)

    def close(self) -> None:
        self._reader.close()
        self._writer.close()


class _Session:
    """One connection, opened when first used; one transaction at a time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._guard = threading.Lock()
        self._pragmas: dict[str, str] = {}

    def transact(self, work: Callable[[Tx], T], *, write: bool, patience: float) -> T:
        with self._guard:
            connection = self._open()
            try:
                # `query_only` keeps reads honest: what PostgreSQL refuses, this twin refuses too.
                self._set(connection, f"pragma query_only = {int(not write)}")
                self._set(connection, f"pragma busy_timeout = {int(patience * 1000)}")
                return self._in_transaction(connection, work, write=write)
            except sqlite3.DatabaseError as error:
                raise _translated(error, write=write) from error

    def migrate(self) -> None:
        """Bring the schema up to date."""

        def apply(_: Tx) -> None:
            connection = self._open()
            connection.execute("create table if not exists migration (name text primary key, at bigint not null)")
            done = {row["name"] for row in connection.execute("select name from migration")}
            for name, statements in pending(done):
                for statement in statements:
                    connection.execute(statement)
                connection.execute("insert into migration values (?, ?)", (name, int(time.time() * 1000)))

        self.transact(apply, write=True, patience=_MIGRATION_PATIENCE)

    def close(self) -> None:
        """Close it; it opens again where it is used again."""
        with self._guard:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _in_transaction(self, connection: sqlite3.Connection, work: Callable[[Tx], T], *, write: bool) -> T:
        connection.execute("begin immediate" if write else "begin")
        try:
            outcome = work(_SqliteTx(connection))
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        return outcome

    def _set(self, connection: sqlite3.Connection, pragma: str) -> None:
        """Set a pragma, unless the connection has it so since the transaction before."""
        name = pragma.partition(" =")[0]
        if self._pragmas.get(name) != pragma:
            connection.execute(pragma)
            self._pragmas[name] = pragma

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = None
            try:
                self._own()
                connection = sqlite3.connect(
                    self._path, isolation_level=None, check_same_thread=False, cached_statements=512
                )
                connection.row_factory = _as_mapping
                connection.execute(f"pragma busy_timeout = {int(_MIGRATION_PATIENCE * 1000)}")
                _write_ahead(connection)
                connection.execute("pragma synchronous = full")
                connection.execute("pragma foreign_keys = on")
            except (sqlite3.DatabaseError, OSError) as error:
                if connection is not None:
                    connection.close()
                raise Unavailable(f"The ledger file {self._path} cannot be opened: {error}.") from error
            self._connection = connection
            self._pragmas.clear()
        return self._connection

    def _own(self) -> None:
        """Nobody but the bot's own OS user may read or write the file; SQLite's other files follow it."""
        if self._path == _IN_MEMORY:
            return
        if not self._path:
            raise Unavailable("STEWARD_DATABASE names no file; write sqlite:///PATH/steward.db.")
        file = Path(self._path).resolve()  # What a link points to is made, not the link.
        # Opened only to be made: whoever closes a file drops all locks on it, those of SQLite's connections as well.
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        if not file.is_file():
            raise Unavailable(
                f"The ledger file {self._path} is no file; write STEWARD_DATABASE=sqlite:///PATH/steward.db."
            )
        if file.stat().st_mode & 0o077:
            file.chmod(0o600)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to WAL. SQLite does not wait for another process that switches at the same moment, so this does."""
    end = time.monotonic() + _MIGRATION_PATIENCE
    while True:
        try:
            connection.execute("pragma journal_mode = wal")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _as_mapping(cursor: sqlite3.Cursor, values: tuple[Value, ...]) -> dict[str, Value]:
    return dict(zip((column[0] for column in cursor.description), values, strict=True))


def _translated(error: sqlite3.DatabaseError, *, write: bool) -> Exception:
    # What Python's module itself raises (a missing parameter) has no code: it is a defect of ours.
    # Of an extended code only the low byte counts; the rest says why, which the log will show.
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if primary == sqlite3.SQLITE_READONLY and not write:
        return error  # A read that writes is a defect of ours.
    return Unavailable(_TROUBLES[primary]) if primary in _TROUBLES else error
