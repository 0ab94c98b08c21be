"""Health of a PostgreSQL database, against a real server in its states."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from adapters import postgres
from adapters.postgres import PostgresDatabase, without_values
from bot.domain.errors import BadAnswer, TargetError, Unauthorized, Unreachable
from bot.local.lab.database import Database
from bot.local.lab.postgres import Cluster
from tests.adapters.serving import silent, speaking


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One initialised PostgreSQL directory."""
    made = asyncio.run(Cluster.create(tmp_path_factory.mktemp("adapters") / "postgres"))
    yield made
    made.remove()


@pytest.fixture
async def running(cluster: Cluster, port: int) -> AsyncIterator[Database]:
    """A database with 40 connection slots."""
    made = Database(cluster, "newsletter", port, big_table="email_events")
    await made.enter("up")
    yield made
    await made.enter("down")
    shutil.rmtree(cluster.directory / "newsletter")


def opened(address: str) -> PostgresDatabase:
    """The adapter, as wiring opens it."""
    return postgres.open(postgres.Config.model_validate({"postgres": address}))


async def test_a_database_that_is_up_down_and_full(running: Database) -> None:
    """Up is measured in time and in used slots; full is down for a new connection, and 100 % of the slots."""
    database = opened(running.url)

    up, used = await database.reachable(), await database.connections_used()
    await running.put("connections", 33)
    busy = await database.connections_used()
    await running.enter("no_connections")
    full = await database.connections_used()
    with pytest.raises(Unreachable, match="no connection left"):
        await database.reachable()
    await running.enter("down")
    with pytest.raises(Unreachable, match="refuses the connection"):
        await database.reachable()

    assert "ms" == up.unit
    assert 0 < (used.value or 0) < 80 < (busy.value or 0) < 100
    assert busy.detail.endswith(" of 40")
    assert (100.0, "%", "no connection left") == (full.value, full.unit, full.detail)


async def test_a_measure_changes_nothing_and_is_bounded(running: Database) -> None:
    """Its transaction is read only and ends a statement by itself, whatever a later measure asks."""
    database = opened(running.url)

    async with database._connection() as connection:
        settings = [
            (await (await connection.execute(f"show {name}".encode())).fetchone() or ("",))[0]
            for name in ("transaction_read_only", "statement_timeout", "application_name")
        ]

    assert ["on", "3s", "steward"] == settings


async def test_wrong_credentials_are_our_own_trouble(running: Database) -> None:
    """Nobody's database is down because our password is wrong, and the text repeats no part of it."""
    for change in (("newsletter:", "newsletter:wrong"), ("newsletter:", "nobody:")):
        address = running.url.replace(*change)
        with pytest.raises(Unauthorized, match="does not accept our credentials") as caught:
            await opened(address).reachable()

        assert address != running.url
        assert "wrong" not in str(caught.value)


