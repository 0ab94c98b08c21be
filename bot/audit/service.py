"""The audit: append-only rows, written in the transaction of what they record, refusals included."""

import json
import secrets
import time
from collections.abc import Mapping

from bot.domain.people import Actor
from bot.domain.redaction import presentable
from bot.domain.timing import HOUR
from bot.store import Tx

Detail = Mapping[str, str | int | float | None]


REFUSALS_AN_HOUR = 20
"""How many refusals of one person are recorded: whoever may do nothing may not fill the ledger either."""


def refuse(tx: Tx, *, at: int, actor: Actor, kind: str, subject: str, detail: Detail | None = None) -> None:
    """Append a refusal, of a kind that `refusals_of` counts; the last of an hour says that more are left out."""
    row = tx.one("refusals_of", actor=actor.person, since=at - HOUR, most=REFUSALS_AN_HOUR)
    left = REFUSALS_AN_HOUR - int(row["n"] if row else 0)
    if left > 1:
        record(tx, at=at, actor=actor, kind=kind, subject=subject, detail=detail)
    elif left == 1:
        more = {**(detail or {}), "more": "further refusals of this person are not recorded for an hour"}
        record(tx, at=at, actor=actor, kind=kind, subject=subject, detail=more)


def record(tx: Tx, *, at: int, actor: Actor, kind: str, subject: str, detail: Detail | None = None) -> None:
    """Append one row: `kind` is such as `operation.approved`, `subject` such as `OP-88`, `INC-12` or `newsletter`.

    Texts are redacted here, whoever wrote them. The engine's cycle seals new rows into the hash chain within a second.
    """
    told = {name: presentable(value) if isinstance(value, str) else value for name, value in (detail or {}).items()}
    tx.run(
        "append_audit",
        id=f"{time.time_ns():016x}{secrets.token_hex(4)}",  # Sorts by the time of writing, on both databases.
        at=at,
        actor=actor.person,
        via=actor.via,
        kind=kind,
        subject=presentable(subject),
        detail=json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
        written=at,
    )
