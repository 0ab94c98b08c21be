"""The outbox from the sender's side, a transaction each: what goes next in a channel, and what became of it."""

from bot.audit import service as audit
from bot.domain.people import STEWARD
from bot.outbox.message import (
    LEASE,
    LOOK_UP_AFTER,
    PAGE_WAITS,
    ChannelQueue,
    Delayed,
    Delivered,
    Doubtful,
    NotThere,
    OutboxMessage,
    Outcome,
    Sending,
    Undeliverable,
)
from bot.ports import Posted
from bot.store import Row, Tx

_LONGEST_PAUSE = {"page": 10_000, "rest": 60_000}


def due_queues(tx: Tx, now: int) -> tuple[list[ChannelQueue], int | None]:
    """The queues in which something may go now, pages first, and when the next message after these falls due."""
    queues = [
        ChannelQueue(row["route"], row["channel"], row["lane"], bool(row["edits"]))
        for row in tx.all("due_lanes", now=now)
    ]
    upcoming = tx.one("next_message_due", now=now)
    return queues, upcoming["at"] if upcoming else None


def advance(
    tx: Tx,
    queue: ChannelQueue,
    sending: Sending,
    done: tuple[OutboxMessage, Outcome] | None,
    *,
    more: bool,
    idempotent: bool,
) -> OutboxMessage | None:
    """One step of a queue in one transaction: write down what became of a message, and mark the next as being sent.

    None: there is nothing to send, `more` is not wanted, or the queue is another sender's; it is then given back.
    `idempotent`: its route is.
    """
    if done is not None:
        _settle(tx, *done, sending)
    message = _take(tx, queue, sending, idempotent=idempotent) if more and _hold(tx, queue, sending) else None
    if message is None:
        tx.run("free_lane", channel=queue.channel, lane=queue.lease, owner=sending.owner)
    return message


def _take(tx: Tx, queue: ChannelQueue, sending: Sending, *, idempotent: bool) -> OutboxMessage | None:
    where: dict[str, str | int] = {"route": queue.route, "channel": queue.channel, "lane": queue.lane}
    while (found := tx.one("next_message", **where, edits=int(queue.edits), now=sending.now)) is not None:
        row = tx.one("read_message", key=found["key"])
        if row is None:
            continue
        if _superseded(tx, row):
            tx.run("message_withdrawn", key=row["key"])
            continue
        doubt = _doubt(row, idempotent=idempotent)
        if doubt is not None and (rest := row["sending_since"] + LOOK_UP_AFTER - sending.wall) > 0:
            tx.run("message_unconfirmed", key=row["key"], not_before=sending.now + rest)
            continue
        waited = doubt is not None and sending.wall >= doubt + LOOK_UP_AFTER + PAGE_WAITS
        repeat = waited and queue.lane == "page"
        if doubt is not None and not repeat:
            started = tx.one("start_look_up", key=row["key"], doubtful_since=doubt, owner=sending.owner)
        else:
            started = tx.one(
                "start_sending", key=row["key"], doubtful_since=doubt, wall=sending.wall, owner=sending.owner
            )
        if started is not None:
            return _message(row, started, queue, doubt=doubt, repeat=repeat)
    return None


def _settle(tx: Tx, message: OutboxMessage, outcome: Outcome, sending: Sending) -> None:
    """Write down what became of a message."""
    match outcome:
        case Delivered(posted, revision):
            tx.run(
                "message_delivered",
                key=message.key,
                ts=posted.ts,
                posted_channel=posted.channel,
                revision=revision,
                owner=sending.owner,
            )
            if message.repeat:
                _note(tx, message, "page.repeated", "it may have arrived before; its look-up did not answer", sending)
        case NotThere():
            tx.run(
                "message_delayed",
                key=message.key,
                not_before=sending.now,
                failures=0,
                error="not there",
                owner=sending.owner,
            )
        case Delayed(error, pause):
            tx.run(
                "message_delayed",
                key=message.key,
                not_before=sending.now + (_back_off(message) if pause is None else pause),
                failures=int(pause is None),
                error=error,
                owner=sending.owner,
            )
        case Doubtful(error, since, pause):
            # A send without an answer then waits in `take` for the client's timeout.
            tx.run(
                "message_doubtful",
                key=message.key,
                not_before=sending.now + pause,
                doubtful_since=since,
                error=error,
                owner=sending.owner,
            )
        case Undeliverable(error, for_good):
            _reroute(tx, message, error, sending, for_good=for_good)


