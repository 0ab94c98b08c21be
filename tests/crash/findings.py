"""What a run left behind, judged from three sides: what people were told, the ledger, and what the outside saw."""

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import dict_row

from bot.domain import message_json
from bot.outbox.slack import REPEAT_MARK
from bot.slack.blocks import render
from tests.crash.outside import Outside
from tests.crash.people import People

LEVELS = 4
"""Of the crash run's P0. Levels that are late fire a minute apart, so not all of them within the run."""

OVERDUE = 5_000
"""How late a step may be at the end of the run, ms: taking over a dead replica's work takes that long at most."""

ON_THE_WIRE = 2_000
"""A page may have been on its way to Slack in the moment of the acknowledgement, ms."""

_SETTLED = {"succeeded", "failed", "unknown", "void", "denied", "expired", "cancelled"}

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Findings:
    """What must be empty, each with the names of what was found."""

    lost: tuple[str, ...]
    twice: tuple[str, ...]
    paged: tuple[str, ...]
    messages: tuple[str, ...]
    duplicates: tuple[str, ...]
    done_twice: tuple[str, ...]
    denied: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not any(getattr(self, each.name) for each in fields(self))

    def __str__(self) -> str:
        return (
            f"decisions lost {len(self.lost)} twice {len(self.twice)} · paged after acknowledgement {len(self.paged)}"
            f" · messages lost {len(self.messages)} · unmarked duplicates {len(self.duplicates)}"
            f" · done twice {len(self.done_twice)} · denied wrongly {len(self.denied)}"
        )


def query(database: str, statement: str) -> Rows:
    """Rows of the ledger, read from outside of the bot."""
    if database.startswith("sqlite:///"):
        connection = sqlite3.connect(database.removeprefix("sqlite:///"), timeout=10)
        try:
            cursor = connection.execute(statement)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]
        finally:
            connection.close()
    with psycopg.connect(database, row_factory=dict_row) as session:
        return session.execute(statement.encode()).fetchall()


def restless(database: str) -> list[str]:
    """What is still under way: the run is over when nothing is."""
    waiting = [f"message {row['key']}" for row in query(database, "select key from message where state = 'open'")]
    inbox = query(database, "select key from inbox where state <> 'done'")
    operations = query(database, "select number, state, observe_at from operation")
    # An outcome that is not known is looked at until it is, or until only a person can tell.
    running = [
        row
        for row in operations
        if row["state"] in {"approved", "claimed", "running"}
        or (row["state"] == "unknown" and row["observe_at"] is not None)
    ]
    due = query(database, f"select id from incident where next_step_at <= {time.time_ns() // 1_000_000}")
    return [
        *waiting,
        *(f"request {row['key'][:12]}" for row in inbox),
        *(f"OP-{row['number']} {row['state']}" for row in running),
        *(f"{row['id']} is due" for row in due),
    ]


def judge(database: str, people: People, outside: Outside) -> Findings:
    """Compare the three sides."""
    incidents = query(database, "select id, title, epoch, acknowledged_at, next_step_at from incident")
    pings = query(database, "select incident, level, epoch, at from ping where kind = 'page'")
    messages = query(
        database, "select key, route, body, state, ts, guard_incident, guard_epoch, last_error from message"
    )
    told = {row["message"] for row in query(database, "select message from page_way where told <> 'trigger'")}
    return Findings(
        lost=(*_lost_incidents(incidents, pings, people), *_lost_operations(database, people)),
        twice=_twice(incidents, pings),
        paged=_paged_late(incidents, pings, outside),
        messages=_lost_messages(messages, incidents, told, outside),
        duplicates=_duplicates(outside),
        done_twice=tuple(_repeated("restored", outside.restored)),
        denied=_denied(database, outside),
    )


def _lost_incidents(incidents: Rows, pings: Rows, people: People) -> list[str]:
    titles = {row["title"] for row in incidents}
    owned = {row["id"] for row in incidents if row["acknowledged_at"] is not None}
    reached = {(row["incident"], row["level"]) for row in pings}
    climbing = [row for row in incidents if row["acknowledged_at"] is None]
    late = time.time_ns() // 1_000_000 - OVERDUE
    return [
        *(f"not opened: {title}" for title in sorted(people.opened - titles)),
        *(f"not acknowledged: {name}" for name in sorted(people.acknowledged - owned)),
        *(f"{row['id']}: nobody was paged" for row in climbing if (row["id"], 1) not in reached),
        *(
            f"{row['id']}: its next level is overdue"
            for row in climbing
            if (row["id"], LEVELS) not in reached and (row["next_step_at"] or 0) < late
        ),
    ]


