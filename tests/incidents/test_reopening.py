"""The way back: what was mitigated or resolved is broken again, and what its clocks have come to stands."""

import pytest

from bot.domain.errors import Conflict
from bot.incidents.model import Reference, Severity, State
from tests.incidents.world import LEAD, MIN, SRE, World, button_of, text_of

pytestmark = pytest.mark.ledger

FIRST = Reference(id="INC-1")


async def clocks(world: World) -> str:
    """What the header says of the clocks."""
    header = text_of(await world.message("incident:INC-1"))
    return next(line for line in header.splitlines() if line.startswith("Clocks: ")).removeprefix("Clocks: ")


@pytest.mark.parametrize("resolved", [False, True], ids=["mitigated", "resolved"])
async def test_clocks_and_paging_run_again(world: World, *, resolved: bool) -> None:
    """Nobody has it, the first level is paged at once, PagerDuty rings anew, and escalation goes on from there."""
    await world.open("P0")
    await world.sends()
    await world.passes(2)
    await world.incidents.acknowledge(FIRST, SRE)
    await world.incidents.mitigate(FIRST, SRE)
    if resolved:
        await world.incidents.resolve(FIRST, SRE)
    await world.sends()
    before = (await world.incidents.find(FIRST)).epoch
    await world.passes(60)

    view = await world.incidents.reopen(FIRST, LEAD, text="503 again")
    await world.sends()
    await world.passes(5.1)

    incident = view.incident
    assert (State.OPEN, None, None, None) == (
        incident.state,
        incident.owner,
        incident.mitigated_at,
        incident.resolved_at,
    )
    assert incident.epoch > before
    assert await world.keys() == ["escalation:INC-1:1", "escalation:INC-1:1:2", "escalation:INC-1:2"]
    assert (await world.pager())[-1] == "trigger"
    assert "reopened it: 503 again" in text_of(await world.message("incident:INC-1"))


async def test_what_is_open_is_not_reopened(world: World) -> None:
    """A second press says what is so."""
    await world.open("P0")

    with pytest.raises(Conflict, match="INC-1 is open; there is nothing to reopen"):
        await world.incidents.reopen(FIRST, LEAD)


async def test_earlier_runs_of_the_clocks_stand_beside_the_new_ones(world: World) -> None:
    """What was kept and missed before the reopening is still read after it."""
    await world.open("P0")
    await world.passes(6)
    await world.incidents.acknowledge(FIRST, SRE)
    await world.passes(4)
    await world.incidents.mitigate(FIRST, SRE)
    await world.passes(60)
    await world.incidents.reopen(FIRST, LEAD)
    await world.passes(2)
    await world.incidents.acknowledge(FIRST, SRE)

    assert await clocks(world) == (
        "before: respond missed (6 min) · mitigate kept (10 min)"
        " / now: respond kept (2 min) · mitigate by 04:25 · next update by 04:27"
    )


async def test_a_lowered_severity_makes_no_missed_clock_kept(world: World) -> None:
    """Missed as a P0 after 5 minutes, it is missed, although 15 minutes would have been enough as a P1."""
    await world.open("P0")
    await world.passes(6)
    await world.incidents.change_severity(FIRST, Severity.P1, SRE, reason="half of it")
    lowered = await clocks(world)
    await world.passes(2)
    await world.incidents.acknowledge(FIRST, SRE)

    assert lowered == "respond as P0 missed (03:05) · mitigate by 03:30"
    assert (await clocks(world)).startswith("respond as P0 missed (8 min) · mitigate by 03:30")


async def test_a_raised_severity_starts_clocks_and_keeps_their_history(world: World) -> None:
    """An acknowledgement before it needs no second one; the mitigation has its whole time again."""
    await world.open("P1")
    await world.passes(20)
    await world.incidents.acknowledge(FIRST, SRE)
    await world.passes(2)
    await world.incidents.change_severity(FIRST, Severity.P0, SRE, reason="all of it")

    assert (await clocks(world)).startswith("before: respond as P1 missed (20 min) / now: mitigate by 03:37")


async def test_clocks_that_ended_before_a_raised_severity_are_not_run_again(world: World) -> None:
    """What is mitigated already has nothing left to do."""
    await world.open("P1")
    await world.passes(20)
    await world.incidents.mitigate(FIRST, SRE)
    await world.passes(2)
    await world.incidents.change_severity(FIRST, Severity.P0, SRE, reason="all of it")

    assert "before: respond as P1 missed (20 min) · mitigate as P1 kept (20 min)" == await clocks(world)


async def test_a_severity_that_comes_back_pages_and_rings_anew(world: World) -> None:
    """P0, P2, P0: PagerDuty is closed and triggered again, and the primary is paged again."""
    await world.open("P0")
    await world.sends()
    await world.passes(1)
    await world.incidents.change_severity(FIRST, Severity.P2, SRE, reason="a false alarm")
    await world.sends()
    await world.passes(1)
    await world.incidents.change_severity(FIRST, Severity.P0, SRE, reason="no, it is not")
    rung = await world.pager()
    await world.passes(5.1)

    assert rung == ["trigger", "resolve", "trigger"]
    assert (await world.keys())[-2:] == ["escalation:INC-1:1:2", "escalation:INC-1:2"]


async def test_pages_of_before_ask_nobody_any_more(world: World) -> None:
    """Their buttons would stand for an escalation that is over."""
    await world.open("P0")
    await world.sends()
    await world.passes(2)
    await world.incidents.mitigate(FIRST, SRE)
    await world.passes(10)
    await world.incidents.reopen(FIRST, LEAD)

    assert "[" not in text_of(await world.message("escalation:INC-1:1"))
    assert "[I have it]" in text_of(await world.message("escalation:INC-1:1:2"))


async def test_a_takeover_has_its_own_time_and_tells_who_had_it(world: World) -> None:
    """In the header, in the answered page, and to the person who had it; `still on it` changes none of that."""
    await world.open("P0")
    await world.sends()
    await world.incidents.acknowledge(FIRST, SRE)
    await world.passes(7)
    await world.incidents.acknowledge(FIRST, LEAD)
    await world.passes(2)
    await world.incidents.acknowledge(FIRST, LEAD)

    said = "@lead has it, 03:07 (before: @sre)"
    assert f"State: {said}" in text_of(await world.message("incident:INC-1"))
    assert said in text_of(await world.message("escalation:INC-1:1"))
    told = [row for row in await world.outbox() if row["key"].startswith("taken_over:")]
    assert [row["channel"] for row in told] == ["@U0SRE"]
    assert "@lead took it over from you, 03:07" in text_of(await world.message(told[0]["key"]))


async def test_a_second_tap_of_pass_on_does_nothing(world: World) -> None:
    """The button belongs to its page: once the next level is paged, it pages nobody further."""
    await world.open("P0")
    button = button_of(await world.message("escalation:INC-1:1"), "I can't, pass on")
    token, _, number = button.value.partition(":")

    await world.incidents.pass_on(Reference(token=token), SRE, ping=int(number))
    with pytest.raises(Conflict, match=r"has moved on: @lead \(level 2\) is paged already"):
        await world.incidents.pass_on(Reference(token=token), SRE, ping=int(number))

    assert await world.keys() == ["escalation:INC-1:1", "escalation:INC-1:2"]
    world.clock.advance(MIN)
    assert "pass on" not in text_of(await world.message("escalation:INC-1:1"))
