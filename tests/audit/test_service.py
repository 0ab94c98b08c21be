"""The audit: sealed within a second, and every later change shows."""

import asyncio
import functools
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audit import service as audit
from bot.audit.chain import START, Break, Link, seal, verify
from bot.audit.export import export_audit, verify_audit
from bot.audit.seal import AuditSeal, anchor
from bot.domain import message_json
from bot.domain.errors import Refused
from bot.domain.people import Actor
from bot.domain.timing import DAY
from bot.outbox import service as outbox
from bot.store import Ledger, Row, Tx, open_ledger
from tests.fakes.clock import FakeClock

SRE = Actor("sre", "U0SRE")


def chain(length: int) -> list[Row]:
    """Sealed rows, as they come from the ledger."""
    link = Link()
    rows: list[Row] = []
    for number in range(1, length + 1):
        row = {"id": f"{number:024x}", "at": number, "actor": "sre", "via": "slack", "kind": "operation.approved"}
        row |= {"subject": f"OP-{number}", "detail": "{}", "written": number}
        following = seal(row, link)
        rows.append(row | {"sequence": following.sequence, "previous": link.hash, "hash": following.hash})
        link = following
    return rows


def test_an_untouched_chain_holds() -> None:
    """The end of the chain is the last row's hash."""
    rows = chain(20)

    assert verify(rows) == Link(20, rows[-1]["hash"])
    assert verify([]) == Link(0, START)


@given(st.integers(1, 12), st.sampled_from(["at", "actor", "via", "kind", "subject", "detail", "hash", "previous"]))
def test_the_first_changed_row_is_named(place: int, column: str) -> None:
    """Whatever was changed, the verification names the row."""
    rows = chain(12)
    rows[place - 1] = dict(rows[place - 1]) | {column: 777 if column == "at" else "changed"}
    outcome = verify(rows)

    assert isinstance(outcome, Break)
    assert outcome.sequence == place


@given(st.integers(1, 11))
def test_a_removed_row_is_named(place: int) -> None:
    """A gap shows, also when the rest is untouched."""
    rows = chain(12)
    del rows[place - 1]

    assert verify(rows) == Break(place, f"the row is missing; number {place + 1} follows")


async def write(ledger: Ledger, clock: FakeClock, count: int = 1) -> None:
    """Record some acts."""

    def approved(tx: Tx, number: int) -> None:
        detail = {"why": "503 ü"}
        audit.record(tx, at=clock.now(), actor=SRE, kind="operation.approved", subject=f"OP-{number}", detail=detail)

    for number in range(count):
        await ledger.write(functools.partial(approved, number=number))


@pytest.mark.ledger
async def test_new_rows_are_sealed_in_their_order(ledger: Ledger, clock: FakeClock) -> None:
    """After a cycle nothing is unsealed and the chain holds."""
    duty = AuditSeal(ledger, outbox.post, channel="C0ALERTS")
    await write(ledger, clock, 3)
    before = await verify_audit(ledger)
    await duty.run(clock.now())
    await write(ledger, clock, 2)
    await duty.run(clock.now())
    after = await verify_audit(ledger)

    assert (before.rows, before.unsealed) == (0, 3)
    assert (after.rows, after.unsealed, after.intact) == (5, 0, True)
    assert "audit intact: 5 rows" in str(after)


@pytest.mark.ledger
async def test_two_replicas_seal_one_chain(ledger_url: str, clock: FakeClock) -> None:
    """Replicas that seal at the same moment continue each other's chain."""
    ledgers = [await open_ledger(ledger_url) for _ in range(3)]
    duties = [AuditSeal(ledger, outbox.post, channel="C0ALERTS") for ledger in ledgers]
    for _ in range(5):
        await write(ledgers[0], clock, 4)
        await asyncio.gather(*(duty.run(clock.now()) for duty in duties))
    report = await verify_audit(ledgers[0])
    for ledger in ledgers:
        await ledger.close()

    assert (report.rows, report.unsealed, report.problem) == (20, 0, "")


@pytest.mark.ledger
async def test_the_anchor_is_posted_once_a_day(ledger: Ledger, clock: FakeClock) -> None:
    """Every day the channel learns the end of the chain, so that a cut tail shows; not on the first start."""
    duty = AuditSeal(ledger, outbox.post, channel="C0ALERTS")
    await write(ledger, clock)
    await duty.run(clock.now())
    first_day = await ledger.read(lambda tx: tx.all("outbox_backlog"))
    for _ in range(2):
        clock.advance(DAY)
        await AuditSeal(ledger, outbox.post, channel="C0ALERTS").run(clock.now())
        await AuditSeal(ledger, outbox.post, channel="C0ALERTS").run(clock.now())
    anchors = await ledger.read(lambda tx: tx.all("outbox_backlog"))

    assert first_day == []
    assert [row["waiting"] for row in anchors] == [2]