def _lost_operations(database: str, people: People) -> list[str]:
    rows = query(database, "select number, token, state from operation")
    waiting = [row for row in rows if row["token"] in people.approved and row["state"] not in _SETTLED]
    inbox = query(database, "select key from inbox where state <> 'done'")
    return [
        *(f"OP-{row['number']} was approved and is {row['state']}" for row in waiting),
        *(f"request {row['key'][:12]} was not carried out" for row in inbox),
    ]


def _twice(incidents: Rows, pings: Rows) -> tuple[str, ...]:
    return (
        *_repeated("opened", (row["title"] for row in incidents)),
        *_repeated("paged", (f"{row['incident']} level {row['level']} epoch {row['epoch']}" for row in pings)),
    )


def _denied(database: str, outside: Outside) -> tuple[str, ...]:
    """What the bot says did not happen and the outside did, now or later."""
    rows = query(database, "select number, state, parameters, note from operation where started_at is not null")
    done = Counter(outside.restored)
    done.subtract(json.loads(row["parameters"])[2] for row in rows if row["state"] != "failed")
    failed = [row for row in rows if row["state"] == "failed" and done[json.loads(row["parameters"])[2]] > 0]
    return tuple(f"OP-{row['number']} is said to have failed, and was done: {row['note']}" for row in failed)


def _paged_late(incidents: Rows, pings: Rows, outside: Outside) -> tuple[str, ...]:
    owned = {row["id"]: row["acknowledged_at"] for row in incidents if row["acknowledged_at"] is not None}
    decided = [row for row in pings if row["at"] > owned.get(row["incident"], row["at"])]
    # A page is what still offers to take the incident; what tells who has it pages nobody.
    arrived = [
        seen
        for seen in outside.posts
        if seen.key.startswith("escalation:")
        and "incident.ack" in seen.blocks
        and REPEAT_MARK not in seen.text
        and seen.arrived > owned.get(seen.key.split(":")[1], seen.arrived) + ON_THE_WIRE
    ]
    return (
        *(f"{row['incident']} level {row['level']} was decided" for row in decided),
        *(f"{seen.key} was sent" for seen in arrived),
    )


def _lost_messages(messages: Rows, incidents: Rows, told: set[str], outside: Outside) -> tuple[str, ...]:
    """`told`: the alerts whose question was answered, which need not ring any more."""
    epochs = {row["id"]: row["epoch"] for row in incidents}
    shown = {seen.ts: outside.updates.get(seen.ts, seen.text) for seen in outside.posts}
    lost = []
    for row in messages:
        superseded = row["guard_incident"] is not None and epochs.get(row["guard_incident"]) != row["guard_epoch"]
        answered = row["guard_incident"] is not None or row["key"] in told
        if row["state"] in {"open", "failed"}:
            lost.append(f"{row['key']} is {row['state']}: {row['last_error']}")
        elif row["state"] == "withdrawn" and not (superseded or answered):
            lost.append(f"{row['key']} was withdrawn")
        elif row["state"] == "sent" and row["route"] == "slack":
            wanted = render(message_json.load(row["body"]), ZoneInfo("UTC")).text
            if shown.get(row["ts"], "").removesuffix(f" {REPEAT_MARK}") != wanted:
                lost.append(f"{row['key']} shows {shown.get(row['ts'])!r} instead of {wanted!r}")
    return tuple(lost)


def _duplicates(outside: Outside) -> tuple[str, ...]:
    first: set[str] = set()
    found = []
    for seen in outside.posts:
        if seen.key in first and REPEAT_MARK not in seen.text:
            found.append(seen.key)
        first.add(seen.key)
    return tuple(found)


def _repeated(what: str, names: Iterable[str]) -> list[str]:
    return [f"{what} {count} times: {name}" for name, count in Counter(names).items() if count > 1]
