"""A system's PostgreSQL: a real server in each of its states."""

from collections.abc import AsyncIterator

import psycopg
import pytest

from bot.local.lab.child import free_ports
from bot.local.lab.database import MAX_CONNECTIONS, Database
from bot.local.lab.postgres import Cluster
from tests.local.lab.polling import eventually


async def ask(address: str, query: str) -> object:
    """The first column of the first row."""
    async with await psycopg.AsyncConnection.connect(address, connect_timeout=5) as connection:
        row = await (await connection.execute(query.encode())).fetchone()
        return row[0] if row else None


@pytest.fixture(params=["newsletter", "target_list"])
def name(request: pytest.FixtureRequest) -> str:
    """Which of the two databases."""
    return str(request.param)


@pytest.fixture
async def database(cluster: Cluster, name: str, port: int) -> AsyncIterator[Database]:
    """A database that is up, in a directory of its own."""
    table = {"newsletter": "email_events", "target_list": "jobs"}[name]
    made = Database(cluster, name, port, big_table=table, directory=f"{name}-{port}")
    await made.enter("up")
    yield made
    await made.enter("down")


TABLES = {
    "newsletter": ["tenants", "campaigns", "email_events"],
    "target_list": ["jobs", "datasets", "artifacts", "uploads", '"MappingTemplate"', '"FieldDef"'],
}


async def test_the_tables_of_the_runbook_hold_rows(database: Database, name: str) -> None:
    """Every one that its queries read."""
    counts = [await ask(database.url, f"select count(*) from {table}") for table in TABLES[name]]

    assert all(isinstance(count, int) and count > 0 for count in counts)


async def test_the_role_is_no_superuser(database: Database) -> None:
    """It can see all sessions, as monitoring must, and no more."""
    assert await ask(database.url, "select rolsuper from pg_roles where rolname = current_user") is False
    assert await ask(database.url, "select pg_has_role(current_user, 'pg_monitor', 'member')") is True


async def test_a_wrong_password_is_refused(database: Database) -> None:
    """The server checks it."""
    wrong = database.url.replace(database.url.split(":")[2].split("@")[0], "wrong")

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        await ask(wrong, "select 1")


async def test_down_refuses_and_up_has_the_rows_still(database: Database, name: str) -> None:
    """The data survives; the address stays."""
    before = await ask(database.url, f"select count(*) from {TABLES[name][0]}")
    await database.enter("down")

    with pytest.raises(psycopg.OperationalError, match="refused"):
        await ask(database.url, "select 1")
    await database.enter("up")

    assert await ask(database.url, f"select count(*) from {TABLES[name][0]}") == before


async def test_connections_can_be_set(database: Database) -> None:
    """Idle ones of the app, up and down."""
    query = "select count(*)::int from pg_stat_activity where application_name like '%-app'"
    seen = []
    for wanted in (30, 5):
        await database.apply({"set": {"connections": wanted}})

        async def held(wanted: int = wanted) -> bool:
            return await ask(database.url, query) == wanted

        await eventually(held)
        seen.append(await ask(database.url, query))

    assert seen == [30, 5]
    assert await ask(database.url, "show max_connections") == str(MAX_CONNECTIONS)


async def test_no_connections_refuses_the_bot_as_well(database: Database) -> None:
    """With PostgreSQL's own words; "up" gives the slots back."""
    await database.enter("no_connections")

    with pytest.raises(psycopg.OperationalError, match=r"remaining connection slots are reserved|too many clients"):
        await ask(database.url, "select 1")
    await database.enter("up")

    async def answers() -> bool:
        try:
            return await ask(database.url, "select 1") == 1
        except psycopg.OperationalError:
            return False

    await eventually(answers)


async def test_slow_queries_run_until_they_are_ended(database: Database) -> None:
    """They can be seen, and ended by the role itself."""
    running = (
        "select count(*)::int from pg_stat_activity"
        " where state = 'active' and query like '%pg_sleep%' and pid <> pg_backend_pid()"
    )
    await database.apply({"set": {"slow_queries": 2}})

    async def two_run() -> bool:
        return await ask(database.url, running) == 2

    await eventually(two_run)
    await ask(
        database.url,
        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
        " where query like '%pg_sleep%' and pid <> pg_backend_pid()",
    )

    async def none_runs() -> bool:
        return await ask(database.url, running) == 0

    await eventually(none_runs)


async def test_a_restart_gives_the_slots_back(database: Database) -> None:
    """Restarting its container is a remedy, if a rough one."""
    await database.enter("no_connections")

    await database.restart()

    assert database.state == "up"
    assert await ask(database.url, "select 1") == 1


async def test_changes_keep_while_it_is_down(database: Database) -> None:
    """They take effect when it comes back."""
    await database.apply({"state": "down"})
    await database.apply({"set": {"connections": 9}})

    await database.enter("up")

    query = "select count(*)::int from pg_stat_activity where application_name like '%-app'"
    assert await ask(database.url, query) == 9


def test_ports_differ() -> None:
    """Servers that are described together do not meet."""
    ports = free_ports(16)

    assert len(set(ports)) == 16
