"""What rings at PagerDuty, what stops it, and what people are told of each way of a page."""

from dataclasses import replace

import pytest

from bot.domain.errors import Unreachable
from bot.domain.people import SOMEBODY
from bot.domain.reading import Status
from bot.health.service import Health
from bot.incidents.model import Reference, Severity, State
from bot.outbox.pager_check import with_pager
from bot.store import Ledger
from bot.systems import Systems
from tests.fakes.clock import FakeClock
from tests.fakes.pager import FakePager
from tests.incidents.world import ENGINEER, LEAD, PEOPLE, SRE, World, configuration, execute, text_of

pytestmark = pytest.mark.ledger

FIRST = Reference(id="INC-1")
KEY = "steward-test:INC-1"
TROUBLE = "pager-trouble:INC-1:1:U0SRE"


async def rung(world: World) -> list[tuple[str, str, str]]:
    """Event, key without the installation, and route, in order."""
    return [(each["event"], each["key"].partition(":")[2], each["route"]) for each in await world.events()]


def fails(world: World, route: str, error: str, state: str = "open") -> None:
    """Play a sender that cannot send what waits on a route; `state` failed: it never will."""
    channel = "channel like '@%'" if route == "slack" else "channel = 'pagerduty'"
    update = f"update message set attempts = 1, last_error = '{error}', state = '{state}'"
    execute(world.ledger, f"{update} where state = 'open' and sent_revision = 0 and {channel}")


def stands(world: World, key: str) -> None:
    """Play a sender that has posted this message."""
    posted = "sent_revision = 1, ts = '1.0', posted_channel = channel"
    execute(world.ledger, f"update message set {posted} where key = '{key}'")


async def test_every_page_rings_and_one_alert_at_a_time(world: World) -> None:
    """Levels after the first and the last one's repetitions ring anew; the earlier alert of the same phone ends."""
    await world.open("P0")
    for minutes in (0, 5.1, 10, 15, 15):
        await world.passes(minutes)
        await world.sends()

    triggers = [each for each in await world.events() if each["event"] == "trigger"]
    assert [KEY, *(f"{KEY}:{number}" for number in (2, 3, 4, 5))] == [each["key"] for each in triggers]
    assert ["resolve"] * 4 == [event for event, _, _ in await rung(world) if event == "resolve"]
    assert "P0 INC-1 Newsletter: mail stopped · @lead, you are next" == triggers[1]["summary"]


async def test_levels_and_people_ring_where_they_are_configured(ledger: Ledger, clock: FakeClock) -> None:
    """By the level's own key, by the person's own key, else by the service's; each phone rings on its own."""
    pagerduty = {"routing_key": "service", "routing_keys": {"secondary": "second", "cto": "fourth", "sre": "first"}}
    world = World.build(ledger, clock, configuration(pagerduty=pagerduty))

    await world.open("P0")
    await world.passes(31)

    assert [
        ("trigger", "INC-1", "sre"),
        ("trigger", "INC-1:2", "secondary"),
        ("trigger", "INC-1:3", ""),
        ("trigger", "INC-1:4", "cto"),
    ] == await rung(world)


async def test_a_page_by_hand_and_a_silent_owner_ring_too(ledger: Ledger, clock: FakeClock) -> None:
    """`Page level 2 now` rings level 2; whoever has it and says nothing is rung where they are known."""
    world = World.build(
        ledger, clock, configuration(pagerduty={"routing_key": "service", "routing_keys": {"primary": "p"}})
    )
    await world.open("P0")
    await world.incidents.page_next(FIRST, SRE)
    await world.sends()
    await world.incidents.acknowledge(FIRST, SRE)
    await world.passes(15.1)

    events = await rung(world)
    await world.incidents.acknowledge(FIRST, SRE)

    assert [("trigger", "INC-1", "primary"), ("trigger", "INC-1:2", "")] == events[:2]
    assert [("acknowledge", "INC-1", "primary"), ("acknowledge", "INC-1:2", "")] == events[2:4]
    assert [("resolve", "INC-1", "primary"), ("trigger", "INC-1:3", "primary")] == events[4:]
    assert ("acknowledge", "INC-1:3", "primary") == (await rung(world))[-1]


@pytest.mark.parametrize("taken", [True, False])
async def test_what_is_over_here_ends_there_whatever_became_of_the_trigger(world: World, *, taken: bool) -> None:
    """A trigger whose answer was lost may ring: it is resolved all the same, and never sent again."""
    await world.open("P0")
    fails(world, "pagerduty", "no answer")
    if taken:
        await world.incidents.acknowledge(FIRST, SRE)
    await world.incidents.resolve(FIRST, SRE)

    assert [*(["acknowledge"] if taken else []), "resolve"] == await world.pager()


