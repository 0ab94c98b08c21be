"""Incidents, pings and timeline events as rows of the ledger."""

import json
from collections.abc import Sequence
from dataclasses import replace

from bot.domain.errors import NotFound
from bot.domain.people import Actor
from bot.health.statement import Statement
from bot.incidents.model import Event, Incident, Ping, Severity, State, Suspect, Verdict
from bot.store import Row, Tx

# What of an `Incident` has a column of the same name that `save` writes as it is.
_PLAIN = (
    *("id", "title", "severity", "state", "epoch", "planned_from", "acknowledged_at", "updated_at", "mitigated_at"),
    *("resolved_at", "paged", "paged_at", "informed", "informed_at", "nudged_at", "impact", "owned_at", "taken_from"),
)


def of_row(row: Row) -> Incident:
    """The incident of one row."""
    return Incident(
        id=row["id"],
        number=row["number"],
        title=row["title"],
        system=row["system"],
        severity=Severity(row["severity"]),
        state=State(row["state"]),
        epoch=row["epoch"],
        token=row["token"],
        opened_at=row["opened_at"],
        opened_by=Actor(row["opened_by"], row["opened_slack"]),
        planned_from=row["planned_from"],
        owner=Actor(row["owner"], row["owner_slack"] or "") if row["owner"] else None,
        owned_at=row["owned_at"],
        taken_from=row["taken_from"],
        acknowledged_at=row["acknowledged_at"],
        updated_at=row["updated_at"],
        mitigated_at=row["mitigated_at"],
        resolved_at=row["resolved_at"],
        paged=row["paged"],
        paged_at=row["paged_at"],
        informed=row["informed"],
        informed_at=row["informed_at"],
        nudged_at=row["nudged_at"],
        impact=row["impact"],
        room=row["room"],
        room_wanted=bool(row["room_wanted"]),
        room_archived_at=row["room_archived_at"],
        checks=row["checks"],
        checks_at=row["checks_at"],
        failing=row["failing"],
        suspect=Suspect(row["suspect"], row["suspect_at"]),
        verdicts=_verdicts(row["verdicts"]),
    )


def next_number(tx: Tx) -> int:
    """The next incident's number."""
    row = tx.one("next_number", name="INC")
    if row is None:
        raise AssertionError("a counter always answers")
    return int(row["value"])


def insert(tx: Tx, incident: Incident, *, channel: str, due_at: int | None) -> None:
    """A new incident; `due_at`: when its channel and its evidence are due (None: it wants neither)."""
    tx.run(
        "insert_incident",
        id=incident.id,
        number=incident.number,
        title=incident.title,
        system=incident.system,
        severity=incident.severity.value,
        state=incident.state.value,
        epoch=incident.epoch,
        token=incident.token,
        channel=channel,
        opened_at=incident.opened_at,
        opened_by=incident.opened_by.person,
        opened_slack=incident.opened_by.slack,
        planned_from=incident.planned_from,
        next_step_at=None,
        impact=incident.impact,
        due_at=due_at,
        room_wanted=int(incident.room_wanted),
    )


def save(tx: Tx, incident: Incident, *, next_step_at: int | None) -> None:
    """Write what has changed, and when the next step is due."""
    values = {name: getattr(incident, name) for name in _PLAIN}
    owner = incident.owner
    values |= {"owner": owner.person if owner else None, "owner_slack": owner.slack if owner else None}
    values |= {"room_wanted": int(incident.room_wanted)}
    verdicts = json.dumps([[it.clock, it.severity.value, it.start, it.limit, it.done] for it in incident.verdicts])
    tx.run("save_incident", **values, verdicts=verdicts, next_step_at=next_step_at)


def set_checks(tx: Tx, incident: Incident, statement: Statement | None) -> Incident:
    """What the checks say now; of two readings the newer one stands."""
    if statement is None or statement.at < (incident.checks_at or 0):
        return incident
    tx.run("set_checks", id=incident.id, checks=statement.text, failing=statement.failing, at=statement.at)
    return replace(incident, checks=statement.text, failing=statement.failing, checks_at=statement.at)


