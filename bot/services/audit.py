"""The audit: append-only rows, written in the transaction of what they record, refusals included."""

import json
import secrets
import time
from collections.abc import Mapping

from bot.domain.people import Actor
from bot.store import Tx

Detail = Mapping[str, str | int | float | None]


def record(tx: Tx, *, at: int, actor: Actor, kind: str, subject: str, detail: Detail | None = None) -> None:
    """Append one row: `kind` is such as `operation.approved`, `subject` such as `OP-88`, `INC-12` or `newsletter`.

    `detail` must hold no secret. The engine's cycle seals new rows into the hash chain within a second.
    """
    tx.run(
        "append_audit",
        id=f"{time.time_ns():016x}{secrets.token_hex(4)}",  # Sorts by the time of writing, on both databases.
        at=at,
        actor=actor.person,
        via=actor.via,
        kind=kind,
        subject=subject,
        detail=json.dumps(dict(detail or {}), ensure_ascii=False, sort_keys=True, separators=(",", ":")),
        written=at,
    )
