"""The ledger's promises, on both databases."""

import asyncio
import contextlib
import sqlite3
import sys
import traceback
from pathlib import Path

import psycopg
import pytest

from bot.domain.errors import Unavailable
from bot.local.lab.postgres import PostgresServer
from bot.store import Ledger, Row, Tx, open_ledger
from bot.store.ledger import AlreadyHandled

pytestmark = pytest.mark.ledger


def next_number(tx: Tx) -> int:
    """The next of a series: the smallest write there is."""
    row = tx.one("next_number", name="OP")
    assert row is not None
    return int(row["value"])


def receive(tx: Tx) -> int:
    """A request arrives in the inbox."""
    return len(tx.all("keep_inbox", requests='{"v0=abc": "{}"}', received_at=1, owner="a", lease_until=2))


async def test_a_transaction_that_raises_leaves_nothing_behind(ledger: Ledger) -> None:
    """What a failed transaction wrote is gone."""

    def fails(tx: Tx) -> None:
        next_number(tx)
        raise KeyError("on purpose")

    with pytest.raises(KeyError):
        await ledger.write(fails)

    assert await ledger.write(next_number) == 1


async def test_concurrent_writers_get_different_numbers(ledger: Ledger) -> None:
    """Numbers of a series are given once each, without a gap."""
    numbers = await asyncio.gather(*(ledger.write(next_number) for _ in range(50)))

    assert sorted(numbers) == list(range(1, 51))


async def test_a_read_cannot_write(ledger: Ledger) -> None:
    """A transaction opened for reading refuses to change anything, on both databases."""
    with pytest.raises(Exception, match=r"read-?only"):
        await ledger.read(next_number)

    assert await ledger.write(next_number) == 1


async def test_a_receipt_is_used_once(ledger: Ledger) -> None:
    """What a request decided is decided once, however often the request is run."""
    await ledger.write(receive)
    first = await ledger.write(next_number, receipt="v0=abc")

    with pytest.raises(AlreadyHandled):
        await ledger.write(next_number, receipt="v0=abc")

    assert first == 1
    assert await ledger.write(next_number) == 2


async def test_a_receipt_whose_transaction_failed_can_be_used_again(ledger: Ledger) -> None:
    """The receipt is settled in the same transaction as the decision, so it falls with it."""
    await ledger.write(receive)

    def fails(_: Tx) -> None:
        raise KeyError("on purpose")

    with pytest.raises(KeyError):
        await ledger.write(fails, receipt="v0=abc")

    assert await ledger.write(next_number, receipt="v0=abc") == 1


async def test_each_tells_how_many_rows_it_changed(ledger: Ledger) -> None:
    """A statement for many rows answers for each of them."""
    rows: list[Row] = [{"key": "v0=abc"}, {"key": "unknown"}, {"key": "v0=abc"}]
    await ledger.write(receive)

    assert await ledger.write(lambda tx: tx.each("settle_receipt", rows)) == [1, 0, 0]


async def test_watchers_learn_what_was_committed(ledger: Ledger) -> None:
    """After a commit the watchers hear the names of its statements; a failed transaction is silent."""
    heard: list[frozenset[str]] = []
    ledger.watch(heard.append)

    def fails(tx: Tx) -> None:
        next_number(tx)
        raise KeyError("on purpose")

    await ledger.write(next_number)
    with pytest.raises(KeyError):
        await ledger.write(fails)

    assert heard == [frozenset({"next_number"})]


async def test_opening_twice_migrates_once(ledger_url: str) -> None:
    """Replicas that start at the same moment find one schema."""
    ledgers = await asyncio.gather(*(open_ledger(ledger_url) for _ in range(3)))
    numbers = [await ledger.write(next_number) for ledger in ledgers]
    for ledger in ledgers:
        await ledger.close()

    assert numbers == [1, 2, 3]


async def test_a_database_tells_its_time(ledger: Ledger) -> None:
    """`/readyz` compares the clocks: the database's is in epoch milliseconds."""
    assert await ledger.database_now() > 1_700_000_000_000


async def test_a_restarted_database_costs_no_request(postgres_url: str) -> None:
    """Sessions that the server ended are replaced, and the transaction runs anew; so does a read."""

    def count(tx: Tx) -> object:
        return tx.one("count_open_inbox")

    ledger = await open_ledger(postgres_url)
    await asyncio.gather(*(ledger.write(next_number) for _ in range(8)), *(ledger.read(count) for _ in range(8)))
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'steward'")

    numbers = await asyncio.gather(*(ledger.write(next_number) for _ in range(8)))
    counts = await asyncio.gather(*(ledger.read(count) for _ in range(8)))
    await ledger.close()

    assert sorted(numbers) == list(range(9, 17))
    assert [{"n": 0}] * 8 == counts


