"""The working calendar of the configuration."""

from collections.abc import Container
from datetime import date, time
from zoneinfo import ZoneInfo

from bot.config.models import BusinessHoursModel
from bot.domain.business_hours import BusinessHours

_DAYS: dict[str, int] = {name: day for day, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}


def business_hours(model: BusinessHoursModel, timezone: str) -> BusinessHours:
    """The working calendar of the configuration."""
    return BusinessHours(
        ZoneInfo(timezone),
        frozenset(_DAYS[day] for day in model.days),
        time.fromisoformat(model.start),
        time.fromisoformat(model.end),
        _public_holidays(model.country) if model.country else frozenset(),
    )


def _public_holidays(country: str) -> Container[date]:
    import holidays  # noqa: PLC0415 - 9 MB and 230 ms that only a named country is worth

    return holidays.country_holidays(country)
