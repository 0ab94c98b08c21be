"""From opening to resolution: who is paged when, and what people read."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.domain.errors import Conflict, NotFound
from bot.incidents import messages as incident_messages
from bot.incidents.model import Reference, Severity, State
from bot.store import Ledger
from tests.fakes.clock import FakeClock
from tests.incidents.world import ENGINEER, LEAD, SRE, World, button_of, configuration, text_of

pytestmark = pytest.mark.ledger

FIRST = Reference(id="INC-1")


async def test_opening_posts_the_header_and_pages_the_first_level_at_once(world: World) -> None:
    """Header, ping in the channel, copy to the person and PagerDuty are one decision."""
    await world.open("P0")

    keys = sorted(row["key"] for row in await world.outbox())
    assert keys == [
        "escalation:INC-1:1",
        "escalation:INC-1:1:U0SRE",
        "incident:INC-1",
        "pagerduty:steward-test:INC-1::trigger:1",
    ]


async def test_a_title_is_one_line_of_what_can_be_seen(world: World) -> None:
    """Line ends, control characters and reversed text forge no line of a list, a page or the audit."""
    view = await world.open("P0", "mail\nstopped\u202e\x07 again")

    assert "mail stopped again" == view.incident.title


async def test_nobody_answers_and_every_level_is_paged_in_time(world: World) -> None:
    """P0: primary at 0, secondary at 5, manager at 15, CTO at 30 minutes, and the CTO again every 15."""
    await world.open("P0")
    seen = []
    for minutes in (4.9, 0.2, 9.8, 0.2, 14.8, 0.2, 14.8, 0.2):
        await world.passes(minutes)
        seen.append(len(await world.keys()))

    assert seen == [1, 2, 2, 3, 3, 4, 4, 5]
    assert await world.keys() == [*(f"escalation:INC-1:{level}" for level in (1, 2, 3, 4)), "escalation:INC-1:4:5"]


async def test_an_acknowledgement_stops_the_paging_and_shows_who_has_it(world: World) -> None:
    """The ping that was sent is edited and loses its buttons; the next level is not paged; PagerDuty knows."""
    await world.open("P0")
    await world.sends()
    world.clock.advance(120_000)

    await world.incidents.acknowledge(FIRST, SRE)
    await world.passes(10)

    assert await world.keys() == ["escalation:INC-1:1"]
    assert (
        text_of(await world.message("escalation:INC-1:1"))
        == "✋ P0 INC-1 Newsletter: mail stopped · @sre has it, 03:02"
    )
    assert await world.pager() == ["trigger", "acknowledge"]


async def test_a_page_that_has_not_left_is_withdrawn_by_the_acknowledgement(world: World) -> None:
    """Nobody is paged after somebody has it, however slow Slack was."""
    await world.open("P0")

    await world.incidents.acknowledge(FIRST, SRE)
    await world.sends()

    slack = [row["key"] for row in await world.outbox() if row["route"] == "slack"]
    assert (["incident:INC-1", "incident:INC-1:told:3"], ["acknowledge"]) == (slack, await world.pager())


async def test_the_escalate_clock_informs_after_an_acknowledgement(world: World) -> None:
    """The manager reads in the channel at 15 minutes that it is not mitigated, and is not paged."""
    await world.open("P0")
    await world.passes(2)
    await world.incidents.acknowledge(FIRST, SRE)
    await world.passes(14)

    assert await world.keys() == []
    message = text_of(await world.message("inform:INC-1:3"))
    assert message == (
        "ℹ️ <@manager> for your information: "
        "P0 INC-1 Newsletter: mail stopped · @sre has it, and it is not mitigated after 15 min."
    )


async def test_a_silent_owner_is_asked_and_then_the_next_level_is_paged(world: World) -> None:
    """P0: after 15 minutes without an update the owner, after 5 more the next level."""
    await world.open("P0")
    await world.sends()
    await world.incidents.acknowledge(FIRST, SRE)

    await world.passes(15.1)
    asked = await world.keys()
    await world.passes(5)

    assert asked == ["escalation:INC-1:1", "still:INC-1:1"]
    assert "<@sre>, still on it?" in text_of(await world.message("still:INC-1:1"))
    assert (await world.keys())[-1] == "escalation:INC-1:2"


async def test_an_update_is_a_sign_of_life(world: World) -> None:
    """With an update every 14 minutes nobody is asked."""
    await world.open("P0")
    await world.sends()
    await world.incidents.acknowledge(FIRST, SRE)
    for number in range(4):
        await world.passes(14)
        await world.incidents.update(FIRST, f"step {number}", SRE)

    assert await world.keys() == ["escalation:INC-1:1"]
    assert "Now: step 3 (@sre, 03:56)" in text_of(await world.message("incident:INC-1"))


async def test_mitigation_stops_both_clocks(world: World) -> None:
    """Nothing is due any more."""
    await world.open("P0")
    await world.incidents.mitigate(FIRST, SRE, text="rolled back")

    assert await world.escalation.next_due() is None
    assert "mitigate kept (1 min)" in text_of(await world.message("incident:INC-1"))


async def test_resolving_closes_it_everywhere(world: World) -> None:
    """The header says so and has no button left but the way back; PagerDuty is told; nothing else can be done to it."""
    await world.open("P0")
    await world.sends()
    world.clock.advance(1)
    await world.incidents.resolve(FIRST, SRE, text="mail flows")

    header = text_of(await world.message("incident:INC-1"))
    assert header.startswith("✅ P0 INC-1 Newsletter: mail stopped")
    assert header.count("[") == 1
    assert "[Reopen]" in header
    assert await world.pager() == ["trigger", "resolve"]
    with pytest.raises(Conflict, match="INC-1 was resolved; reopen it"):
        await world.incidents.acknowledge(FIRST, LEAD)


async def test_a_raised_severity_pages_anew(world: World) -> None:
    """A P2 that becomes a P0 starts the escalation policy of P0 at that moment."""
    await world.open("P2")
    await world.passes(3)

    await world.incidents.change_severity(FIRST, Severity.P0, ENGINEER, reason="half of it")
    await world.passes(5.1)

    assert await world.keys() == ["escalation:INC-1:1", "escalation:INC-1:2"]
    assert await world.pager() == ["resolve", "trigger"]


async def test_a_lowered_severity_keeps_its_clock(world: World) -> None:
    """A P0 lowered to P1 after 6 minutes pages the manager 30 minutes after the opening."""
    await world.open("P0")
    await world.passes(6)
    await world.incidents.change_severity(FIRST, Severity.P1, ENGINEER, reason="half of it")

    await world.passes(23)
    before = await world.keys()
    await world.passes(2)

    assert before == ["escalation:INC-1:1", "escalation:INC-1:2"]
    assert (await world.keys())[-1] == "escalation:INC-1:3"


async def test_a_page_that_waits_while_the_severity_changes_is_still_sent(world: World) -> None:
    """The fence of the old epoch moves with the page, so that it is not lost."""
    await world.open("P0")
    await world.incidents.change_severity(FIRST, Severity.P1, ENGINEER, reason="half of it")
    await world.sends()

    sent = {row["key"] for row in await world.outbox() if row["sent_revision"]}
    assert {"escalation:INC-1:1", "escalation:INC-1:1:U0SRE"} < sent


async def test_who_cannot_take_it_passes_it_on(world: World) -> None:
    """The next level is paged at once and nobody has it."""
    await world.open("P0")
    await world.sends()
    await world.incidents.acknowledge(FIRST, SRE)

    view = await world.incidents.pass_on(FIRST, SRE)

    assert view.incident.state is State.OPEN
    assert (await world.keys())[-1] == "escalation:INC-1:2"


async def test_only_the_owner_passes_it_on(world: World) -> None:
    """Somebody else cannot take it away from them."""
    await world.open("P0")
    await world.incidents.acknowledge(FIRST, SRE)

    with pytest.raises(Conflict, match="@sre has INC-1; only they can pass it on"):
        await world.incidents.pass_on(FIRST, LEAD)


async def test_a_level_is_paged_now_and_once(world: World) -> None:
    """The button of an outdated message does not page one level further."""
    await world.open("P0")
    button = button_of(await world.message("escalation:INC-1:1"), "Page level 2 now")
    token, _, level = button.value.partition(":")

    await world.incidents.page_next(Reference(token=token), SRE, level=int(level))

    with pytest.raises(Conflict, match="level 2 was paged already"):
        await world.incidents.page_next(Reference(token=token), SRE, level=int(level))
    assert await world.keys() == ["escalation:INC-1:1", "escalation:INC-1:2"]


async def test_late_levels_fire_one_at_a_time(world: World) -> None:
    """After an hour of downtime one level is paged, and the next one a minute later."""
    await world.open("P0")
    world.clock.advance(3_600_000)

    await world.settle()
    first = await world.keys()
    await world.passes(1.1)

    assert first == ["escalation:INC-1:1", "escalation:INC-1:2"]
    assert (await world.keys())[-1] == "escalation:INC-1:3"


async def test_an_acknowledgement_at_the_pager_counts_here(world: World) -> None:
    """It counts once; a second one, and one for something unknown, change nothing."""
    await world.open("P0")

    await world.sends()
    there = replace(SRE, via="pagerduty")
    assert await world.incidents.acknowledged_elsewhere("INC-1", there, event="a", alert="steward-test:INC-1")
    assert not await world.incidents.acknowledged_elsewhere("INC-1", LEAD, event="b")
    assert not await world.incidents.acknowledged_elsewhere("INC-7", LEAD, event="c")
    assert (await world.incidents.find(FIRST)).owner == SRE
    assert await world.pager() == ["trigger"]


@pytest.mark.parametrize("event", ["heard", "heard too late"])
async def test_an_old_acknowledgement_at_the_pager_silences_nobody(world: World, event: str) -> None:
    """Whether it counted or came too late: repeated after the incident was passed on, it stops no paging."""
    await world.open("P0")
    there = replace(SRE, via="pagerduty")
    await world.incidents.acknowledged_elsewhere("INC-1", there, event="heard")
    await world.incidents.acknowledged_elsewhere("INC-1", there, event="heard too late")
    await world.incidents.pass_on(FIRST, SRE)

    repeated = await world.incidents.acknowledged_elsewhere("INC-1", there, event=event)
    again = await world.incidents.acknowledged_elsewhere("INC-1", there, event="a new one")

    assert (False, True) == (repeated, again)


async def passed_on(world: World) -> None:
    """Nobody has it, and the secondary is paged for it."""
    await world.incidents.pass_on(FIRST, SRE)


async def reopened(world: World) -> None:
    """It was taken in Slack, mitigated, and is broken again."""
    await world.incidents.mitigate(FIRST, LEAD)
    await world.incidents.reopen(FIRST, LEAD)


async def raised(world: World) -> None:
    """A P1 that nobody has becomes a P0."""
    await world.incidents.change_severity(FIRST, Severity.P0, LEAD, reason="all of it")


@pytest.mark.parametrize("asked_anew", [passed_on, reopened, raised])
@pytest.mark.parametrize("kind", ["acknowledged", "resolved"])
async def test_what_the_pager_delivers_late_silences_nobody(
    world: World, asked_anew: Callable[[World], Awaitable[None]], kind: str
) -> None:
    """Done there before people were asked anew, it is not theirs to answer: whoever is paged now stays paged."""
    await world.open("P1")
    await world.sends()
    done_at, there, alert = world.clock.now(), replace(SRE, via="pagerduty"), "steward-test:INC-1"
    hears = world.incidents.acknowledged_elsewhere if kind == "acknowledged" else world.incidents.resolved_elsewhere
    world.clock.advance(20_000)
    await asked_anew(world)
    page, rings = (await world.keys())[-1], await world.pager()
    world.clock.advance(20_000)

    late = await hears("INC-1", there, event="late", alert=alert, occurred_at=done_at)
    stands = button_of(await world.message(page), "I have it")
    state, told = (await world.incidents.find(FIRST)).state, await world.pager()
    again = await hears("INC-1", there, event="late", alert=alert, occurred_at=None)
    newer = await hears("INC-1", there, event="newer", alert=alert, occurred_at=world.clock.now())

    assert (False, State.OPEN, "incident.ack", rings) == (late, state, stands.action, told)
    assert (False, True) == (again, newer)


async def test_a_page_that_rang_afterwards_is_never_answered_late(world: World) -> None:
    """The clock of PagerDuty may be slow: whoever was paged after the passing on can still acknowledge it there."""
    await world.open("P0")
    world.clock.advance(20_000)
    await world.incidents.pass_on(FIRST, SRE)
    slow, there = world.clock.now() - 5_000, replace(LEAD, via="pagerduty")

    assert await world.incidents.acknowledged_elsewhere(
        "INC-1", there, event="a", alert="steward-test:INC-1:2", occurred_at=slow
    )


async def test_a_forged_button_finds_nothing(world: World) -> None:
    """An opaque id that was never given out."""
    await world.open("P0")

    with pytest.raises(NotFound, match="belongs to no incident"):
        await world.incidents.acknowledge(Reference(token="INC-1"), SRE)


async def test_a_p2_waits_for_business_hours_and_never_phones(world: World) -> None:
    """On a Sunday night the header stands, and nobody is told before Monday at nine; then in the channel alone."""
    view = await world.open("P2")
    said = text_of(incident_messages.opened(view))
    before = [row["key"] for row in await world.outbox()]

    await world.passes(30 * 60 + 1)

    assert "Business hours: @sre is told at" in said
    assert before == ["incident:INC-1"]
    assert sorted(row["key"] for row in await world.outbox()) == ["escalation:INC-1:1", "incident:INC-1"]
    assert await world.keys("page") == []


async def test_a_public_holiday_is_no_business_day(ledger: Ledger, clock: FakeClock) -> None:
    """A P2 of Ascension Day, a Thursday, waits for Friday where a country is named, and for nothing where none is."""
    thursday = round(datetime(2026, 5, 14, 10, tzinfo=UTC).timestamp() * 1000)
    clock.advance(thursday - clock.now())
    told = []
    for country in ("DE", ""):
        hours = {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00", "country": country}
        world = World.build(ledger, clock, configuration(business_hours=hours))
        view = await world.open("P2", f"holiday {country}")
        told.append(view.follows.step.at if view.follows and not view.pings else view.pings[0].at)

    friday = round(datetime(2026, 5, 15, 9, tzinfo=UTC).timestamp() * 1000)
    assert told == [friday, thursday]


async def test_a_level_that_nobody_holds_costs_no_time(ledger: Ledger, clock: FakeClock) -> None:
    """The timeline tells it, and the next level is paged in the same moment."""
    levels = [{"notify": ["ghosts"]}, {"notify": ["dba"], "after": "10m"}]
    severity = {"respond": "5m", "escalate": "15m", "levels": levels}
    severities = dict.fromkeys(("P0", "P1", "P2", "P3"), severity)
    roles = {"ghosts": {"people": []}, "dba": {"people": ["lead"]}, "engineer": {"people": ["engineer"]}}
    world = World.build(ledger, clock, configuration(severities=severities, roles=roles))

    await world.open("P0")

    keys = sorted(row["key"] for row in await world.outbox() if row["route"] == "slack")
    assert keys == ["escalation:INC-1:2", "escalation:INC-1:2:U0LEAD", "incident:INC-1"]
    _, events = await world.incidents.view(FIRST)
    assert [event.text for event in events][1:] == ["paged level 1: nobody holds this level", "paged level 2: @lead"]


async def test_a_failed_opening_leaves_nothing_behind(world: World) -> None:
    """An unknown system is refused before anybody is paged, and takes no number."""
    with pytest.raises(NotFound, match="did you mean newsletter"):
        await world.incidents.open("x", Severity.P0, SRE, system="newsleter")

    assert await world.outbox() == []
    assert (await world.open("P0")).incident.id == "INC-1"


async def test_business_hours_are_those_of_the_configured_zone(ledger: Ledger, clock: FakeClock) -> None:
    """A P2 of a Sunday is paged when Monday begins where people are: nine in Berlin is seven in UTC."""
    view = await World.build(ledger, clock, configuration(timezone="Europe/Berlin")).open("P2")

    assert view.follows
    assert datetime(2026, 5, 4, 7, tzinfo=UTC) == datetime.fromtimestamp(view.follows.step.at / 1000, UTC)
