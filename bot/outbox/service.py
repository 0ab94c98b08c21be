"""The outbox as the services use it: messages are written in the transaction that decided on them."""

import itertools

from bot.domain import message_json
from bot.domain.message import Message
from bot.outbox.message import Lane
from bot.outbox.slack import SlackRoute
from bot.ports import Posted
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
    """Post a message in Slack. A channel is a Slack channel id, or `@U…` for the direct messages with that user."""
    put(
        tx,
        route=SlackRoute.name,
        key=key,
        channel=channel,
        body=message_json.dump(message),
        now=now,
        lane=lane,
        thread=thread,
        guard=guard,
        fallback=fallback,
        not_before=not_before,
    )


def put(
    tx: Tx,
    *,
    route: str,
    key: str,
    channel: str,
    body: str,
    now: int,
    lane: Lane = "rest",
    thread: str | None = None,
    guard: tuple[str, int] | None = None,
    fallback: str | None = None,
    not_before: int = 0,
) -> None:
    """Send a message by a route, or edit it where the key exists already (its wanted revision rises).

    `thread`: key of the message whose thread it belongs to (sent after that one). `guard`: incident id and epoch; sent
    only while the incident still has that epoch. `fallback`: the route's channel to use where the first is gone.
    """
    tx.run(
        "put_message",
        key=key,
        position=_position(now),
        route=route,
        channel=channel,
        thread_key=thread,
        lane=lane,
        body=body,
        now=now,
        not_before=max(now, not_before),
        guard_incident=guard[0] if guard else None,
        guard_epoch=guard[1] if guard else None,
        fallback=fallback,
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
