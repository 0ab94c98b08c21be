"""Which incident a request means: by id, by a button's opaque id, by its channel, or the only one that is open."""

from bot.domain.errors import NotFound, UsageError
from bot.incidents import rows as incident_rows
from bot.incidents.model import Incident, Reference
from bot.store import Tx

MOST = 5
"""How many incidents are offered where none was named."""


def found(tx: Tx, reference: Reference) -> Incident:
    """The incident to look at. Raises `NotFound`; `UsageError` where none is named and several are open."""
    if reference.token:
        return incident_rows.by_token(tx, reference.token)
    if reference.id:
        return incident_rows.by_id(tx, reference.id)
    row = tx.one("incident_in_room", room=reference.room)
    if row is not None:
        return incident_rows.of_row(row)
    candidates = incident_rows.unresolved(tx, 2)
    if not candidates:
        raise NotFound("No incident is open; /incident open P1 SYSTEM TITLE opens one.")
    if len(candidates) > 1:
        raise UsageError("Several incidents are open; name one, such as " + candidates[0].id + ".")
    return candidates[0]


def meant(tx: Tx, reference: Reference, verb: str) -> list[Incident]:
    """Those that a request may mean: the one it names, or all that `verb` can be done to, what nobody has first."""
    if reference.token or reference.id or tx.one("incident_in_room", room=reference.room) is not None:
        return [found(tx, reference)]
    open_ones = incident_rows.unresolved(tx)
    if verb in {"ack", "mitigate"}:
        open_ones = [incident for incident in open_ones if incident.active]
    elif verb == "reopen":
        open_ones = [incident for incident in open_ones if not incident.active]
    return sorted(open_ones, key=lambda incident: incident.owner is not None)[:MOST]


def locked(tx: Tx, reference: Reference) -> Incident:
    """As `found`, and nobody else changes it until this transaction ends."""
    if reference.token:
        return incident_rows.locked_by_token(tx, reference.token)
    return incident_rows.locked(tx, reference.id or found(tx, reference).id)
