"""Seals new audit rows into the hash chain within a second, and posts the chain's end daily as an anchor."""

import datetime as dt
from typing import Protocol

from bot.audit.chain import START, Link, seal
from bot.domain.message import Bold, Code, Message, lines
from bot.store import Ledger, Row, Tx

_AT_ONCE = 500


class Post(Protocol):
    """Posts a message in the transaction of the caller: `outbox.post`."""

    def __call__(self, tx: Tx, *, key: str, channel: str, message: Message, now: int, fallback: str | None) -> object:
        """Post; `fallback` is the channel that gets it where `channel` is gone."""
        ...


class AuditSeal:
    """Engine duty. A chain kept inside every transaction would cost half the concurrent writes, so it is kept here."""

    name = "audit seal"

    def __init__(self, ledger: Ledger, post: Post, *, channel: str, fallback: str = "") -> None:
        """`fallback`: the channel that gets the anchor where `channel` is gone."""
        self._ledger = ledger
        self._post = post
        self._channel = channel
        self._fallback = fallback or None
        self._day = ""

    async def run(self, now: int) -> bool:
        day = dt.datetime.fromtimestamp(now / 1000, dt.UTC).date().isoformat()
        # Most cycles find nothing, and then take no lock.
        if day == self._day and not await self._ledger.read(_waiting):
            return False
        sealed = await self._ledger.write(lambda tx: self._seal(tx, day, now))
        self._day = day
        return sealed == _AT_ONCE

    async def next_due(self) -> int | None:
        return None

    def _seal(self, tx: Tx, day: str, now: int) -> int:
        head = tx.one("audit_head")
        if head is None:
            # The first start is no day that has passed: nothing is anchored yet.
            tx.run("start_audit_head", anchored_on=day)
            head = tx.one("audit_head")
        if head is None:
            return 0
        before = Link(head["sequence"], head["hash"] or START)
        if head["anchored_on"] != day and tx.run("mark_anchored", day=day) and before.sequence:
            message = anchor(before, head["anchored_on"])
            key = f"audit:anchor:{day}"
            self._post(tx, key=key, channel=self._channel, message=message, now=now, fallback=self._fallback)
        link = before
        seals: list[Row] = []
        for row in tx.all("unsealed_audit", n=_AT_ONCE):
            following = seal(row, link)
            seals.append(
                {"id": row["id"], "sequence": following.sequence, "previous": link.hash, "hash": following.hash}
            )
            link = following
        if seals:
            tx.each("seal_audit", seals)
            tx.run("move_audit_head", sequence=link.sequence, hash=link.hash)
        return len(seals)


def anchor(head: Link, day: str) -> Message:
    """The end of the chain, kept where the ledger's owner cannot change it unseen."""
    text = f"Audit anchor for {day}: row {head.sequence:,}, {head.hash[:16]}…"
    return Message(
        text,
        (
            lines(
                (Bold(f"Audit anchor for {day}"), f" · row {head.sequence:,}"),
                (Code(head.hash),),
            ),
        ),
    )


def _waiting(tx: Tx) -> int:
    row = tx.one("any_unsealed_audit")
    return int(row["n"]) if row else 0
