"""Every named statement is valid on both databases, and written by the rules of the one SQL text."""

import re
import sqlite3
from pathlib import Path

import psycopg
import pytest

from bot.store import queries
from bot.store.migrations import pending

NAMES = sorted(queries.statements())


@pytest.fixture(scope="module")
def sqlite_schema() -> sqlite3.Connection:
    """A migrated SQLite database."""
    connection = sqlite3.connect(":memory:")
    for _, statements in pending(set()):
        for statement in statements:
            connection.execute(statement)
    return connection


def test_every_statement_prepares_on_sqlite(sqlite_schema: sqlite3.Connection) -> None:
    """A statement that SQLite cannot compile is found here, not at night."""
    failures = {}
    for name in NAMES:
        statement = queries.for_sqlite(name)
        parameters = dict.fromkeys(re.findall(r"(?<!:):([a-z_][a-z0-9_]*)", statement))
        try:
            sqlite_schema.execute(f"explain {statement}", parameters)
        except sqlite3.Error as error:
            failures[name] = str(error)

    assert failures == {}


def test_every_statement_is_run_by_somebody() -> None:
    """SQL that nobody runs is deleted."""
    root = Path(queries.__file__).parents[2]
    sources = [file for folder in ("bot", "commands") for file in (root / folder).rglob("*.py")]
    run = {name for file in sources for name in re.findall(r'"(\w+)"', file.read_text(encoding="utf-8"))}

    assert [] == [name for name in NAMES if name not in run and not name.startswith("test_")]


def numbered(statement: str) -> str:
    """The statement with `$1` for `%(name)s`, as the server itself understands it."""
    for number, name in enumerate(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement)), start=1):
        statement = statement.replace(f"%({name})s", f"${number}")
    return statement.replace("%%", "%")


@pytest.mark.ledger
def test_every_statement_prepares_on_postgres(postgres_url: str) -> None:
    """PostgreSQL compiles every statement and can tell the type of every parameter, null or not."""
    failures = {}
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for name in NAMES:
            try:
                connection.execute(f"prepare probe as {numbered(queries.for_postgres(name).decode())}".encode())
                connection.execute("deallocate probe")
            except psycopg.Error as error:
                failures[name] = str(error)

    assert failures == {}


@pytest.mark.parametrize(
    ("word", "why"),
    [
        pytest.param(r"\blike\b", "case differs between the databases", id="no LIKE"),
        pytest.param(r"->>?", "JSON operators differ", id="no JSON operator"),
        pytest.param(r"\b(true|false)\b", "numbers, never booleans", id="no boolean"),
        pytest.param(r"\b(max|min)\([^()]*,", "scalar in SQLite, an error in PostgreSQL", id="no scalar max"),
        pytest.param(r"\binteger\b", "overflows on epoch milliseconds", id="no integer"),
    ],
)
def test_the_one_sql_text_avoids(word: str, why: str) -> None:
    """What means different things on the two databases is not written."""
    found = [name for name in NAMES if re.search(word, queries.for_sqlite(name), re.IGNORECASE)]

    assert found == [], why


def test_what_changes_a_limited_number_of_rows_chooses_them_first() -> None:
    """Once, and those that nobody holds: 350 of 400 rows were claimed twice without, and more than the limit."""
    limited = [name for name in NAMES if queries.writes(name) and re.search(r"\blimit\b", queries.for_sqlite(name))]
    careless = [
        name
        for name in limited
        if not queries.for_postgres(name).startswith(b"with due as materialized (")
        or b"skip locked" not in queries.for_postgres(name)
    ]

    assert "claim_inbox" in limited
    assert careless == []


def test_migrations_only_add() -> None:
    """Old and new replicas work side by side, so nothing that the old one needs goes away."""
    statements = [statement for _, found in pending(set()) for statement in found]
    adds = re.compile(r"create (table|(unique )?index) |alter table \w+ add column ", re.IGNORECASE)

    assert [] == [statement for statement in statements if not adds.match(statement)]
