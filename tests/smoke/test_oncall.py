"""`/oncall`: who is on call now and who follows, per level."""

from pathlib import Path

import pytest

from tests.smoke.alone import alone, configured
from tests.smoke.pages import paged
from tests.smoke.world import World

LEVELS = (("primary", "sre"), ("secondary", "lead"), ("manager", "manager"), ("cto", "cto"))


@pytest.mark.row("A6")
async def test_every_level_in_the_order_of_paging(world: World) -> None:
    """A line per level; one level can be asked for; a wrong one names those that there are."""
    engineer = world.user("engineer")

    everybody = await engineer.types("/oncall").sees("primary")
    alone_ = await engineer.types("/oncall secondary").sees("secondary")
    wrong = await engineer.types("/oncall tertiary").sees("Nobody is on call as tertiary")
    many = await engineer.types("/oncall a b").sees("Usage: /oncall [LEVEL]")

    places = [everybody.words.index(f"{level} @{person}") for level, person in LEVELS]
    assert places == sorted(places)
    assert "@sre" not in alone_.words
    assert "primary, secondary, manager, cto" in wrong.words
    assert "One level at most" in many.words


@pytest.mark.row("A6")
@pytest.mark.row("A8")
async def test_the_turn_changes_and_the_pages_follow_it(tmp_path: Path) -> None:
    """Sre and engineer take turns of a day: now and next are told, and a page finds whoever has the turn then."""
    turns = {"rotation": ["sre", "engineer"], "every": "1d", "since": "2026-01-01"}
    config = configured(tmp_path, lambda steward: steward["oncall"].update(primary=turns))
    async with alone(tmp_path, STEWARD_CONFIG=str(config)) as (_, world):
        first = await world.user("lead").types("/oncall primary").sees("primary @")
        now = "sre" if "primary @sre" in first.words else "engineer"
        following = {"sre": "engineer", "engineer": "sre"}[now]
        assert f"then @{following} from" in first.words
        await world.user("lead").types("/incident open P0 newsletter first turn").sees("INC-1 is open")
        await paged(world, now, "first turn", primary=now)
        await world.user("lead").types("/incident resolve INC-1 anyway").sees("resolved")

        await world.advance("1d")

        await world.user("lead").types("/oncall primary").sees(f"primary @{following}")
        await world.user("lead").types("/incident open P0 newsletter next turn").sees("is open")
        await paged(world, following, "next turn", primary=following)
        assert not [each for each in await world.messages(now, f"@{now}") if "next turn" in str(each["text"])]
