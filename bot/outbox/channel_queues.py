"""The outbox from the sender's side, a transaction each: what goes next in a lane, and what became of it."""

from bot.audit import service as audit
from bot.domain.people import STEWARD
from bot.outbox.message import (
    LEASE,
    LOOK_UP_AFTER,
    PAGE_WAITS,
    Delayed,
    Delivered,
    Doubtful,
    Lane,
    Letter,
    NotThere,
    Outcome,
    Sending,
    Undeliverable,
)
from bot.ports import Posted
from bot.store import Row, Tx

_LONGEST_PAUSE = {"page": 10_000, "rest": 60_000}


def due_lanes(tx: Tx, now: int) -> tuple[list[Lane], int | None]:
    """The lanes where something may go now, pages first, and when the next message after these falls due."""
    lanes = [Lane(row["channel"], row["lane"], bool(row["edits"])) for row in tx.all("due_lanes", now=now)]
    upcoming = tx.one("next_message_due", now=now)
    return lanes, upcoming["at"] if upcoming else None


def advance(
    tx: Tx, lane: Lane, sending: Sending, done: tuple[Letter, Outcome] | None, *, more: bool = True
) -> Letter | None:
    """One step of a lane in one transaction: write down what became of a letter, and mark the next as being sent.

    None: there is nothing to send, `more` is not wanted, or the lane is another's; it is then given back.
    """
    if done is not None:
        _settle(tx, *done, sending)
    letter = _take(tx, lane, sending) if more and _hold(tx, lane, sending) else None
    if letter is None:
        tx.run("free_lane", channel=lane.channel, lane=lane.lease, owner=sending.owner)
    return letter


def _take(tx: Tx, lane: Lane, sending: Sending) -> Letter | None:
    where: dict[str, str | int] = {"channel": lane.channel, "lane": lane.lane, "edits": int(lane.edits)}
    while (found := tx.one("next_message", **where, now=sending.now)) is not None:
        row = tx.one("read_message", key=found["key"])
        if row is None:
            continue
        if _superseded(tx, row):
            tx.run("message_withdrawn", key=row["key"])
            continue
        doubt = _doubt(row)
        if doubt is not None and (rest := row["sending_since"] + LOOK_UP_AFTER - sending.wall) > 0:
            tx.run("message_unconfirmed", key=row["key"], not_before=sending.now + rest)
            continue
        waited = doubt is not None and sending.wall >= doubt + LOOK_UP_AFTER + PAGE_WAITS
        repeat = waited and lane.lane == "page"
        if doubt is not None and not repeat:
            started = tx.one("start_look_up", key=row["key"], doubtful_since=doubt, owner=sending.owner)
        else:
            started = tx.one(
                "start_sending", key=row["key"], doubtful_since=doubt, wall=sending.wall, owner=sending.owner
            )
        if started is not None:
            return _letter(row, started, lane, doubt=doubt, repeat=repeat)
    return None


def _settle(tx: Tx, letter: Letter, outcome: Outcome, sending: Sending) -> None:
    """Write down what became of a letter."""
    match outcome:
        case Delivered(posted, revision):
            tx.run(
                "message_delivered",
                key=letter.key,
                ts=posted.ts,
                posted_channel=posted.channel,
                revision=revision,
                owner=sending.owner,
            )
            if letter.repeat:
                _note(tx, letter, "page.repeated", "it may have arrived before; its look-up did not answer", sending)
        case NotThere():
            tx.run(
                "message_delayed",
                key=letter.key,
                not_before=sending.now,
                failures=0,
                error="not there",
                owner=sending.owner,
            )
        case Delayed(error, pause):
            tx.run(
                "message_delayed",
                key=letter.key,
                not_before=sending.now + (_back_off(letter) if pause is None else pause),
                failures=int(pause is None),
                error=error,
                owner=sending.owner,
            )
        case Doubtful(error, since, pause):
            # A send without an answer then waits in `take` for the client's timeout.
            tx.run(
                "message_doubtful",
                key=letter.key,
                not_before=sending.now + pause,
                doubtful_since=since,
                error=error,
                owner=sending.owner,
            )
        case Undeliverable(error, for_good):
            _reroute(tx, letter, error, sending, for_good=for_good)


def _hold(tx: Tx, lane: Lane, sending: Sending) -> bool:
    held = tx.run(
        "hold_lane",
        channel=lane.channel,
        lane=lane.lease,
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


def _doubt(row: Row) -> int | None:
    """Since when the message may stand in the channel without our knowing; the pager knows repeats by their key."""
    if row["route"] != "slack" or row["ts"] is not None or row["sending_since"] is None:
        return None
    since: int = row["sending_since"] if row["doubtful_since"] is None else row["doubtful_since"]
    return since


def _letter(row: Row, started: Row, lane: Lane, *, doubt: int | None, repeat: bool) -> Letter:
    return Letter(
        key=row["key"],
        route=row["route"],
        lane=lane,
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


def _back_off(letter: Letter) -> int:
    longest = _LONGEST_PAUSE[letter.lane.lane]
    return min(longest, 1_000 << min(letter.attempts, 10))


def _reroute(tx: Tx, letter: Letter, error: str, sending: Sending, *, for_good: bool) -> None:
    """Take the other way: the direct message that it names; the audit tells of it.

    A page without one is kept and tried again; PagerDuty has been told of it beside Slack. To a person whose account is
    disabled it is not: the other ways are what is left. An acknowledgement or a resolution that PagerDuty refuses is
    refused for ever.
    """
    if letter.posted is not None:
        # It had arrived; only its latest edit cannot be shown where it stands.
        tx.run("message_failed", key=letter.key, error=error, owner=sending.owner)
        _note(tx, letter, "message.edit_lost", error, sending)
        return
    if letter.fallback is not None:
        tx.run(
            "message_rerouted",
            key=letter.key,
            channel=letter.fallback,
            now=sending.now,
            error=error,
            owner=sending.owner,
        )
        _note(tx, letter, "message.rerouted", error, sending)
    elif letter.lane.lane == "page" and not for_good and (letter.route == "slack" or letter.guard is not None):
        if letter.attempts == 0:
            _note(tx, letter, "page.undeliverable", error, sending)
        _settle(tx, letter, Delayed(error), sending)
    else:
        tx.run("message_failed", key=letter.key, error=error, owner=sending.owner)
        _note(tx, letter, "message.undeliverable", error, sending)


def _note(tx: Tx, letter: Letter, kind: str, error: str, sending: Sending) -> None:
    audit.record(
        tx,
        at=sending.now,
        actor=STEWARD,
        kind=kind,
        subject=letter.guard[0] if letter.guard else letter.key,
        detail={"message": letter.key, "channel": letter.lane.channel, "reason": error},
    )
