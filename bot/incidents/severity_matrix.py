"""The severity matrix: each severity's escalation policy, from the configuration."""

from typing import Literal

from bot.config.business_hours import business_hours
from bot.config.models import SeverityModel, StewardModel
from bot.domain.business_hours import BusinessHours
from bot.domain.errors import NotFound
from bot.incidents.escalation import EscalationPolicy, Level
from bot.incidents.model import Severity


class Matrix:
    """Escalation policies by severity. Business hours are read once; public holidays only where a country is named."""

    def __init__(self, config: StewardModel) -> None:
        hours = business_hours(config.business_hours, config.timezone)
        self._policies = {Severity(name): _policy(row, hours) for name, row in config.severities.items()}

    def __getitem__(self, severity: Severity) -> EscalationPolicy:
        """The escalation policy of a severity; raises `NotFound` for one that the configuration leaves out."""
        policy = self._policies.get(severity)
        if policy is None:
            raise NotFound(f"{severity} has no levels here; use {', '.join(self._policies)}.")
        return policy


def _policy(row: SeverityModel, hours: BusinessHours) -> EscalationPolicy:
    return EscalationPolicy(
        respond=row.respond,
        escalate=_escalate(row.escalate),
        levels=tuple(Level(level.notify, level.after, level.unless) for level in row.levels),
        stale=row.stale,
        # "Next business day" only means something on a calendar; the loader refuses it for a severity that pages.
        hours=None if row.page else hours,
    )


def _escalate(value: int | Literal["next business day"]) -> int | None:
    return None if value == "next business day" else value
