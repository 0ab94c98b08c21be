"""What people can do to an incident: pure transitions to a new value, or a `Conflict` that says what is so instead."""

from dataclasses import replace

from bot.domain.errors import Conflict
from bot.domain.people import Actor, called
from bot.incidents import clocks as incident_clocks
from bot.incidents.escalation import EscalationPolicy
from bot.incidents.model import Incident, Severity, State


def acknowledge(incident: Incident, actor: Actor, now: int) -> Incident:
    """`actor` has it: paging stops. From the owner it is a sign of life, from another person a take-over."""
    _refuse_over(incident)
    if incident.state is State.MITIGATED:
        raise Conflict(f"{incident.id} is mitigated already; reopen it if it is broken again.")
    before = incident.owner
    same = before is not None and before.person == actor.person
    return replace(
        incident,
        state=State.ACKNOWLEDGED,
        epoch=incident.epoch + 1,
        owner=actor,
        owned_at=incident.owned_at if same else now,
        taken_from=incident.taken_from if same or before is None else before.person,
        acknowledged_at=now if incident.acknowledged_at is None else incident.acknowledged_at,
        updated_at=now,
        nudged_at=None,
    )


def change_severity(incident: Incident, severity: Severity, now: int, *, policy: EscalationPolicy) -> Incident:
    """Another row of the matrix: raised, its clocks start now and page anew; lowered, they go on as they are.

    `policy` is the row that it leaves: what its clocks have come to by now stands.
    """
    _refuse_over(incident)
    if incident.severity is severity:
        raise Conflict(f"{incident.id} is {severity} already.")
    changed = replace(
        incident,
        severity=severity,
        epoch=incident.epoch + 1,
        verdicts=incident_clocks.settled(policy, incident, now),
        room_wanted=incident.room_wanted or (severity.has_room and not incident.severity.has_room),
    )
    if severity.rank > incident.severity.rank:
        return changed
    restarted = replace(changed, planned_from=now, informed=0, informed_at=None)
    # Whoever has acknowledged it knows; paging starts anew only while nobody has.
    if incident.state is not State.OPEN:
        return restarted
    return replace(restarted, paged=0, paged_at=None, acknowledged_at=None)


def reopen(incident: Incident, now: int, *, policy: EscalationPolicy) -> Incident:
    """It is broken again: nobody has it, its clocks start now, and the first level is paged as for a new one."""
    if incident.active:
        raise Conflict(f"{incident.id} is open; there is nothing to reopen.")
    return replace(
        incident,
        state=State.OPEN,
        epoch=incident.epoch + 1,
        verdicts=incident_clocks.settled(policy, incident, now),
        planned_from=now,
        owner=None,
        owned_at=None,
        taken_from="",
        acknowledged_at=None,
        updated_at=None,
        mitigated_at=None,
        resolved_at=None,
        paged=0,
        paged_at=None,
        informed=0,
        informed_at=None,
        nudged_at=None,
    )


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
        owned_at=now if incident.owner is None else incident.owned_at,
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
        owned_at=now if incident.owner is None else incident.owned_at,
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
    return replace(
        incident, state=State.OPEN, epoch=incident.epoch + 1, owner=None, owned_at=None, taken_from="", nudged_at=None
    )


def want_room(incident: Incident) -> Incident:
    """Somebody asks for a channel of its own."""
    _refuse_over(incident)
    if incident.in_room or incident.room_wanted:
        raise Conflict(f"{incident.id} has a channel of its own already, or will have it in a moment.")
    return replace(incident, room_wanted=True)


def _refuse_over(incident: Incident) -> None:
    if incident.state is State.RESOLVED:
        # Who resolved it stands in its channel; its owner may be somebody else.
        raise Conflict(f"{incident.id} was resolved; reopen it if it is back: /incident reopen {incident.id}")
