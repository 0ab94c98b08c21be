"""Who is paged when: the default matrix, what stops it, and that nothing is lost or doubled on the way."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.smoke.pages import fact, header, in_channel, opens, paged, pages, tally
from tests.smoke.world import Seen, World

Late = Callable[..., Awaitable[int]]
PEOPLE = ("sre", "lead", "manager", "cto")


async def acknowledged(world: World, shown: Seen, title: str) -> None:
    """The primary has it."""
    await (await paged(world, "sre", title)).click("I have it")
    await shown.becomes("@sre has it")


@pytest.mark.row("A8")
@pytest.mark.row("C7")
@pytest.mark.parametrize(
    ("severity", "levels", "limits"),
    [
        pytest.param("P0", (("lead", 5), ("manager", 15), ("cto", 30)), (5, 15), id="P0 at 0, 5, 15 and 30 minutes"),
        pytest.param("P1", (("lead", 15), ("manager", 30)), (15, 30), id="P1 at 0, 15 and 30 minutes"),
    ],
)
async def test_each_level_is_paged_at_its_minute_and_not_before(
    world: World, severity: str, levels: tuple[tuple[str, int], ...], limits: tuple[int, int]
) -> None:
    """Nobody answers: each level gets one page, the last one again every 15 minutes; both clocks say until when."""
    title = f"escalation policy {severity}"
    shown = await opens(world, title, severity)
    started = await world.now()
    told = re.search(r"Opened by @engineer .*?(\d\d:\d\d)", shown.words)
    assert told
    opened = datetime.strptime(told[1], "%H:%M").replace(tzinfo=UTC)
    respond, mitigate = [f"{opened + timedelta(minutes=limit):%H:%M}" for limit in limits]
    # Across midnight the date stands beside the time.
    assert re.fullmatch(rf"respond by .*{respond} · mitigate by .*{mitigate}", fact(shown, "Clocks"))
    await paged(world, "sre", title)

    for person, minute in levels:
        await world.advance_to(started + minute * 60_000 - 20_000)
        assert 0 == len(await pages(world, person, title)), f"{person} was paged early"
        await world.advance("25s")
        page = await paged(world, person, title)
        assert "Pinged before: @sre" in page.words
    everybody = await tally(world, title)
    last = levels[-1][0]
    await world.advance("15m")

    assert {person: int(person in {"sre", *dict(levels)}) for person in PEOPLE} == everybody
    assert {**everybody, last: 2} == await tally(world, title)


@pytest.mark.row("A8")
@pytest.mark.row("C7")
async def test_p2_and_p3_wait_for_business_hours_and_phone_nobody(world: World) -> None:
    """On a Saturday nobody is told; on Monday at nine the primary is told in the channel, an hour later the next."""
    saturday = _next(await world.now(), weekday=5, hour=11)
    await world.advance_to(saturday)
    before = len(await world.calls("steward", "pagerduty"))
    reply = await world.user("engineer").types("/incident open P2 newsletter mail unpretty").sees("INC-1 is open")
    await world.user("engineer").types("/incident open P3 anyway newsletter mail crooked").sees("INC-2 is open")
    await header(world, "mail crooked")

    await world.advance_to(_next(await world.now(), weekday=0, hour=8))
    early = await in_channel(world, r"^🔔 P[23] .*please look")
    await world.advance_to(_next(await world.now(), weekday=0, hour=9))
    await world.sees("P2 INC-1 Newsletter: mail unpretty · @sre, please look, in business hours")
    await world.sees("P3 INC-2 Newsletter: mail crooked · @sre, please look, in business hours")
    assert [] == await in_channel(world, "mail unpretty · @lead, please look")
    await world.advance("61m")
    await world.sees("P2 INC-1 Newsletter: mail unpretty · @lead, please look")
    assert [] == await in_channel(world, "mail unpretty · @manager, please look")
    await world.advance("60m")
    await world.sees("P2 INC-1 Newsletter: mail unpretty · @manager, please look")
    p2, p3 = await header(world, "mail unpretty"), await header(world, "mail crooked")
    assert re.fullmatch(r"respond missed \(10:00\) · mitigate missed \(11:00\)", fact(p2, "Clocks"))
    assert re.match(r"respond by .* 13:00 ", fact(p3, "Clocks"))
    tuesday = datetime.fromtimestamp(_next(await world.now(), weekday=1, hour=9) / 1000, UTC)
    assert fact(p3, "Clocks").endswith(f"mitigate by {tuesday:%-d %b %Y} 09:00")

    assert "Business hours: @sre is told at" in reply.words
    assert [] == early
    assert [0, 0] == [sum((await tally(world, title)).values()) for title in ("mail unpretty", "mail crooked")]
    assert before == len(await world.calls("steward", "pagerduty"))


@pytest.mark.row("A8")
async def test_mitigation_alone_stops_the_escalate_clock(world: World) -> None:
    """After an acknowledgement the next levels are told in the channel, unpaged; after the mitigation they are not."""
    shown = await opens(world, "mail hot")
    await acknowledged(world, shown, "mail hot")
    await world.advance("14m")
    await world.user("sre").types("/incident update searching on").sees("@sre has it")
    await world.advance("90s")
    told = await world.sees("@manager for your information: P0 INC-1 Newsletter: mail hot")

    await world.user("sre").types("/incident mitigate").sees("mitigated")
    await world.advance("2h")

    assert "@sre has it, and it is not mitigated after 15 min" in told.words
    assert [] == told.buttons
    assert {"sre": 1, "lead": 0, "manager": 0, "cto": 0} == await tally(world, "mail hot")
    assert [] == await in_channel(world, "@cto for your information: .*mail hot")


@pytest.mark.row("A8")
async def test_a_sign_of_life_keeps_the_owner_from_being_asked(world: World) -> None:
    """`Still on it` and an update each give another 15 minutes; silence after that pages the next level."""
    shown = await opens(world, "mail still")
    await acknowledged(world, shown, "mail still")

    await world.advance("16m")
    asked = await paged(world, "sre", "mail still", "still on it?")
    await asked.click("Still on it")
    await asked.becomes("@sre has it")
    await world.advance("13m")
    calm = await tally(world, "mail still")
    await world.advance("3m")
    await world.until(lambda: _count(world, "sre", "mail still", 3), lambda: "the owner was not asked again")
    await world.advance("6m")

    await paged(world, "lead", "mail still", "the one who has it is silent")
    assert {"sre": 2, "lead": 0, "manager": 0, "cto": 0} == calm


@pytest.mark.row("A8")
async def test_whoever_cannot_take_it_passes_it_on(world: World) -> None:
    """The next level is paged at once, every old page loses its buttons when somebody takes it."""
    shown = await opens(world, "mail passed")
    first = await paged(world, "sre", "mail passed")

    await first.click("I can't, pass on")
    second = await paged(world, "lead", "mail passed")
    await second.click("I have it")

    await shown.becomes("@lead has it")
    first, second = await first.becomes("@lead has it"), await second.becomes("@lead has it")
    await world.advance("9m")
    assert [[], []] == [first.buttons, second.buttons]
    assert {"sre": 1, "lead": 1, "manager": 0, "cto": 0} == await tally(world, "mail passed")


@pytest.mark.row("A8")
async def test_an_outdated_or_repeated_press_pages_nobody(world: World, late: Late) -> None:
    """`Page level 2 now`, pressed twice and by a client that still shows the old message, pages level 2 once."""
    await opens(world, "mail late")
    page = await paged(world, "sre", "mail late")

    await page.click("Page level 2 now")
    await paged(world, "lead", "mail late")
    await late(page, "incident.page_next", by="sre")
    refused = await world.sees("level 2 was paged already", channel="@sre")
    await world.client.post("/local/redeliver", json={"times": 5})
    forged = await late(page, "incident.ack", by="sre", value="not-a-token-of-ours")
    await world.sees("belongs to no incident", channel="@sre", since=refused.message["ts"])

    assert "The next is 3" in refused.words
    assert 200 == forged
    assert {"sre": 1, "lead": 1, "manager": 0, "cto": 0} == await tally(world, "mail late")


@pytest.mark.row("A8")
async def test_buttons_of_a_resolved_incident_change_nothing(world: World, late: Late) -> None:
    """A client that slept through it is told that it is over."""
    shown = await opens(world, "mail over")
    page = await paged(world, "sre", "mail over")
    await world.user("lead").types("/incident resolve INC-1").sees("resolved")
    await shown.becomes("✅ P0 INC-1")

    for action in ("incident.ack", "incident.page_next", "incident.pass_on"):
        moment = f"{await world.now() / 1000:.6f}"
        await late(page, action, by="sre")
        await world.sees("INC-1", channel="@sre", since=moment)
    await world.advance("40m")

    assert {"sre": 1, "lead": 0, "manager": 0, "cto": 0} == await tally(world, "mail over")
    assert "✅" in (await shown.again()).words


@pytest.mark.row("A8")
async def test_a_raised_severity_pages_anew(world: World) -> None:
    """A P2 that becomes a P0 pages the primary at once, day or night."""
    await world.user("engineer").types("/incident open P2 newsletter mail worse").sees("INC-1 is open")
    assert 0 == len(await pages(world, "sre", "mail worse"))

    await world.user("engineer").types("/incident severity INC-1 P0 nobody gets mail").sees("INC-1 P0")

    await paged(world, "sre", "mail worse")
    await world.advance("5m")
    await paged(world, "lead", "mail worse")


@pytest.mark.row("A8")
async def test_killed_between_levels_it_loses_and_doubles_nothing(world: World) -> None:
    """SIGKILL right after the opening, between two levels, and right after the acknowledgement."""
    await world.user("engineer").types("/incident open P0 newsletter mail killed")
    await world.kill_bot()
    await world.restart_bot()
    shown = await world.sees("mail killed Severity")
    await world.until(lambda: _count(world, "sre", "mail killed", 1), lambda: "the primary was never paged")

    await world.advance("4m")
    await world.kill_bot()
    await world.restart_bot()
    assert 0 == len(await pages(world, "lead", "mail killed"))
    await world.advance("70s")
    second = await paged(world, "lead", "mail killed")
    await second.click("I have it")
    await world.kill_bot()
    await world.restart_bot()
    await shown.becomes("@lead has it", within=30)
    await world.advance("14m")

    marked = [text for text in await pages(world, "sre", "mail killed") if "may be a repeat" in text]
    assert {"sre": 1 + len(marked), "lead": 1, "manager": 0, "cto": 0} == await tally(world, "mail killed")
    assert 1 == len(await in_channel(world, r"mail killed\s+Severity"))


@pytest.mark.row("A8")
async def test_levels_that_fell_due_while_it_was_dead_come_one_at_a_time(world: World) -> None:
    """Dead for twenty minutes: the secondary is paged at the start, the manager a minute later, each once."""
    await opens(world, "mail unwatched")
    await paged(world, "sre", "mail unwatched")
    await world.kill_bot()
    await world.client.post("/local/clock", json={"advance": "20m"}, timeout=60)

    await world.restart_bot()
    await paged(world, "lead", "mail unwatched")
    assert 0 == len(await pages(world, "manager", "mail unwatched"))
    await world.advance("1m")
    await paged(world, "manager", "mail unwatched")

    assert {"sre": 1, "lead": 1, "manager": 1, "cto": 0} == await tally(world, "mail unwatched")


async def _count(world: World, person: str, title: str, wanted: int) -> bool:
    return len(await pages(world, person, title)) >= wanted


def _next(now: int, *, weekday: int, hour: int) -> int:
    """The next such hour (UTC) of such a day, epoch ms."""
    moment = datetime.fromtimestamp(now / 1000, UTC)
    day = (moment + timedelta(days=(weekday - moment.weekday()) % 7)).replace(
        hour=hour, minute=0, second=0, microsecond=0
    )
    found = day if day > moment else day + timedelta(days=7)
    return round(found.timestamp() * 1000)
