"""What operations need from their neighbours: who is on call, which incident is open, how a system is now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.people import Actor
from bot.domain.reading import Reading
from bot.store import Tx


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """An incident that is not resolved."""

    id: str
    severity: str
    title: str


class OpenIncidents(Protocol):
    """Open incidents, read inside the transaction that decides."""

    def of_system(self, tx: Tx, system: str) -> OpenIncident | None:
        """The most severe open incident of a system."""
        ...

    def severity(self, tx: Tx, incident: str) -> str:
        """The severity of an incident while it is open; empty once it is resolved."""
        ...


class LedgerIncidents:
    """`OpenIncidents` from the incident table."""

    def of_system(self, tx: Tx, system: str) -> OpenIncident | None:
        row = tx.one("open_incident_for_operation", system=system)
        return OpenIncident(row["id"], row["severity"], row["title"]) if row else None

    def severity(self, tx: Tx, incident: str) -> str:
        row = tx.one("severity_of_open_incident", id=incident)
        return str(row["severity"]) if row else ""


class OnCallSchedule(Protocol):
    """Who is on call, level by level."""

    def levels(self, at: int) -> Sequence[tuple[str, Actor]]:
        """Role and person of each level, the primary first."""
        ...


class Verifier(Protocol):
    """The checks of `/health`."""

    async def readings(self, system: str, names: Sequence[str] = ()) -> list[Reading]:
        """Readings of the named checks."""
        ...
