"""What pages and headers say of the checks: read for the page, kept as new as the poller, and always with its time."""

import pytest

from bot.domain.reading import Reading, Status
from bot.incidents.checks import FollowedChecks
from bot.incidents.model import Reference
from tests.incidents.world import MIN, SRE, World, text_of

pytestmark = pytest.mark.ledger

FIRST = Reference(id="INC-1")
RED = [Reading("app", "app", Status.CRITICAL, value="503"), Reading("db", "database", Status.HEALTHY)]
GREEN = [Reading("app", "app", Status.HEALTHY, value="200"), Reading("db", "database", Status.HEALTHY)]


def followed(world: World) -> FollowedChecks:
    """The poller's follower."""
    return FollowedChecks(world.ledger, world.clock, oncall=world.oncall, posts=world.incidents.posts)


async def revision(world: World, key: str) -> int:
    """How often a message was written."""
    return next(int(row["wanted_revision"]) for row in await world.outbox() if row["key"] == key)


async def test_each_page_carries_what_the_checks_say_when_it_is_sent(world: World) -> None:
    """The first page of a healthy system is green; the second one, after it broke, is red."""
    world.checks.readings = GREEN
    await world.open("P0")
    first = text_of(await world.message("escalation:INC-1:1"))
    world.checks.readings = RED
    await world.passes(5.1)
    second = text_of(await world.message("escalation:INC-1:2"))

    assert "Checks at 03:00: 🟢 2 healthy" in first
    assert "Checks at 03:05: 🔴 app 503, 🟢 1 healthy" in second
    assert "Checks at 03:05: 🔴 app 503" in text_of(await world.message("incident:INC-1"))


async def test_a_page_whose_checks_do_not_answer_says_of_when_they_are(world: World) -> None:
    """The page is not held up, and no reading of five minutes ago passes as one of now."""
    world.checks.readings = RED
    await world.open("P0")
    world.checks.readings = []
    await world.passes(5.1)

    assert "Checks as of 03:00: 🔴 app 503" in text_of(await world.message("escalation:INC-1:2"))


async def test_the_page_that_a_person_asks_for_reads_anew_too(world: World) -> None:
    """Passing on and paging the next level."""
    await world.open("P0")
    world.checks.readings = RED
    world.clock.advance(MIN)
    await world.incidents.pass_on(FIRST, SRE, ping=1)
    world.checks.readings = GREEN
    world.clock.advance(MIN)
    await world.incidents.page_next(FIRST, SRE)

    assert "Checks at 03:01: 🔴 app 503" in text_of(await world.message("escalation:INC-1:2"))
    assert "Checks at 03:02: 🟢 2 healthy" in text_of(await world.message("escalation:INC-1:3"))


async def test_the_header_follows_the_poller(world: World) -> None:
    """It is edited where another check fails, not in each round; also once it is mitigated, until it is over."""
    world.checks.readings = RED
    await world.open("P0")
    await world.sends()
    follow = followed(world)
    before = await revision(world, "incident:INC-1")

    world.clock.advance(MIN)
    await follow("newsletter", [Reading("app", "app", Status.CRITICAL, value="502"), RED[1]])
    unchanged = await revision(world, "incident:INC-1")
    world.clock.advance(MIN)
    await follow("newsletter", GREEN)
    header, page = [text_of(await world.message(key)) for key in ("incident:INC-1", "escalation:INC-1:1")]
    await world.incidents.mitigate(FIRST, SRE)
    world.clock.advance(MIN)
    await follow("newsletter", RED)
    mitigated = text_of(await world.message("incident:INC-1"))
    await world.incidents.resolve(FIRST, SRE)
    await follow("newsletter", GREEN)

    assert unchanged == before
    assert "Checks at 03:02: 🟢 2 healthy" in header
    assert "Checks at 03:02: 🟢 2 healthy" in page
    assert "Checks at 03:03: 🔴 app 503" in mitigated
    assert "Checks at" not in text_of(await world.message("incident:INC-1"))


async def test_another_system_changes_nothing(world: World) -> None:
    """Only incidents of the system that was read follow it."""
    world.checks.readings = RED
    await world.open("P0")
    before = await revision(world, "incident:INC-1")

    await followed(world)("target-list", GREEN)

    assert before == await revision(world, "incident:INC-1")


async def test_an_older_reading_never_replaces_a_newer_one(world: World) -> None:
    """A round that began before a page's own reading may end after it."""
    world.checks.readings = RED
    await world.open("P0")
    world.clock.shift(-MIN)
    await followed(world)("newsletter", GREEN)

    assert "Checks at 03:00: 🔴 app 503" in text_of(await world.message("incident:INC-1"))
