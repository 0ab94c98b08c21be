"""The hash chain by itself: its exact bytes, which other programs recompute, and what is said where it breaks."""

import hashlib
import json
from typing import Any

import pytest

from bot.audit.chain import START, Break, Link, seal, verify
from bot.audit.seal import anchor
from bot.domain.plain_text import plain

ROW: dict[str, Any] = {
    "id": "0a",
    "at": 1,
    "actor": "müller",
    "via": "slack",
    "kind": "operation.approved",
    "subject": "OP-1",
    "detail": '{"reason":"503"}',
    "written": 2,
}
CANONICAL = (
    '{"actor":"müller","at":1,"detail":"{\\"reason\\":\\"503\\"}","id":"0a","kind":"operation.approved",'
    '"previous":"' + "0" * 64 + '","sequence":1,"subject":"OP-1","via":"slack","written":2}'
)


def test_a_link_is_the_hash_of_canonical_json_with_the_hash_before_it() -> None:
    """Sorted keys, no spaces, UTF-8, the number and the previous hash inside: whoever exports can recompute it."""
    following = seal(ROW, seal(ROW, Link()))

    assert Link(1, hashlib.sha256(CANONICAL.encode()).hexdigest()) == seal(ROW, Link())
    assert json.loads(CANONICAL)["previous"] == START
    assert 2 == following.sequence
    assert following.hash != seal(ROW, Link(1, START)).hash  # The same row behind another past.


def _chain(length: int) -> list[dict[str, Any]]:
    link, rows = Link(), list[dict[str, Any]]()
    for _ in range(length):
        following = seal(ROW, link)
        rows.append(ROW | {"sequence": following.sequence, "previous": link.hash, "hash": following.hash})
        link = following
    return rows


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param({"actor": "cto"}, "its content was changed after it was sealed", id="a changed content"),
        pytest.param({"previous": "f" * 64}, "it does not follow the row before it", id="another past"),
        pytest.param({"sequence": 4}, "the row is missing; number 4 follows", id="a gap"),
    ],
)
def test_a_break_says_what_is_wrong_with_the_row(changed: dict[str, Any], reason: str) -> None:
    """The number of the row and one clause."""
    rows = _chain(3)
    rows[1] = rows[1] | changed

    assert Break(2, reason) == verify(rows)


def test_a_chain_may_be_followed_from_its_middle() -> None:
    """A check of the newest rows begins at a link that is known."""
    rows = _chain(3)

    assert Link(3, rows[2]["hash"]) == verify(rows[1:], Link(1, rows[0]["hash"]))


def test_the_anchor_shows_the_whole_hash() -> None:
    """The channel keeps what the ledger's owner cannot change: the day, the row and all of the hash."""
    message = anchor(Link(1234, "ab" * 32), "2026-05-03")

    assert f"Audit anchor for 2026-05-03: row 1,234, {'ab' * 8}…" == message.text
    assert f"Audit anchor for 2026-05-03 · row 1,234\n{'ab' * 32}" == plain(message)
