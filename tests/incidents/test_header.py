"""What the header says when nobody has done anything: the next repetition, another day, an update that is due."""

from zoneinfo import ZoneInfo

import pytest

from bot.domain.message import Facts, Line, Message, Moment, Paragraph
from bot.incidents.header_dates import IncidentDates
from bot.incidents.model import Reference
from tests.fakes.clock import START
from tests.incidents.world import MIN, SRE, World, text_of

pytestmark = pytest.mark.ledger

FIRST = Reference(id="INC-1")
BERLIN = ZoneInfo("Europe/Berlin")


def dates_of(world: World) -> IncidentDates:
    """The duty of a bot in Berlin."""
    return IncidentDates(world.ledger, BERLIN, oncall=world.oncall, posts=world.incidents.posts)


def moments(message: Message, zone: ZoneInfo) -> set[str]:
    """How the times of a header are shown."""
    paragraphs = [line for part in message.parts if isinstance(part, Paragraph) for line in part.lines]
    facts: list[Line] = [line for part in message.parts if isinstance(part, Facts) for _, line in part.pairs]
    return {piece.style_in(zone) for line in (*paragraphs, *facts) for piece in line if isinstance(piece, Moment)}


async def test_the_plan_goes_on_after_the_last_level(world: World) -> None:
    """The last level is paged again, and the header says when."""
    await world.open("P0")
    await world.passes(31)

    header = text_of(await world.message("incident:INC-1"))
    assert "✓ level 4 @cto paged 03:30" in header
    assert "level 4 @cto again at 03:45" in header


async def test_times_of_the_day_before_get_their_date_at_midnight(world: World) -> None:
    """Headers of what is not over are drawn again once, after midnight where the bot is."""
    duty = dates_of(world)
    await world.open("P0")
    await world.incidents.mitigate(FIRST, SRE)
    before = await world.message("incident:INC-1")
    await duty.run(world.clock.now())
    due = await duty.next_due()
    assert due is not None
    early = await duty.run(due - 1)
    unchanged = await world.message("incident:INC-1")
    world.clock.advance(due - world.clock.now())
    await duty.run(world.clock.now())

    assert 19 * 60 * MIN == due - START
    assert {"time"} == moments(before, BERLIN)
    assert (False, before) == (early, unchanged)
    assert {"date"} == moments(await world.message("incident:INC-1"), BERLIN)
    assert due < (await duty.next_due() or 0)


async def test_what_is_over_is_not_drawn_again(world: World) -> None:
    """A resolved incident keeps its header."""
    await world.open("P0")
    await world.incidents.resolve(FIRST, SRE)

    duty = dates_of(world)
    assert not await duty.run(world.clock.now())
    assert await duty.next_due() is None


async def test_an_update_that_did_not_come_is_overdue(world: World) -> None:
    """It is no longer said to be coming."""
    await world.open("P0")
    await world.incidents.acknowledge(FIRST, SRE)
    before = text_of(await world.message("incident:INC-1"))
    await world.passes(15)
    await world.settle()

    assert "next update by 03:15" in before
    assert "update overdue since 03:15" in text_of(await world.message("incident:INC-1"))
