"""Health of a PostgreSQL database: it takes a connection and answers; how many of its connections are used."""

import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

import psycopg
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import Field, SecretStr, field_validator

from adapters.kind import Connection, Measure, Table
from adapters.redaction import redacted
from bot.domain.errors import BadAnswer, TargetError, Unauthorized, Unreachable
from bot.domain.timing import span
from bot.ports import Measurement, Rows

KIND = "postgres"
CONNECT_SECONDS = 3
STATEMENT_MS = 3000

# Other people's sessions show no backend_type to an ordinary role, so a missing one counts.
_USED = """
select count(*), current_setting('max_connections')::int
from pg_stat_activity
where datid is not null and usesysid is not null and coalesce(backend_type, 'client backend') = 'client backend'
"""


_SLOW = """
select pid, extract(epoch from clock_timestamp() - query_start) * 1000, usename, wait_event, left(query, 400)
from pg_stat_activity
where state = 'active' and pid <> pg_backend_pid() and backend_type = 'client backend'
  and clock_timestamp() - query_start > %(longer_than)s * interval '1 millisecond'
order by query_start limit %(limit)s
"""
_UNSEEN = """
select count(*) from pg_stat_activity
where usesysid is not null and datid is not null and state is null and backend_type is null
"""
# From left to right: comments go, names in quotes stay, values become a question mark, also those that are cut short.
_PIECES = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<name>"(?:[^"]|"")*(?:"|\Z))
    |(?P<value>\b[eE]'(?:[^'\\]|''|\\.)*(?:'|\Z)
      |'(?:[^']|'')*(?:'|\Z)
      |\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)
      |(?<![\w$])\d[\w.]*(?:(?<=[eE])[+-]\d+)?)""",
    re.DOTALL | re.VERBOSE,
)


def without_values(statement: str) -> str:
    """A statement that may be shown: what is in quotes or a number may be anybody's data."""

    def piece(match: re.Match[str]) -> str:
        return match[0] if match["name"] else "" if match["comment"] else "?"

    # Whether a backslash escapes depends on a setting of the session: with one, the rest may be anything.
    head, backslash, _ = statement.partition("\\")
    return " ".join(_PIECES.sub(piece, head).split()) + (" …" if backslash else "")


class NoConnectionLeft(Unreachable):
    """Every connection slot is taken."""


_CONNECT_ERRORS: tuple[tuple[tuple[str, ...], type[TargetError], str], ...] = (
    (("too many", "connection slots", "reserved for"), NoConnectionLeft, "has no connection left"),
    (("password", "authentication", "pg_hba.conf", 'role "'), Unauthorized, "does not accept our credentials"),
    (("does not exist",), Unauthorized, "has no such database"),
    (("starting up", "shutting down", "recovery"), Unreachable, "is starting or stopping"),
    (("timeout", "timed out"), Unreachable, "does not take the connection in time"),
    (("refused",), Unreachable, "refuses the connection"),
    (("certificate",), Unreachable, "shows a certificate that is not valid"),
    (("resolve", "translate host name"), Unreachable, "has a name that does not resolve"),
    (("invalid response", "protocol"), BadAnswer, "answered something that is not PostgreSQL"),
)


class Config(Connection):
    """`{postgres: "postgresql://user:password@host/database"}`."""

    postgres: SecretStr = Field(description="The address with its credentials; a role that may only read is enough")

    @field_validator("postgres")
    @classmethod
    def _is_a_dsn(cls, address: SecretStr) -> SecretStr:
        try:
            conninfo_to_dict(address.get_secret_value())
            known = address.get_secret_value().startswith(("postgresql://", "postgres://"))
        except psycopg.ProgrammingError:
            known = False
        if not known:
            raise ValueError("is not an address; write it as postgresql://user:password@host/database")
        return address


