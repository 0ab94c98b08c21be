"""The outbox as the services use it: messages and pages written in the transaction that decided on them.

A channel is a Slack channel id, or `@U…` for the direct messages with that user (the sender resolves it).
"""

import itertools
import json

from bot.domain import message_json
from bot.domain.message import Message
from bot.domain.redaction import presentable
from bot.outbox.message import Lane
from bot.ports import Page, Posted
from bot.store import Tx

_COUNT = itertools.count()
_PER_MILLISECOND = 1_000_000


def post(
    tx: Tx,
    *,
    key: str,
    channel: str,
    message: Message,
    now: int,
    lane: Lane = "rest",
    thread: str | None = None,
    guard: tuple[str, int] | None = None,
    fallback: str | None = None,
    not_before: int = 0,
) -> None:
    """Post a message, or edit it where the key exists already (its wanted revision rises).

    `thread`: key of the message whose thread it belongs to (sent after that one). `guard`: incident id and epoch; sent
    only while the incident still has that epoch. `fallback`: `@U…` to use where the channel is archived.
    """
    tx.run(
        "put_message",
        key=key,
        position=_position(now),
        route="slack",
        channel=channel,
        thread_key=thread,
        lane=lane,
        body=message_json.dump(message),
        now=now,
        not_before=max(now, not_before),
        guard_incident=guard[0] if guard else None,
        guard_epoch=guard[1] if guard else None,
        fallback=fallback,
    )


def page(tx: Tx, *, key: str, page: Page, now: int, guard: tuple[str, int] | None = None) -> None:
    """Hand one event to PagerDuty, in the page lane."""
    body = {
        "event": page.event,
        "key": page.key,
        "summary": presentable(page.summary),
        "severity": page.severity,
        "component": page.component,
        "details": {name: presentable(value) for name, value in page.details.items()},
        "route": page.route,
    }
    tx.run(
        "put_message",
        key=key,
        position=_position(now),
        route="pagerduty",
        channel="pagerduty",
        thread_key=page.key,  # Keeps an incident's events in order: a late trigger would reopen it.
        lane="page",
        body=json.dumps(body, ensure_ascii=False),
        now=now,
        not_before=now,
        guard_incident=guard[0] if guard else None,
        guard_epoch=guard[1] if guard else None,
        fallback=None,
    )


def is_queued(tx: Tx, key: str) -> bool:
    """Whether a message with this key was ever put into the outbox, sent or not."""
    return tx.one("message_place", key=key) is not None


def sent_at(tx: Tx, key: str) -> Posted | None:
    """The place that the message with this key was sent to; None while it was not sent."""
    row = tx.one("message_place", key=key)
    return Posted(row["posted_channel"], row["ts"]) if row and row["ts"] else None


def withdraw(tx: Tx, key: str) -> None:
    """Do not send a message that is still waiting; one that was sent stays."""
    tx.run("withdraw_message", key=key)


def forget(tx: Tx, *, before: int, most: int) -> int:
    """Drop messages that are older than `before` and than everything that may still edit one; how many went."""
    oldest = tx.one("oldest_unsettled")
    if oldest and oldest["at"] is not None:
        before = min(before, oldest["at"])
    return tx.run("forget_messages", before=before, n=most)


def _position(now: int) -> int:
    """Sorts messages by the time they were written, and within a process those of the same millisecond too."""
    return now * _PER_MILLISECOND + next(_COUNT) % _PER_MILLISECOND