def _hold(tx: Tx, queue: ChannelQueue, sending: Sending) -> bool:
    held = tx.run(
        "hold_lane",
        channel=queue.channel,
        lane=queue.lease,
        owner=sending.owner,
        lease_until=sending.wall + LEASE,
        wall=sending.wall,
    )
    return held > 0


def _superseded(tx: Tx, row: Row) -> bool:
    """Whether the incident has moved on since the message was written; read right before the send."""
    if row["guard_incident"] is None:
        return False
    incident = tx.one("guard_epoch", id=row["guard_incident"])
    return incident is None or incident["epoch"] != row["guard_epoch"]


def _doubt(row: Row, *, idempotent: bool) -> int | None:
    """Since when the message may have arrived without our knowing, where that matters: edits may be repeated."""
    if idempotent or row["ts"] is not None or row["sending_since"] is None:
        return None
    since: int = row["sending_since"] if row["doubtful_since"] is None else row["doubtful_since"]
    return since


def _message(row: Row, started: Row, queue: ChannelQueue, *, doubt: int | None, repeat: bool) -> OutboxMessage:
    return OutboxMessage(
        key=row["key"],
        queue=queue,
        body=started["body"],
        revision=started["wanted_revision"],
        created_at=row["created_at"],
        attempts=row["attempts"],
        posted=Posted(row["posted_channel"], row["ts"]) if row["ts"] else None,
        root=Posted(row["root_channel"], row["root_ts"]) if row["root_ts"] else None,
        doubtful_since=doubt,
        attempted=row["sending_revision"],
        repeat=repeat,
        fallback=row["fallback"],
        guard=(row["guard_incident"], row["guard_epoch"]) if row["guard_incident"] else None,
    )


def _back_off(message: OutboxMessage) -> int:
    longest = _LONGEST_PAUSE[message.queue.lane]
    return min(longest, 1_000 << min(message.attempts, 10))


def _reroute(tx: Tx, message: OutboxMessage, error: str, sending: Sending, *, for_good: bool) -> None:
    """Take the other channel that the message names; the audit tells of it.

    A page without one is kept and tried again, unless it is refused for good.
    """
    if message.posted is not None:
        # It had arrived; only its latest edit cannot be shown where it stands.
        tx.run("message_failed", key=message.key, error=error, owner=sending.owner)
        _note(tx, message, "message.edit_lost", error, sending)
        return
    if message.fallback is not None:
        tx.run(
            "message_rerouted",
            key=message.key,
            channel=message.fallback,
            now=sending.now,
            error=error,
            owner=sending.owner,
        )
        _note(tx, message, "message.rerouted", error, sending)
    elif message.queue.lane == "page" and not for_good:
        if message.attempts == 0:
            _note(tx, message, "page.undeliverable", error, sending)
        _settle(tx, message, Delayed(error), sending)
    else:
        tx.run("message_failed", key=message.key, error=error, owner=sending.owner)
        _note(tx, message, "message.undeliverable", error, sending)


def _note(tx: Tx, message: OutboxMessage, kind: str, error: str, sending: Sending) -> None:
    audit.record(
        tx,
        at=sending.now,
        actor=STEWARD,
        kind=kind,
        subject=message.guard[0] if message.guard else message.key,
        detail={"message": message.key, "channel": message.queue.channel, "reason": error},
    )