async def test_a_statement_alone_is_repeated_after_a_lost_session(postgres_url: str) -> None:
    """It runs anew like a transaction, and who watches is told of what it changed."""
    ledger = await open_ledger(postgres_url)
    told: list[frozenset[str]] = []
    await ledger.run("keep_inbox", requests='{"v0=a": "{}"}', received_at=1, owner="a", lease_until=2)
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'steward'")
    ledger.watch(told.append)

    rows = await ledger.run("keep_inbox", requests='{"v0=b": "{}"}', received_at=1, owner="a", lease_until=2)
    again = await ledger.run("keep_inbox", requests='{"v0=b": "{1}"}', received_at=1, owner="a", lease_until=2)
    await ledger.close()

    assert ([{"key": "v0=b", "state": "claimed"}], []) == (rows, again)
    assert [frozenset({"keep_inbox"})] == told


async def test_a_statement_alone_that_the_database_broke_off_may_have_been_saved(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    """Its answer was lost, so nobody says that nothing was changed."""
    ledger = await open_ledger(postgres_url)

    async def keep(requests: str) -> None:
        await ledger.run("keep_inbox", requests=requests, received_at=1, owner="a", lease_until=2)

    await asyncio.gather(*(keep(f'{{"v0={number}": "{{}}"}}') for number in range(8)))
    await postgres_server.stop()
    try:
        with pytest.raises(Unavailable, match="broke off while it saved"):
            await keep('{"v0=a": "{}"}')
    finally:
        await ledger.close()
        await postgres_server.start()


async def test_a_session_that_was_made_read_only_is_written_to(postgres_url: str) -> None:
    """A pooler hands on what another client has set."""
    ledger = await open_ledger(f"{postgres_url}?options=-cdefault_transaction_read_only%3Don")
    kept = await ledger.run("keep_inbox", requests='{"v0=a": "{}"}', received_at=1, owner="a", lease_until=2)
    number = await ledger.write(next_number)
    await ledger.close()

    assert (1, 1) == (len(kept), number)


async def test_each_alone_begins_a_transaction(ledger: Ledger) -> None:
    """A transaction whose first statement is run for many rows is undone as a whole, like any other."""

    def fails(tx: Tx) -> None:
        tx.each("next_number", [{"name": "A"}, {"name": "B"}])
        raise KeyError("on purpose")

    with pytest.raises(KeyError):
        await ledger.write(fails)

    assert 1 == await ledger.write(lambda tx: (tx.one("next_number", name="A") or {})["value"])


async def test_a_session_that_dies_within_a_transaction_repeats_it(postgres_url: str) -> None:
    """Nothing of a broken transaction is kept, so it runs again from its start."""
    ledger = await open_ledger(postgres_url)
    runs: list[int] = []

    def dies_once(tx: Tx) -> int:
        number = next_number(tx)
        runs.append(number)
        if len(runs) == 1:
            with psycopg.connect(postgres_url, autocommit=True) as other:
                other.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'steward'"
                )
            next_number(tx)
        return number

    number = await ledger.write(dies_once)
    await ledger.close()

    assert number == 1
    assert runs == [1, 1]


async def test_a_database_that_is_gone_is_unavailable_at_once() -> None:
    """The person hears that nothing was changed, well within Slack's three seconds, and reads no address."""
    with pytest.raises(Unavailable, match="does not answer") as caught:
        await open_ledger("postgresql://nobody:geheim@127.0.0.1:1/steward")

    assert "geheim" not in str(caught.value)


async def test_a_lock_held_by_another_ends_the_wait_after_a_second(ledger_url: str) -> None:
    """On the request path nobody waits longer than a second for a lock."""
    holder, other = await open_ledger(ledger_url), await open_ledger(ledger_url)
    await holder.write(next_number)
    held, release = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold(tx: Tx) -> None:
        next_number(tx)
        loop.call_soon_threadsafe(held.set)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result(timeout=10)

    holding = asyncio.create_task(holder.write(hold))
    await held.wait()
    started = loop.time()
    with pytest.raises(Unavailable, match="nothing was changed"):
        await other.write(next_number)
    waited = loop.time() - started
    release.set()
    await holding
    number = await other.write(next_number)
    await holder.close()
    await other.close()

    assert waited < 2
    assert number == 3


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """A wrong STEWARD_DATABASE ends the start with a sentence."""
    (tmp_path / "notes.txt").write_text("not a database, but long enough to be read as the head of one " * 20)

    with pytest.raises(Unavailable, match=r"notes\.txt"):
        await open_ledger(f"sqlite:///{tmp_path / 'notes.txt'}")