async def test_a_server_that_speaks_something_else_cannot_be_read() -> None:
    """Garbage is no outage that we can vouch for."""
    async with speaking(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        with pytest.raises(TargetError) as caught:
            await opened(f"postgresql://u:p@127.0.0.1:{port}/d").reachable()

    assert BadAnswer is type(caught.value)


async def test_a_server_that_never_answers_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection has a limit of its own."""
    monkeypatch.setattr(postgres, "CONNECT_SECONDS", 2)  # libpq's smallest

    async with silent() as port:
        with pytest.raises(Unreachable, match="does not take the connection in time"):
            await opened(f"postgresql://u:p@127.0.0.1:{port}/d").reachable()


_AT = 'connection failed: connection to server at "recovery-role.refused" (10.0.0.7), port 5432 failed: '


@pytest.mark.parametrize(
    ("said", "error", "text"),
    [
        pytest.param("FATAL:  the database system is starting up", Unreachable, "is starting", id="starting"),
        pytest.param('FATAL:  role "app" is not permitted to log in', Unauthorized, "our credentials", id="no login"),
        pytest.param('FATAL:  database "x" does not exist', Unauthorized, "no such database", id="no database"),
        pytest.param(
            'FATAL:  no pg_hba.conf entry for host "10.0.0.1"', Unauthorized, "our credentials", id="not let in"
        ),
        pytest.param(
            'FATAL:  too many connections for role "app"', Unreachable, "no connection left", id="role is full"
        ),
        pytest.param(
            "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
            Unreachable,
            "no connection left",
            id="only reserved slots",
        ),
        pytest.param(
            "SSL error: certificate verify failed", Unreachable, "certificate that is not valid", id="certificate"
        ),
        pytest.param("Connection refused", Unreachable, "refuses the connection", id="refused"),
        pytest.param("something new", Unreachable, "does not take a connection", id="anything else"),
    ],
)
def test_a_failed_connection_means(said: str, error: type[TargetError], text: str) -> None:
    """The server's words decide, never the name of its host; and they are not repeated."""
    translated = postgres._connect_error(psycopg.OperationalError(_AT + said))

    assert isinstance(translated, error)
    assert text in str(translated)
    assert "app" not in str(translated)


@pytest.mark.parametrize("address", ["db.example", "http://db.example", "", "postgresql://h/d?odd=1"])
def test_only_an_address_of_postgresql_is_accepted(address: str) -> None:
    """The configuration's error tells the form, and does not repeat what was given."""
    with pytest.raises(ValueError, match="postgresql://user:password@host/database"):
        postgres.Config.model_validate({"postgres": address})


async def test_slow_queries_are_told_without_their_values(running: Database) -> None:
    """How long each runs, the slowest first; what stands in quotes or is a number may be anybody's data."""
    database = opened(running.url)
    none = await database.slow_queries(longer_than=60_000)
    async with (
        await psycopg.AsyncConnection.connect(running.url) as first,
        await psycopg.AsyncConnection.connect(running.url) as second,
    ):
        statement = "select 'hunter2', $x$hunter3$x$, 4711, pg_sleep({})"
        sleeping = [
            asyncio.create_task(each.execute(statement.format(seconds)))
            for each, seconds in ((first, 20), (second, 21))
        ]
        found = await database.slow_queries(longer_than=0, limit=1)
        while not found.rows or found.more is not None:
            found = await database.slow_queries(longer_than=0, limit=1)
        first.cancel()
        second.cancel()
        await asyncio.gather(*sleeping, return_exceptions=True)

    assert () == none.rows
    assert ("pid", "runs for", "role", "waits for", "statement") == found.columns
    assert "select ?, ?, ?, pg_sleep(?)" == found.rows[0][-1]
    assert found.more is None


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        pytest.param("select * from t where m = 'a@b' and n = 17", "select * from t where m = ? and n = ?", id="both"),
        pytest.param("insert into t values ('Dear Anna", "insert into t values (?", id="a text that is cut short"),
        pytest.param("select $$Dear Anna", "select ?", id="a dollar quote that is cut short"),
        pytest.param("select $a$x$$y$a$, $1", "select ?, $1", id="a tagged dollar quote, and a parameter"),
        pytest.param(r"select E'a\'b' || 'secret'", "select ? …", id="a backslash ends what may be shown"),
        pytest.param("/* it's Anna */ select 'x' -- Anna's\n, 2", "select ? , ?", id="comments"),
        pytest.param("""select "it's" where a = 'x'""", """select "it's" where a = ?""", id="a quoted name"),
        pytest.param("select 1e5, 0x1f, 1_000, t1.a2", "select ?, ?, ?, t1.a2", id="numbers of every form, and names"),
    ],
)
def test_a_statement_is_shown_without_its_values(statement: str, shown: str) -> None:
    """Whatever is in quotes, however it is quoted or cut, and every number."""
    assert shown == without_values(statement)


async def test_sessions_that_cannot_be_seen_are_no_good_news(running: Database) -> None:
    """An ordinary role sees nothing of others: that is told, instead of "none"."""
    async with await psycopg.AsyncConnection.connect(running.server.superuser_dsn(), autocommit=True) as owner:
        await owner.execute("create role plain login password 'plain'")
        address = running.url.replace(running.url.partition("://")[2].partition("@")[0], "plain:plain")
        async with await psycopg.AsyncConnection.connect(running.url):
            with pytest.raises(Unauthorized, match="grant pg_read_all_stats"):
                await opened(address).slow_queries()
