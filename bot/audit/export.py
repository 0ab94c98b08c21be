"""Reads the whole audit: verifies its chain, and exports it as an SQLite file for Datasette."""

import functools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import sqlite_utils

from bot.audit.chain import START, Break, Link, verify
from bot.domain.errors import Refused
from bot.store import Ledger, Row, Tx

_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What the verification found. `rows` are sealed and hold; compare `head` with the last anchor in the channel."""

    rows: int
    head: str
    unsealed: int
    problem: str = ""

    @property
    def intact(self) -> bool:
        """Whether every sealed row holds."""
        return not self.problem

    def __str__(self) -> str:
        waiting = f", {self.unsealed} not sealed yet" if self.unsealed else ""
        if self.problem:
            return f"audit broken: {self.problem} ({self.rows:,} rows before it hold{waiting})"
        return f"audit intact: {self.rows:,} rows{waiting}, head {self.head}"


async def verify_audit(ledger: Ledger) -> AuditReport:
    """Recompute the chain from its first row, and compare its end with the noted one."""
    # The noted end comes first: a running bot seals more rows meanwhile, and these are no contradiction to it.
    head = await ledger.read(lambda tx: tx.one("read_audit_head"))
    noted = Link(head["sequence"], head["hash"] or START) if head is not None else Link()
    link, found = Link(), Link()
    problem = ""
    async for rows in _pages(ledger, "sealed_audit", "sequence", 0):
        outcome = verify(rows, link)
        if isinstance(outcome, Break):
            link = Link(outcome.sequence - 1, link.hash)
            problem = f"row {outcome.sequence}: {outcome.reason}"
            break
        link = outcome
        found = next((Link(row["sequence"], row["hash"]) for row in rows if row["sequence"] == noted.sequence), found)
    if not problem and noted.sequence > link.sequence:
        missing = noted.sequence - link.sequence
        problem = f"row {link.sequence + 1}: the last {missing} rows are missing"
    elif not problem and found != noted:
        problem = f"row {noted.sequence}: its hash is not the one that was noted as the end"
    elif not problem and link.sequence and not noted.sequence:
        problem = "row 1: no end of the chain is noted, so rows may be missing"
    unsealed = await ledger.read(lambda tx: tx.one("any_unsealed_audit"))
    return AuditReport(link.sequence, link.hash, unsealed["n"] if unsealed else 0, problem)


async def export_audit(ledger: Ledger, path: Path) -> int:
    """Write every row to the table `audit` of a new SQLite file; the number of rows.

    Raises:
        Refused: the file is there already.
    """
    database = _new_database(path)
    table = database.table("audit")
    count = 0
    try:
        async for rows in _pages(ledger, "read_audit", "id", ""):
            table.insert_all([dict(row) for row in rows], pk="id")
            count += len(rows)
        if count:
            table.create_index(["subject"])
            table.create_index(["at"])
            table.enable_fts(["kind", "subject", "actor", "detail"])
    finally:
        database.close()
    return count


def _new_database(path: Path) -> sqlite_utils.Database:
    if path.exists():
        raise Refused(f"{path} exists already; name another file.")
    return sqlite_utils.Database(path)


async def _pages(ledger: Ledger, statement: str, column: str, start: str | int) -> AsyncIterator[list[Row]]:
    """The rows, some thousands at a time, so that no transaction is long."""
    after = start
    while True:
        rows = await ledger.read(functools.partial(_page, statement=statement, after=after))
        if not rows:
            return
        yield rows
        after = rows[-1][column]


def _page(tx: Tx, *, statement: str, after: str | int) -> list[Row]:
    return tx.all(statement, after=after, n=_AT_ONCE)