async def test_a_changed_severity_is_followed_in_both_directions(world: World) -> None:
    """P1 that becomes P2 stops ringing; P2 that becomes P0 rings, and the P0 that comes back rings anew."""
    await world.open("P1")
    await world.sends()
    seen = []
    for severity in (Severity.P2, Severity.P0, Severity.P3, Severity.P0):
        await world.incidents.change_severity(FIRST, severity, ENGINEER, reason="x")
        await world.sends()
        seen.append((await rung(world))[-1][0])

    assert ["resolve", "trigger", "resolve", "trigger"] == seen
    keys = [each["key"] for each in await world.events() if each["event"] == "trigger"]
    assert len(keys) == len(set(keys)) == 3


async def test_a_p0_that_comes_back_rings_anew(world: World) -> None:
    """Reopened after it was resolved there, by an alert of its own."""
    await world.open("P0")
    await world.sends()
    await world.incidents.resolve(FIRST, SRE)
    await world.sends()
    await world.incidents.reopen(FIRST, ENGINEER)

    assert [("trigger", "INC-1", ""), ("resolve", "INC-1", ""), ("trigger", "INC-1:2", "")] == await rung(world)


async def test_what_rings_learns_of_a_changed_severity(world: World) -> None:
    """A P0 that is lowered to P1 keeps its alert, whose severity follows; what has not left yet is not lost."""
    await world.open("P0")
    await world.incidents.change_severity(FIRST, Severity.P1, ENGINEER, reason="x")
    await world.sends()

    row = next(row for row in await world.outbox() if row["route"] == "pagerduty" and row["sent_revision"])
    last = (await world.events())[-1]
    assert ("trigger", KEY, "error") == (last["event"], last["key"], last["severity"])
    assert row["guard_epoch"] == 2


async def test_who_acknowledges_one_alert_silences_the_others(world: World) -> None:
    """The alert that was acknowledged there is not told of it; the header says who has seen it."""
    pagerduty = {"routing_key": "service", "routing_keys": {"secondary": "second"}}
    world = World.build(world.ledger, world.clock, configuration(pagerduty=pagerduty))
    await world.open("P0")
    await world.passes(5.1)
    await world.sends()

    await world.incidents.acknowledged_elsewhere("INC-1", replace(LEAD, via="pagerduty"), event="a", alert=f"{KEY}:2")

    assert [("acknowledge", "INC-1", "")] == [each for each in await rung(world) if each[0] == "acknowledge"]
    assert "PagerDuty seen by @lead" in text_of(await world.message("incident:INC-1"))


async def two_services(world: World) -> World:
    """A P0 whose first level rings at two services of PagerDuty, with one key."""
    pagerduty = {"routing_key": "service", "routing_keys": {"primary": "first", "sre": "second"}}
    world = World.build(world.ledger, world.clock, configuration(pagerduty=pagerduty))
    await world.open("P0")
    await world.sends()
    await world.reports()
    return world


async def test_who_acknowledges_at_one_service_silences_the_other(world: World) -> None:
    """One page that rings at two of them has one key: nobody knows which was answered, so both are told."""
    world = await two_services(world)
    there = replace(SRE, via="pagerduty")

    await world.incidents.acknowledged_elsewhere("INC-1", there, event="a", alert=KEY)
    header = text_of(await world.message("incident:INC-1"))
    await world.incidents.resolve(FIRST, SRE)

    assert "· PagerDuty (primary) accepted · PagerDuty (sre) accepted · seen by @sre" in header
    assert [
        *(("trigger", "INC-1", "primary"), ("trigger", "INC-1", "sre")),
        *(("acknowledge", "INC-1", "primary"), ("acknowledge", "INC-1", "sre")),
        *(("resolve", "INC-1", "primary"), ("resolve", "INC-1", "sre")),
    ] == await rung(world)


async def test_who_resolves_at_one_service_silences_the_other(world: World) -> None:
    """The other one stops at once, and ends when it is over here."""
    world = await two_services(world)

    await world.incidents.resolved_elsewhere("INC-1", replace(SRE, via="pagerduty"), event="a", alert=KEY)
    stopped = await rung(world)
    await world.incidents.resolve(FIRST, SRE)

    assert [("acknowledge", "INC-1", "primary"), ("acknowledge", "INC-1", "sre")] == stopped[2:]
    assert [("resolve", "INC-1", "primary"), ("resolve", "INC-1", "sre")] == (await rung(world))[4:]


