"""The PostgreSQL driver: a small pool of synchronous connections, one transaction per call."""

import threading
from collections.abc import Callable
from typing import TypeVar

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from bot.domain.errors import Unavailable
from bot.store import queries
from bot.store.ledger import Row, Tx, Value
from bot.store.migrations import pending

T = TypeVar("T")
Connection = psycopg.Connection[dict[str, object]]

_MIGRATION_LOCK = 0x57E3A2D  # Any constant: all replicas must take the same one.


class _PostgresTx:
    """A transaction on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def one(self, name: str, /, **parameters: Value) -> Row | None:
        return self._connection.execute(queries.for_postgres(name).encode(), parameters).fetchone()

    def all(self, name: str, /, **parameters: Value) -> list[Row]:
        return list(self._connection.execute(queries.for_postgres(name).encode(), parameters).fetchall())

    def run(self, name: str, /, **parameters: Value) -> int:
        return self._connection.execute(queries.for_postgres(name).encode(), parameters).rowcount


class PostgresDriver:
    """A pool of `threads` connections to one database."""

    threads = 4

    def __init__(self, address: str) -> None:
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            address,
            min_size=1,
            max_size=self.threads,
            open=False,
            timeout=3,
            kwargs={"row_factory": dict_row, "connect_timeout": 3, "application_name": "steward"},
        )
        self._opening = threading.Lock()

    def transact(self, work: Callable[[Tx], T], *, write: bool, patience: float) -> T:
        try:
            with self._opened().connection() as connection:
                if not write:
                    connection.execute("set transaction read only")
                # One round trip more, but a lock held by a dead replica cannot outlast Slack's three seconds.
                connection.execute(f"set local lock_timeout = {int(patience * 1000)}".encode())
                return work(_PostgresTx(connection))
        except (PoolTimeout, psycopg.OperationalError) as error:
            raise Unavailable(
                "The ledger's database does not answer; nothing was changed. Try again in a moment."
            ) from error

    def migrate(self) -> None:
        try:
            with self._opened().connection() as connection:
                connection.execute("select pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
                connection.execute("create table if not exists migration (name text primary key, at bigint not null)")
                done = {str(row["name"]) for row in connection.execute("select name from migration")}
                for name, statements in pending(done):
                    for statement in statements:
                        connection.execute(statement.encode())
                    connection.execute(
                        "insert into migration values (%s, (extract(epoch from now()) * 1000)::bigint)", (name,)
                    )
        except (PoolTimeout, psycopg.OperationalError) as error:
            raise Unavailable("The ledger's database does not answer; check STEWARD_DATABASE.") from error

    def now(self) -> int:
        try:
            with self._opened().connection() as connection:
                row = connection.execute(
                    "select (extract(epoch from clock_timestamp()) * 1000)::bigint as now"
                ).fetchone()
        except (PoolTimeout, psycopg.OperationalError) as error:
            raise Unavailable("The ledger's database does not answer.") from error
        if row is None or not isinstance(row["now"], int):
            raise Unavailable("The ledger's database does not tell its time.")
        return row["now"]

    def close(self) -> None:
        self._pool.close()

    def _opened(self) -> ConnectionPool[Connection]:
        if self._pool.closed:
            with self._opening:
                if self._pool.closed:
                    self._pool.open()
        return self._pool