@pytest.mark.ledger
async def test_the_anchor_names_the_day_that_passed_and_its_last_row(ledger: Ledger, clock: FakeClock) -> None:
    """The end as it was when the day ended; a day without rows before it has nothing to anchor."""
    await AuditSeal(ledger, outbox.post, channel="C0AUDIT").run(clock.now())
    clock.advance(DAY)
    await AuditSeal(ledger, outbox.post, channel="C0AUDIT").run(clock.now())
    empty = await ledger.read(lambda tx: tx.one("read_message", key="audit:anchor:2026-05-04"))
    await write(ledger, clock, 2)
    await AuditSeal(ledger, outbox.post, channel="C0AUDIT").run(clock.now())
    end = await verify_audit(ledger)
    clock.advance(DAY)
    await AuditSeal(ledger, outbox.post, channel="C0AUDIT").run(clock.now())
    row = await ledger.read(lambda tx: tx.one("read_message", key="audit:anchor:2026-05-05"))

    assert empty is None
    assert row is not None
    assert message_json.load(row["body"]) == anchor(Link(2, end.head), "2026-05-04")


@pytest.mark.ledger
async def test_a_cycle_with_nothing_to_seal_takes_no_lock(ledger: Ledger, clock: FakeClock) -> None:
    """It reads; only new rows, more than fit into a batch, or a new day make it write, and it says what is left."""
    commits: list[frozenset[str]] = []
    duty = AuditSeal(ledger, outbox.post, channel="C0ALERTS")
    first = await duty.run(clock.now())
    ledger.watch(commits.append)
    idle = await duty.run(clock.now())
    unwritten = len(commits)
    await write(ledger, clock, 501)
    sealed = [await duty.run(clock.now()) for _ in range(3)]

    assert (False, False, 0) == (first, idle, unwritten)
    assert [True, False, False] == sealed
    assert 501 == (await verify_audit(ledger)).rows


@pytest.mark.ledger
async def test_the_anchor_goes_to_the_audits_channel_and_to_the_alerts_where_that_is_gone(
    ledger: Ledger, clock: FakeClock
) -> None:
    """Nobody loses it by archiving a channel."""
    await write(ledger, clock)
    for _ in range(2):
        await AuditSeal(ledger, outbox.post, channel="C0AUDIT", fallback="C0ALERTS").run(clock.now())
        clock.advance(DAY)

    row = await ledger.read(lambda tx: tx.one("read_message", key="audit:anchor:2026-05-04"))

    assert row is not None
    assert ("C0AUDIT", "C0ALERTS") == (row["channel"], row["fallback"])


async def test_a_cut_tail_shows(tmp_path: Path, clock: FakeClock) -> None:
    """Rows that were deleted from the end are missed; the report says how many."""
    ledger = await open_ledger(f"sqlite:///{tmp_path / 'steward.db'}")
    await write(ledger, clock, 5)
    await AuditSeal(ledger, outbox.post, channel="C0ALERTS").run(clock.now())
    with sqlite3.connect(tmp_path / "steward.db") as intruder:
        intruder.execute("delete from audit where sequence > 3")
    intruder.close()
    report = await verify_audit(ledger)
    await ledger.close()

    assert not report.intact
    assert report.problem == "row 4: the last 2 rows are missing"


def resealed(intruder: sqlite3.Connection, last: int) -> None:
    """Seal the first rows anew, as somebody does who knows how it is done."""
    intruder.row_factory = sqlite3.Row
    link = Link()
    for row in intruder.execute("select * from audit where sequence <= ? order by sequence", [last]).fetchall():
        following = seal(dict(row), link)
        values = [link.hash, following.hash, row["id"]]
        intruder.execute("update audit set previous = ?, hash = ? where id = ?", values)
        link = following


@pytest.mark.parametrize(
    ("statements", "rows", "problem"),
    [
        pytest.param(
            ["delete from audit where sequence > 3", "delete from audit_head"], 3, "no end", id="the noted end as well"
        ),
        pytest.param(["update audit set actor = 'cto'"], 5, "row 5: its hash", id="every row sealed anew"),
        pytest.param(
            ["update audit set sequence = null, previous = null, hash = null, actor = 'cto' where sequence = 5"],
            4,
            "the last 1 rows are missing",
            id="a row taken out of the chain, to be sealed again",
        ),
    ],
)
async def test_a_careful_intruder_shows(
    tmp_path: Path, clock: FakeClock, statements: list[str], rows: int, problem: str
) -> None:
    """Rows that fit one another must also end where the ledger noted that they end."""
    ledger = await open_ledger(f"sqlite:///{tmp_path / 'steward.db'}")
    await write(ledger, clock, 5)
    await AuditSeal(ledger, outbox.post, channel="C0ALERTS").run(clock.now())
    with sqlite3.connect(tmp_path / "steward.db") as intruder:
        for statement in statements:
            intruder.execute(statement)
        resealed(intruder, rows)
    intruder.close()
    report = await verify_audit(ledger)
    await ledger.close()

    assert problem in report.problem


@pytest.mark.ledger
async def test_the_export_holds_every_row(ledger: Ledger, clock: FakeClock, tmp_path: Path) -> None:
    """The file is ready for Datasette, and an existing one is not overwritten."""
    await write(ledger, clock, 3)
    await AuditSeal(ledger, outbox.post, channel="C0ALERTS").run(clock.now())
    count = await export_audit(ledger, tmp_path / "audit.db")
    with sqlite3.connect(tmp_path / "audit.db") as exported:
        rows = exported.execute("select sequence, subject, actor from audit order by sequence").fetchall()
    exported.close()

    assert count == 3
    assert rows == [(1, "OP-0", "sre"), (2, "OP-1", "sre"), (3, "OP-2", "sre")]
    with pytest.raises(Refused, match="exists already"):
        await export_audit(ledger, tmp_path / "audit.db")