def locked(tx: Tx, incident_id: str) -> Incident:
    """An incident that nobody else changes until this transaction ends; raises `NotFound`."""
    row = tx.one("lock_incident", id=incident_id)
    if row is None:
        raise NotFound(f"There is no incident {incident_id}; /incident list shows the open ones.")
    return of_row(row)


def locked_by_token(tx: Tx, token: str) -> Incident:
    """As `locked`, by the opaque id of a button."""
    row = tx.one("lock_incident_by_token", token=token)
    if row is None:
        raise NotFound("This button belongs to no incident; /incident list shows the open ones.")
    return of_row(row)


def by_id(tx: Tx, incident_id: str) -> Incident:
    """An incident to look at; raises `NotFound`."""
    row = tx.one("incident", id=incident_id)
    if row is None:
        raise NotFound(f"There is no incident {incident_id}; /incident list shows the open ones.")
    return of_row(row)


def by_token(tx: Tx, token: str) -> Incident:
    """As `by_id`, by the opaque id of a button."""
    row = tx.one("incident_by_token", token=token)
    if row is None:
        raise NotFound("This button belongs to no incident; /incident list shows the open ones.")
    return of_row(row)


def add_event(tx: Tx, incident: Incident, *, at: int, person: str, kind: str, text: str) -> int:
    """One line more on the timeline; its number."""
    row = tx.one("insert_incident_event", incident=incident.id, at=at, person=person, kind=kind, text=text)
    if row is None:
        raise AssertionError("an insert always answers")
    return int(row["number"])


def events(tx: Tx, incident_id: str, limit: int = 200) -> list[Event]:
    """The timeline, oldest first; only the newest `limit` lines."""
    rows = tx.all("incident_events", incident=incident_id, n=limit)
    return [Event(row["at"], row["person"], row["kind"], row["text"]) for row in reversed(rows)]


def updates(tx: Tx, incident_id: str) -> list[Event]:
    """The newest things that people said of it, its mitigation and its end included, oldest first, for the header."""
    rows = tx.all("incident_updates", incident=incident_id, n=4)
    return [Event(row["at"], row["person"], row["kind"], row["text"]) for row in reversed(rows)]


def questions_and_answers(tx: Tx, incident_id: str) -> list[Event]:
    """Resolutions at PagerDuty, and what was decided here, oldest first."""
    rows = tx.all("questions_and_answers", incident=incident_id)
    return [Event(row["at"], row["person"], row["kind"], row["text"]) for row in rows]


def pings(tx: Tx, incident_id: str) -> list[Ping]:
    """Who was told, in order."""
    return [
        Ping(row["number"], row["level"], row["kind"], row["at"], _people(row["people"]), row["key"])
        for row in tx.all("pings_of", incident=incident_id)
    ]


def add_ping(tx: Tx, incident: Incident, ping: Ping) -> None:
    """One more time that people are told. The database refuses a level that was paged in this epoch already."""
    tx.run(
        "insert_ping",
        incident=incident.id,
        number=ping.number,
        level=ping.level,
        kind=ping.kind,
        at=ping.at,
        epoch=incident.epoch,
        people=json.dumps([[actor.person, actor.slack] for actor in ping.people]),
        key=ping.key,
    )


def unresolved(tx: Tx, limit: int = 50) -> Sequence[Incident]:
    """Incidents that are not over, worst first."""
    return [of_row(row) for row in tx.all("unresolved_incidents", n=limit)]


def _verdicts(text: str) -> tuple[Verdict, ...]:
    return tuple(
        Verdict(clock, Severity(severity), start, limit, done)
        for clock, severity, start, limit, done in json.loads(text)
    )


def _people(text: str) -> tuple[Actor, ...]:
    return tuple(Actor(person, slack) for person, slack in json.loads(text))