class PostgresDatabase:
    """One database. Each measure takes a connection of its own: a kept one would hide that no other is left."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def reachable(self) -> Measurement:
        """How long a new connection and `select 1` take."""
        before = time.perf_counter()
        async with self._connection() as connection:
            await connection.execute("select 1")
        return Measurement(round((time.perf_counter() - before) * 1000, 1), "ms")

    async def connections_used(self) -> Measurement:
        """Used connections in percent of `max_connections`; 100 where none is left for us."""
        try:
            async with self._connection() as connection:
                row = await (await connection.execute(_USED)).fetchone()
        except NoConnectionLeft:
            return Measurement(100.0, "%", "no connection left")
        if row is None:
            raise BadAnswer("PostgreSQL tells nothing about its connections")
        used, most = int(row[0]), int(row[1])
        return Measurement(round(100 * used / most, 1), "%", f"{used} of {most}")

    async def slow_queries(
        self, *, longer_than: Annotated[int, Field(ge=0)] = 1000, limit: Annotated[int, Field(ge=1, le=50)] = 10
    ) -> Rows:
        """Statements that run for longer than `longer_than` ms now, the slowest first; their values are not shown.

        Source: https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW
        """
        async with self._connection() as connection:
            answer = await connection.execute(_SLOW, {"longer_than": longer_than, "limit": limit + 1})
            found = await answer.fetchall()
            unseen = await (await connection.execute(_UNSEEN)).fetchone()
        if unseen and unseen[0]:
            raise Unauthorized(
                f"PostgreSQL hides what {unseen[0]} sessions of other roles do; grant pg_read_all_stats to our role"
            )
        rows = tuple(
            (str(pid), span(int(ms)), str(user or ""), str(waits or ""), redacted(without_values(str(query or ""))))
            for pid, ms, user, waits, query in found[:limit]
        )
        return Rows(("pid", "runs for", "role", "waits for", "statement"), rows, None if len(found) > limit else 0)

    async def close(self) -> None:
        """Nothing is kept open."""

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        try:
            connection = await psycopg.AsyncConnection.connect(
                make_conninfo(
                    self._address,
                    connect_timeout=CONNECT_SECONDS,
                    application_name="steward",
                )
            )
        except psycopg.Error as error:
            raise _connect_error(error) from error
        try:
            # For this transaction only: poolers refuse start-up options, and hand a session on with its settings.
            await connection.set_read_only(True)
            await connection.execute("select set_config('statement_timeout', %s, true)", [str(STATEMENT_MS)])
            yield connection
        except psycopg.Error as error:
            raise _query_error(error) from error
        finally:
            await connection.close()


def open(config: Config) -> PostgresDatabase:  # noqa: A001 - the shape of every kind, see adapters/kind.py
    """A database; nothing is connected yet."""
    return PostgresDatabase(config.postgres.get_secret_value())


MEASURES: Mapping[str, Measure] = {
    "reachable": Measure(PostgresDatabase.reachable, unit="ms"),
    "connections_used": Measure(PostgresDatabase.connections_used, unit="%"),
}


TABLES: Mapping[str, Table] = {"slow_queries": Table(PostgresDatabase.slow_queries)}


def _connect_error(error: psycopg.Error) -> TargetError:
    """Tell why a connection failed by libpq's text alone; the text may name the user, so only its kind is kept."""
    # Only what the server or the system said: before it stands the host, whose name may be any word.
    text = str(error).lower().rpartition("failed: ")[2]
    for words, kind, reason in _CONNECT_ERRORS:
        if any(word in text for word in words):
            return kind(f"PostgreSQL {reason}")
    return Unreachable("PostgreSQL does not take a connection")


def _query_error(error: psycopg.Error) -> TargetError:
    if isinstance(error, pg.QueryCanceled):
        return Unreachable(f"PostgreSQL gave no answer within {STATEMENT_MS // 1000} s")
    if isinstance(error, pg.InsufficientPrivilege):
        return Unauthorized("PostgreSQL does not let our role read this")
    if isinstance(error, psycopg.OperationalError):
        return Unreachable("PostgreSQL broke off the connection")
    return BadAnswer(f"PostgreSQL answered with an error ({error.sqlstate or 'no code'})")