async def test_an_acknowledgement_that_changes_nothing_is_shown_all_the_same(world: World) -> None:
    """Taken in Slack first: the header still says who has seen it at PagerDuty, of two services too."""
    world = await two_services(world)
    await world.incidents.acknowledge(FIRST, LEAD)

    await world.incidents.acknowledged_elsewhere("INC-1", replace(SRE, via="pagerduty"), event="a", alert=KEY)
    await world.reports()

    assert "PagerDuty (sre) accepted · seen by @sre" in text_of(await world.message("incident:INC-1"))


async def test_a_resolution_there_is_asked_about_here(world: World) -> None:
    """Whoever resolved it there has it; it goes on here until somebody says that it is over. Each event counts once."""
    await world.open("P0")
    await world.sends()
    there = replace(LEAD, via="pagerduty")

    heard = [await world.incidents.resolved_elsewhere("INC-1", there, event="a", alert=KEY) for _ in "ab"]

    incident = await world.incidents.find(FIRST)
    asked = text_of(await world.message("pager-resolved:INC-1:1"))
    assert ([True, False], State.ACKNOWLEDGED, LEAD.person) == (
        heard,
        incident.state,
        incident.owner and incident.owner.person,
    )
    assert (
        "<@lead>: @lead resolved P0 INC-1 Newsletter: mail stopped at PagerDuty. Here it goes on: is it over?" in asked
    )
    assert "[Resolve] [No, I have it]" in asked
    assert ["trigger"] == await world.pager()
    await world.incidents.resolve(FIRST, LEAD)
    assert not await world.incidents.resolved_elsewhere("INC-1", SOMEBODY, event="b")


@pytest.mark.parametrize("over", [False, True], ids=["no, i have it", "resolve"])
async def test_the_question_whether_it_is_over_is_answered_once(world: World, *, over: bool) -> None:
    """It says by whom and keeps no button; what is decided later stands elsewhere, and an update answers nothing."""
    await world.open("P0")
    await world.incidents.resolved_elsewhere("INC-1", replace(LEAD, via="pagerduty"), event="a")
    await world.incidents.update(FIRST, "half of the mail goes out", LEAD)
    asked = text_of(await world.message("pager-resolved:INC-1:1"))
    await (world.incidents.resolve if over else world.incidents.acknowledge)(FIRST, SRE)
    said = text_of(await world.message("pager-resolved:INC-1:1"))
    await (world.incidents.reopen if over else world.incidents.mitigate)(FIRST, LEAD)
    await world.incidents.resolved_elsewhere("INC-1", replace(LEAD, via="pagerduty"), event="b")

    outcome = "✅ @lead {}; here @sre resolved it" if over else "✋ @lead {}; here @sre took it over from @lead"
    assert "[Resolve] [No, I have it]" in asked
    assert outcome.format("resolved P0 INC-1 Newsletter: mail stopped at PagerDuty") + ", 03:00" == said
    assert said == text_of(await world.message("pager-resolved:INC-1:1"))
    assert "[Resolve]" in text_of(await world.message("pager-resolved:INC-1:2"))


async def test_the_header_tells_what_each_way_did(world: World) -> None:
    """On its way, then sent and accepted; nobody has to believe that a page went out."""
    await world.open("P0")
    before = text_of(await world.message("incident:INC-1"))
    await world.sends()
    await world.reports()

    after = text_of(await world.message("incident:INC-1"))
    assert "✓ level 1 @sre paged 03:00 · Slack on its way · PagerDuty on its way" in before
    assert "✓ level 1 @sre paged 03:00 · Slack sent · PagerDuty accepted" in after


async def test_a_pagerduty_that_does_not_answer_is_said_at_once(world: World) -> None:
    """To those whom it should have rung, in the page lane, once; and it is said when it has taken the page."""
    await world.open("P0")
    fails(world, "pagerduty", "trigger steward-test:INC-1 at PagerDuty: refuses the connection")
    await world.reports()
    await world.reports()

    [row] = [row for row in await world.outbox() if row["key"].startswith("pager-trouble:")]
    header = text_of(await world.message("incident:INC-1"))
    said = text_of(await world.message(row["key"]))
    await world.sends()
    await world.reports()

    assert ("@U0SRE", "page", 1) == (row["channel"], row["lane"], row["wanted_revision"])
    assert "PagerDuty does not take the page of P0 INC-1 Newsletter: mail stopped (refuses the connection)." in said
    assert "PagerDuty failed, is tried again" in header
    assert "PagerDuty has taken the page" in text_of(await world.message(row["key"]))
    assert "PagerDuty accepted" in text_of(await world.message("incident:INC-1"))