async def test_a_damaged_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    """Not by a traceback: what it is, and what to do."""
    file = tmp_path / "steward.db"
    await (await open_ledger(f"sqlite:///{file}")).close()
    with contextlib.closing(sqlite3.connect(file)) as connection:
        (page,) = connection.execute("select rootpage from sqlite_master where name = 'counter'").fetchone()
        (size,) = connection.execute("pragma page_size").fetchone()
    whole = bytearray(file.read_bytes())
    whole[(page - 1) * size : page * size] = b"\xff" * size
    file.write_bytes(whole)
    ledger = await open_ledger(f"sqlite:///{file}")

    with pytest.raises(Unavailable, match="damaged; restore it from a backup"):
        await ledger.write(next_number)

    await ledger.close()


def _modes(folder: Path) -> dict[str, int]:
    return {each.name: each.stat().st_mode & 0o777 for each in folder.iterdir()}


async def test_nobody_else_may_read_the_file(tmp_path: Path) -> None:
    """It holds what people and systems say; a file of an earlier version is closed to others, too."""
    file = tmp_path / "steward.db"
    file.touch(0o644)

    ledger = await open_ledger(f"sqlite:///{file}")
    await ledger.write(next_number)
    modes = _modes(tmp_path)
    await ledger.close()

    assert {"steward.db", "steward.db-wal", "steward.db-shm"} == set(modes)
    assert {0o600} == set(modes.values())


async def test_who_looks_into_the_file_takes_nothing_away(tmp_path: Path) -> None:
    """The last one to close a file in WAL mode removes its log; another process must see that we are still there."""
    file = tmp_path / "steward.db"
    look = (
        "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('select value from counter').fetchone())",
    )

    async def looked() -> int:
        found = await asyncio.create_subprocess_exec(
            sys.executable, "-c", *look, str(file), stdout=asyncio.subprocess.PIPE
        )
        return int((await found.communicate())[0])

    ledger = await open_ledger(f"sqlite:///{file}")
    await ledger.write(next_number)
    await ledger.read(lambda tx: tx.one("count_open_inbox"))
    seen = [await looked()]
    await ledger.write(next_number)
    seen.append(await looked())
    await ledger.close()

    assert [1, 2] == seen


async def test_a_read_does_not_wait_for_a_commit(tmp_path: Path) -> None:
    """On a file as on PostgreSQL: it shows what is committed while a change is under way."""
    ledger = await open_ledger(f"sqlite:///{tmp_path / 'steward.db'}")
    await ledger.write(receive)
    loop, release = asyncio.get_running_loop(), asyncio.Event()

    def hold(tx: Tx) -> None:
        tx.all("keep_inbox", requests='{"v0=abc": null}', received_at=1, owner="a", lease_until=2)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result(timeout=10)

    holding = asyncio.create_task(ledger.write(hold))
    before = await ledger.read(lambda tx: tx.one("count_open_inbox"))
    release.set()
    await holding
    after = await ledger.read(lambda tx: tx.one("count_open_inbox"))
    await ledger.close()

    assert ({"n": 1}, {"n": 0}) == (before, after)


@pytest.mark.parametrize("password", ["hunter%zz2", "hunter 2"])
async def test_a_password_that_cannot_be_read_is_not_shown(password: str) -> None:
    """PostgreSQL's client repeats what it cannot read; we name the variable, and chain nothing."""
    with pytest.raises(Unavailable, match="STEWARD_DATABASE is no address") as caught:
        await open_ledger(f"postgresql://u:{password}@127.0.0.1/db")

    assert "hunter" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("name", ["", "folder"])
async def test_an_address_without_a_file_is_refused_and_changes_nothing(tmp_path: Path, name: str) -> None:
    """A forgotten file name leaves the folder as it is."""
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o755)

    with pytest.raises(Unavailable, match="STEWARD_DATABASE"):
        await open_ledger(f"sqlite:///{folder if name else ''}")

    assert 0o755 == folder.stat().st_mode & 0o777
