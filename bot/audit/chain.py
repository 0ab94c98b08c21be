"""The hash chain over audit rows, as pure functions: what a row's hash is, and where a chain is broken."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from bot.store import Row

START = "0" * 64
_SEALED = ("id", "at", "actor", "via", "kind", "subject", "detail", "written")


@dataclass(frozen=True, slots=True)
class Link:
    """The end of a chain."""

    sequence: int = 0
    hash: str = START


@dataclass(frozen=True, slots=True)
class Break:
    """The first row where the chain does not hold, and why."""

    sequence: int
    reason: str


def seal(row: Row, previous: Link) -> Link:
    """The link that a row adds: sha256 over canonical JSON of the row, its sequence number and the hash before it."""
    sequence = previous.sequence + 1
    content = {name: row[name] for name in _SEALED} | {"sequence": sequence, "previous": previous.hash}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return Link(sequence, hashlib.sha256(text.encode()).hexdigest())


def verify(rows: Iterable[Row], start: Link = Link()) -> Link | Break:
    """Follow the chain over sealed rows in their order: its end, or the first row that does not hold."""
    link = start
    for row in rows:
        if row["sequence"] != link.sequence + 1:
            return Break(link.sequence + 1, f"the row is missing; number {row['sequence']} follows")
        if row["previous"] != link.hash:
            return Break(row["sequence"], "it does not follow the row before it")
        following = seal(row, link)
        if row["hash"] != following.hash:
            return Break(row["sequence"], "its content was changed after it was sealed")
        link = following
    return link