@pytest.mark.parametrize("over", [False, True], ids=["acknowledged", "resolved"])
async def test_a_page_that_pagerduty_never_took_is_not_said_to_be_taken(world: World, *, over: bool) -> None:
    """Answered in Slack it is tried no more, and people read that it failed instead of that it rang."""
    await world.open("P0")
    fails(world, "pagerduty", "trigger steward-test:INC-1 at PagerDuty: refuses the connection")
    await world.reports()
    stands(world, TROUBLE)
    await (world.incidents.resolve if over else world.incidents.acknowledge)(FIRST, SRE)
    await world.reports()

    said, header = text_of(await world.message(TROUBLE)), text_of(await world.message("incident:INC-1"))
    assert "P0 INC-1 Newsletter: mail stopped was answered in Slack; PagerDuty never took its page." == said
    assert over or "PagerDuty failed, is not tried again" in header


async def test_a_page_that_pagerduty_never_took_and_nobody_answered(world: World) -> None:
    """It is tried anew at another severity; one that phones nobody ends it, and nobody is said to have answered."""
    await world.open("P0")
    fails(world, "pagerduty", "trigger steward-test:INC-1 at PagerDuty: refuses the connection")
    await world.reports()
    stands(world, TROUBLE)
    await world.incidents.change_severity(FIRST, Severity.P1, SRE, reason="x")
    await world.reports()
    waiting = text_of(await world.message(TROUBLE))
    fails(world, "pagerduty", "trigger steward-test:INC-1 at PagerDuty: refuses the connection")
    await world.incidents.change_severity(FIRST, Severity.P2, SRE, reason="x")
    await world.reports()

    assert "PagerDuty does not take the page" in waiting
    assert "mail stopped is not tried again; PagerDuty never took its page." in text_of(await world.message(TROUBLE))


async def test_nobody_is_told_to_phone_for_what_is_over(world: World) -> None:
    """A page that still fails when the incident is resolved troubles nobody any more."""
    await world.open("P0")
    fails(world, "pagerduty", "trigger steward-test:INC-1 at PagerDuty: refuses the connection")
    execute(world.ledger, "update message set sending_since = 1 where route = 'pagerduty'")
    await world.incidents.resolve(FIRST, SRE)
    await world.reports()

    assert [] == [row["key"] for row in await world.outbox() if row["key"].startswith("pager-trouble:")]


async def test_a_level_whose_account_is_disabled_is_skipped_at_once(world: World) -> None:
    """Nobody there will ever press a button: the next level is paged in the same second, and no further one."""
    await world.open("P0")
    fails(world, "slack", "Slack says user_disabled", state="failed")
    await world.reports()
    await world.reports()

    assert ["escalation:INC-1:1", "escalation:INC-1:2"] == await world.keys()
    assert "Slack failed: cannot be reached" in text_of(await world.message("incident:INC-1"))


async def test_without_pagerduty_nothing_is_made_up_for_it(ledger: Ledger, clock: FakeClock) -> None:
    """No event waits for ever for something that is not configured."""
    world = World.build(ledger, clock, configuration(pagerduty=None))
    await world.open("P0")
    await world.passes(31)
    await world.incidents.acknowledge(FIRST, SRE)
    await world.incidents.resolve(FIRST, SRE)
    await world.reports()

    assert [] == await world.pager()


async def test_each_person_has_a_number_of_their_own(ledger: Ledger, clock: FakeClock) -> None:
    """Where a level is held by several, each way is told by name."""
    levels = [{"notify": ["dba"]}]
    row = {"respond": "5m", "escalate": "15m", "levels": levels}
    roles = {"dba": {"people": ["lead", "sre"]}, "engineer": {"people": list(PEOPLE)}}
    config = configuration(severities=dict.fromkeys(("P0", "P1", "P2", "P3"), row), roles=roles)
    world = World.build(ledger, clock, config)
    await world.open("P0")
    await world.sends()
    await world.reports()

    assert "Slack (lead) sent · Slack (sre) sent · PagerDuty accepted" in text_of(await world.message("incident:INC-1"))


async def test_pagerduty_is_a_check_of_its_own(world: World) -> None:
    """It does not answer, or it does not take what it is offered: both are critical, and neither is somebody else's."""
    pager = FakePager()
    systems = with_pager(Systems({}), pager, world.ledger)
    health = Health(world.ledger, world.clock, systems)
    [well] = await health.readings("steward")
    pager.faults.append(Unreachable("refuses the connection"))
    [down] = await health.readings("steward")
    await world.open("P0")
    fails(world, "pagerduty", "trigger steward-test:INC-1 at PagerDuty: Invalid routing key")
    [refused] = await health.readings("steward")

    assert [Status.HEALTHY, Status.CRITICAL, Status.CRITICAL] == [each.status for each in (well, down, refused)]
    assert ("refuses the connection", "1 event is not taken: Invalid routing key") == (down.reason, refused.reason)
