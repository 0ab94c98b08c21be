"""The ledger on both databases; one PostgreSQL per test process."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from bot.domain.redaction import redact
from bot.local.lab.child import free_ports
from bot.local.lab.postgres import Cluster, PostgresServer
from bot.store import Ledger, open_ledger
from tests.empty import empty
from tests.fakes.clock import FakeClock

_ON_EACH_DATABASE = ("ledger_url", "own_ledger_url", "stage")
"""The fixtures that run a test once per database."""


@pytest.fixture(autouse=True)
def no_secrets_of_another_test() -> Iterator[None]:
    """A whole bot tells the redactor its secrets, whose ordinary words the next test may want to read."""
    yield
    redact.keep(())


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A real PostgreSQL."""
    cluster = asyncio.run(Cluster.create(tmp_path_factory.mktemp("postgres")))
    server = PostgresServer(cluster, "ledger", free_ports(1)[0], options=["max_connections=100"])
    try:
        asyncio.run(server.start())
        yield server
    finally:
        asyncio.run(server.stop())
        cluster.remove()


@pytest.fixture(scope="session")
def migrated(postgres_server: PostgresServer) -> str:
    """The address of a PostgreSQL database that all tests of this process use, one after another."""
    with psycopg.connect(postgres_server.superuser_dsn(), autocommit=True) as connection:
        connection.execute("create database tests")
    address = postgres_server.superuser_dsn("tests")

    async def migrate() -> None:
        await (await open_ledger(address)).close()

    asyncio.run(migrate())
    return address


@pytest.fixture
def postgres_url(migrated: str) -> Iterator[str]:
    """The address of a migrated PostgreSQL database with nothing in it."""
    yield migrated
    empty(migrated)


@pytest.fixture(params=["sqlite", "postgres"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a fresh ledger that several connections can share; the test runs once per database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'steward.db'}"
    address: str = request.getfixturevalue("postgres_url")
    return address


@pytest.fixture(params=["sqlite", "postgres"])
def own_ledger_url(request: pytest.FixtureRequest) -> str:
    """As `ledger_url`, for one connection only: SQLite stays in memory."""
    address: str = "sqlite:///:memory:" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    return address


@pytest.fixture
async def ledger(own_ledger_url: str) -> AsyncIterator[Ledger]:
    """A fresh, migrated ledger; the test runs once on SQLite in memory and once on PostgreSQL."""
    opened = await open_ledger(own_ledger_url)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until the test moves it."""
    return FakeClock()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The rows and the database of a test travel in its report, also from another process."""
    for item in items:
        item.user_properties += [("row", mark.args[0]) for mark in item.iter_markers("row")]
        chosen = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        item.user_properties += [("database", chosen[name]) for name in _ON_EACH_DATABASE if name in chosen]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many tests passed on each database: the two counts must be the same."""
    passed = terminalreporter.stats.get("passed", [])
    counts = Counter(value for report in passed for name, value in report.user_properties if name == "database")
    if counts:
        terminalreporter.write_line(f"passed on SQLite {counts['sqlite']}, on PostgreSQL {counts['postgres']}")
