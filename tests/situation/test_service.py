"""What is suspected of an incident: releases of the providers and operations, whichever came last."""

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import cast

import pytest

from bot.domain.errors import Unavailable, Unreachable
from bot.domain.reading import Reading, Status
from bot.domain.timing import DAY, HOUR, MINUTE
from bot.health.messages import Report, headline
from bot.health.service import Health
from bot.incidents.model import Suspect
from bot.incidents.service import Incidents
from bot.operations.model import Operation
from bot.operations.service import Operations
from bot.ports import Deployments, Release
from bot.situation.service import Situation
from bot.systems import Component, System, Systems
from tests.operations.test_model import NOW, OPERATION


@dataclass
class _Source:
    """A provider with one release, made at a moment; or one that does not answer."""

    at: int | None

    async def releases(self) -> list[Release]:
        if self.at is None:
            raise Unreachable("refuses the connection")
        return [Release("v42", "Fix mail", created=self.at + MINUTE), Release("v41", "New grid", self.at, current=True)]


def _situation(changed: Operation | None, **released: int | None) -> Situation:
    async def last_change(system: str) -> Operation | None:
        del system
        return changed

    components = {name: Component(name, cast("Deployments", _Source(at))) for name, at in released.items()}
    return Situation(
        cast("Health", None),
        cast("Operations", SimpleNamespace(last_change=last_change)),
        cast("Incidents", None),
        Systems({"shop": System("shop", "Shop", components=components)}),
    )


RELEASED = Suspect("web released v41 New grid", NOW - 3 * MINUTE)
ROLLED = replace(OPERATION, finished_at=NOW - HOUR)


@pytest.mark.parametrize(
    ("changed", "released", "expected"),
    [
        pytest.param(None, {"web": NOW - 3 * MINUTE}, RELEASED, id="a release"),
        pytest.param(ROLLED, {"web": NOW - 3 * MINUTE}, RELEASED, id="it came after a rollback"),
        pytest.param(
            ROLLED,
            {"web": NOW - 2 * HOUR},
            Suspect("Roll back shop/web v41 → v40 (pending) by @sre", NOW - HOUR),
            id="a rollback came after it",
        ),
        pytest.param(None, {"app": NOW - HOUR, "web": NOW - 3 * MINUTE}, RELEASED, id="newest"),
        pytest.param(None, {"web": NOW - DAY - MINUTE}, Suspect(), id="an old release is no suspect"),
        pytest.param(None, {"web": NOW + MINUTE}, Suspect(), id="nor one that came afterwards"),
        pytest.param(None, {"web": None}, Suspect("releases of web could not be read"), id="a provider that is down"),
        pytest.param(
            None,
            {"app": None, "web": NOW - HOUR},
            Suspect("releases of app could not be read; web released v41 New grid", NOW - HOUR),
            id="one of two providers that is down",
        ),
    ],
)
async def test_releases_of_the_providers_are_suspected_first(
    changed: Operation | None, released: dict[str, int | None], expected: Suspect
) -> None:
    """A release counts whoever made it; a provider that does not tell is named."""
    assert expected == await _situation(changed, **released).suspect("shop", NOW)


async def test_health_is_answered_while_the_ledger_is_not() -> None:
    """Production is told all the same, and what is missing beside it is named; nothing of it looks better for that."""

    async def silent(system: str) -> Operation | None:
        del system
        raise Unavailable("The ledger does not answer.")

    situation = Situation(
        cast("Health", None),
        cast("Operations", SimpleNamespace(last_change=silent)),
        cast("Incidents", None),
        Systems({}),
    )
    app = Reading("app", "app", Status.HEALTHY, "200")

    told = await situation.around(Report("shop", "Shop", (app,), NOW, 12))

    assert (app,) == told.readings
    assert "⚪ Shop: 1 healthy, the bot's ledger does not answer, so incidents are not known" == headline(told)
