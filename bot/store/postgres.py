"""The PostgreSQL driver: a connection for each of the ledger's threads, one transaction per change."""

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

import psycopg
from psycopg.rows import dict_row

from bot.domain.errors import Unavailable
from bot.store import queries
from bot.store.ledger import PATIENCE, Row, Tx, Value
from bot.store.migrations import pending

T = TypeVar("T")
Connection = psycopg.Connection[dict[str, object]]
Cursor = psycopg.Cursor[dict[str, object]]

_MIGRATION_LOCK = 0x57E3A2D  # Any constant: all replicas must take the same one.
_ROUNDS = 3
_SILENT = "The ledger's database does not answer; nothing was changed. Try again in a moment."
_BUSY = "The ledger is held by another transaction; nothing was changed. Try again in a moment."
_NO_ADDRESS = (
    "STEWARD_DATABASE is no address that PostgreSQL's client can read; write postgresql://user:password@host/database, "
    "with %XX for every special character of the password."
)
_BROKEN_OFF = "The ledger's database broke off while it saved; look at what is shown before you repeat this."


class _PostgresTx:
    """Statements on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def one(self, name: str, /, **parameters: Value) -> Row | None:
        return self._execute(name, parameters).fetchone()

    def all(self, name: str, /, **parameters: Value) -> list[Row]:
        return list(self._execute(name, parameters).fetchall())

    def run(self, name: str, /, **parameters: Value) -> int:
        return self._execute(name, parameters).rowcount

    def each(self, name: str, rows: Sequence[Row], /) -> list[int]:
        if not rows:
            return []
        statement = queries.for_postgres(name)
        # Pipelined: all rows cost one round trip. The counts are there once the pipeline has ended.
        with self._connection.pipeline():
            cursors = [self._connection.execute(statement, row) for row in rows]
        return [cursor.rowcount for cursor in cursors]

    def _execute(self, name: str, parameters: Row) -> Cursor:
        return self._connection.execute(queries.for_postgres(name), parameters)


class _PostgresChange(_PostgresTx):
    """A transaction that begins in the same round trip as its first statement; without one nothing begins."""

    def __init__(self, connection: Connection, patience: float) -> None:
        super().__init__(connection)
        self._begin = b"begin read write;"
        if patience != PATIENCE:
            self._begin += f"set local lock_timeout = {int(patience * 1000)};".encode()

    def each(self, name: str, rows: Sequence[Row], /) -> list[int]:
        if rows and self._begin:
            self._connection.execute(self._begun(), prepare=False)
        return super().each(name, rows)

    def _execute(self, name: str, parameters: Row) -> Cursor:
        if not self._begin:
            return super()._execute(name, parameters)
        # Only values that the client has put in, quoted by libpq, can travel with two statements at once.
        cursor = psycopg.ClientCursor(self._connection)
        cursor.execute(self._begun() + queries.for_postgres(name), parameters)
        while cursor.nextset():
            pass
        return cursor

    def _begun(self) -> bytes:
        begin, self._begin = self._begin, b""
        return begin


class _PostgresRead(_PostgresTx):
    """Statements that only read. The session does not say so: a pooler hands sessions on with their settings."""

    def one(self, name: str, /, **parameters: Value) -> Row | None:
        return super().one(_reading(name), **parameters)

    def all(self, name: str, /, **parameters: Value) -> list[Row]:
        return super().all(_reading(name), **parameters)

    def run(self, name: str, /, **parameters: Value) -> int:
        return super().run(_reading(name), **parameters)

    def each(self, name: str, rows: Sequence[Row], /) -> list[int]:
        return super().each(_reading(name), rows)


def _reading(name: str) -> str:
    if queries.writes(name):
        raise TypeError(f"{name} changes rows, and this transaction is read-only")
    return name


class PostgresDriver:
    """As many connections as the ledger has threads; each is opened when first used and again after it broke.

    A connection that reads may do nothing else, and opens no transactions: at this level of isolation (read committed)
    each statement sees what is committed when it begins, within one or not, and two of three round trips are saved.
    """

    threads = 4

    def __init__(self, address: str) -> None:
        self._address = address
        self._mine = threading.local()
        self._opened: list[Connection] = []

    def transact(self, work: Callable[[Tx], T], *, write: bool, patience: float) -> T:
        if not write:
            return self._attempt(lambda connection: work(_PostgresRead(connection)), write=False)
        return self._attempt(lambda connection: work(_PostgresChange(connection, patience)), write=True)

    def alone(self, name: str, parameters: Row) -> list[Row]:
        doubtful = False

        def attempt(connection: Connection) -> list[Row]:
            nonlocal doubtful
            try:
                return _PostgresTx(connection).all(name, **parameters)
            except psycopg.OperationalError:
                doubtful = doubtful or connection.broken
                raise

        try:
            return self._attempt(attempt, write=True)
        except Unavailable as error:
            if doubtful:
                raise Unavailable(_BROKEN_OFF) from error
            raise

    def _attempt(self, work: Callable[[Connection], T], *, write: bool) -> T:
        """The outcome of `work` once it is committed; it runs anew after a deadlock or a lost connection."""
        for rounds_left in reversed(range(_ROUNDS)):
            connection = self._connection(write=write)
            try:
                outcome = work(connection)
            except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure) as error:
                connection.rollback()
                if not rounds_left:
                    raise Unavailable(_BUSY) from error
                continue
            except psycopg.errors.LockNotAvailable as error:
                connection.rollback()
                raise Unavailable(_BUSY) from error
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                # A restarted server ends its old sessions. Nothing of a transaction was kept; what is alone may have
                # been, and may be repeated.
                if connection.broken and rounds_left:
                    continue
                _roll_back(connection)
                raise Unavailable(_SILENT) from error
            except BaseException:
                _roll_back(connection)
                raise
            _commit(connection)
            return outcome
        raise Unavailable(_SILENT)

    def migrate(self) -> None:
        try:
            with self._connection(write=True).transaction() as transaction:
                connection = transaction.connection
                connection.execute("set local lock_timeout = 0")
                connection.execute("set local statement_timeout = 0")
                connection.execute("select pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
                connection.execute("create table if not exists migration (name text primary key, at bigint not null)")
                done = {str(row["name"]) for row in connection.execute("select name from migration")}
                for name, statements in pending(done):
                    for statement in statements:
                        connection.execute(statement.encode())
                    connection.execute(
                        "insert into migration values (%s, (extract(epoch from now()) * 1000)::bigint)", (name,)
                    )
        except psycopg.OperationalError as error:
            raise Unavailable("The ledger's database does not answer; check STEWARD_DATABASE.") from error

    def now(self) -> int:
        row = self.transact(lambda tx: tx.one("postgres_now"), write=False, patience=PATIENCE)
        if row is None or not isinstance(row["now"], int):
            raise Unavailable("The ledger's database does not tell its time.")
        return row["now"]

    def close(self) -> None:
        while self._opened:
            self._opened.pop().close()

    def _connection(self, *, write: bool) -> Connection:
        """This thread's connection, for writing or for reading."""
        purpose = "writing" if write else "reading"
        mine: Connection | None = getattr(self._mine, purpose, None)
        if mine is not None and not mine.closed:
            return mine
        if mine is not None:
            self._opened.remove(mine)
        try:
            # `tcp_user_timeout`: a database host that vanished is noticed before Slack's three seconds are over.
            mine = psycopg.Connection.connect(
                self._address,
                autocommit=True,  # A transaction that changes something says so itself: see `_PostgresChange`.
                row_factory=dict_row,
                prepare_threshold=2,
                connect_timeout=2,
                tcp_user_timeout=2500,
                application_name="steward",
            )
            mine.execute(f"set lock_timeout = {int(PATIENCE * 1000)}".encode())
            mine.execute("set statement_timeout = 10000")
            mine.execute("set default_transaction_read_only = off")  # Whoever had a pooler's session before.
        except psycopg.OperationalError as error:
            raise Unavailable(_SILENT) from error
        except psycopg.ProgrammingError:
            # libpq repeats the part that it cannot read, which may be the password: nothing of it may be chained.
            raise Unavailable(_NO_ADDRESS) from None
        self._opened.append(mine)
        setattr(self._mine, purpose, mine)
        return mine


def _commit(connection: Connection) -> None:
    try:
        connection.commit()
    except psycopg.OperationalError as error:
        broken = connection.broken
        _roll_back(connection)
        raise Unavailable(_BROKEN_OFF if broken else _SILENT) from error


def _roll_back(connection: Connection) -> None:
    """Roll back; a connection that cannot even do that is closed, and the next call opens another."""
    try:
        connection.rollback()
    except psycopg.Error:
        connection.close()
