"""The severity matrix: each severity's ladder, from the configuration."""

from typing import Literal

from bot.config.business_hours import business_hours
from bot.config.models import SeverityModel, StewardModel
from bot.domain.business_hours import BusinessHours
from bot.domain.errors import NotFound
from bot.incidents.escalation import Ladder, Level
from bot.incidents.model import Severity


class Matrix:
    """Ladders by severity. Business hours are read once; public holidays only where a country is named."""

    def __init__(self, config: StewardModel) -> None:
        hours = business_hours(config.business_hours, config.timezone)
        self._ladders = {Severity(name): _ladder(row, hours) for name, row in config.severities.items()}

    def __getitem__(self, severity: Severity) -> Ladder:
        """The ladder of a severity; raises `NotFound` for one that the configuration leaves out."""
        ladder = self._ladders.get(severity)
        if ladder is None:
            raise NotFound(f"{severity} has no levels here; use {', '.join(self._ladders)}.")
        return ladder


def _ladder(row: SeverityModel, hours: BusinessHours) -> Ladder:
    return Ladder(
        respond=row.respond,
        escalate=_escalate(row.escalate),
        levels=tuple(Level(level.notify, level.after, level.unless) for level in row.levels),
        stale=row.stale,
        # "Next business day" only means something on a calendar; the loader refuses it for a severity that pages.
        hours=None if row.page else hours,
    )


def _escalate(value: int | Literal["next business day"]) -> int | None:
    return None if value == "next business day" else value
