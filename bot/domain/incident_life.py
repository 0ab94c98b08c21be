"""What people can do to an incident: pure transitions to a new value, or a `Conflict` that says what is so instead."""

from dataclasses import replace

from bot.domain.errors import Conflict
from bot.domain.incident import Incident, Severity, State
from bot.domain.people import Actor, called


def acknowledge(incident: Incident, actor: Actor, now: int) -> Incident:
    """`actor` has it: paging stops. From the owner it is a sign of life, from another person a take-over."""
    _refuse_over(incident)
    if incident.state is State.MITIGATED:
        raise Conflict(f"{incident.id} is mitigated already; nobody is paged for it any more.")
    return replace(
        incident,
        state=State.ACKNOWLEDGED,
        epoch=incident.epoch + 1,
        owner=actor,
        acknowledged_at=now if incident.acknowledged_at is None else incident.acknowledged_at,
        updated_at=now,
        nudged_at=None,
    )


def change_severity(incident: Incident, severity: Severity, now: int) -> Incident:
    """Another row of the matrix: raised, its clocks start now and page anew; lowered, they go on as they are."""
    _refuse_over(incident)
    if incident.severity is severity:
        raise Conflict(f"{incident.id} is {severity} already.")
    changed = replace(
        incident,
        severity=severity,
        epoch=incident.epoch + 1,
        room_wanted=incident.room_wanted or (severity.has_room and not incident.severity.has_room),
    )
    if severity.rank > incident.severity.rank:
        return changed
    restarted = replace(changed, planned_from=now, informed=0, informed_at=None)
    # Whoever has acknowledged it knows; paging starts anew only while nobody has.
    return replace(restarted, paged=0, paged_at=None) if incident.state is State.OPEN else restarted


def update(incident: Incident, now: int) -> Incident:
    """Somebody said how it stands: the owner is not silent, so a page that asks them is obsolete."""
    _refuse_over(incident)
    if incident.state is not State.ACKNOWLEDGED:
        return replace(incident, updated_at=now)
    return replace(incident, updated_at=now, nudged_at=None, epoch=incident.epoch + 1)


def mitigate(incident: Incident, actor: Actor, now: int) -> Incident:
    """The harm is stopped: both clocks end."""
    _refuse_over(incident)
    if incident.state is State.MITIGATED:
        raise Conflict(f"{incident.id} is mitigated already; resolve it when it is over.")
    return replace(
        incident,
        state=State.MITIGATED,
        epoch=incident.epoch + 1,
        owner=incident.owner or actor,
        mitigated_at=now,
        updated_at=now,
    )


def resolve(incident: Incident, actor: Actor, now: int) -> Incident:
    """It is over."""
    _refuse_over(incident)
    return replace(
        incident,
        state=State.RESOLVED,
        epoch=incident.epoch + 1,
        owner=incident.owner or actor,
        mitigated_at=now if incident.mitigated_at is None else incident.mitigated_at,
        resolved_at=now,
        updated_at=now,
    )


def pass_on(incident: Incident, actor: Actor) -> Incident:
    """`actor` cannot take it: nobody has it any more, and whoever comes next is paged at once."""
    _refuse_over(incident)
    if incident.state is State.MITIGATED:
        raise Conflict(f"{incident.id} is mitigated; there is nobody to page for it.")
    if incident.owner is not None and incident.owner.person != actor.person:
        raise Conflict(f"{called(incident.owner.person)} has {incident.id}; only they can pass it on.")
    return replace(incident, state=State.OPEN, epoch=incident.epoch + 1, owner=None, nudged_at=None)


def want_room(incident: Incident) -> Incident:
    """Somebody asks for a channel of its own."""
    _refuse_over(incident)
    if incident.in_room or incident.room_wanted:
        raise Conflict(f"{incident.id} has a channel of its own already, or will have it in a moment.")
    return replace(incident, room_wanted=True)


def _refuse_over(incident: Incident) -> None:
    if incident.state is State.RESOLVED:
        # Who resolved it stands in its channel; its owner may be somebody else.
        raise Conflict(f"{incident.id} was resolved; open a new one if it is back.")
