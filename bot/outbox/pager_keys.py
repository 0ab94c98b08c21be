"""Deduplication keys at PagerDuty: `steward-prod:INC-12`; what does not carry our installation is not ours."""

import re
from dataclasses import dataclass

_INCIDENT = re.compile(r"(INC-[1-9][0-9]{0,11})(?::[1-9][0-9]{0,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class PagerKeys:
    """The keys of one installation. Several may share an account of PagerDuty, and each has an INC-1."""

    installation: str

    def of(self, subject: str, number: int = 1) -> str:
        """The key of an alert about `INC-12` or `OP-88`; each further page of a subject is an alert of its own."""
        return f"{self.installation}:{subject}" + (f":{number}" if number > 1 else "")

    def incident(self, key: str) -> str | None:
        """The incident that a key of ours is about; None for every other key."""
        own, colon, rest = key.partition(":")
        found = _INCIDENT.fullmatch(rest)
        return found[1] if found and colon and own and own == self.installation else None
