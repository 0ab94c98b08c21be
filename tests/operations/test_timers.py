"""What happens to a request by itself: expiry, pings one after the other, emergency runs and their review."""

import pytest

from bot.domain.errors import Conflict, Refused
from bot.domain.operation import State
from bot.domain.timing import HOUR, MINUTE
from bot.services.operation_ports import OpenIncident
from tests.operations.world import ENGINEER, LEAD, MANAGER, SRE, World

pytestmark = pytest.mark.ledger
P0 = OpenIncident("INC-12", "P0", "Shop is down")


async def test_it_expires_after_fifteen_minutes(world: World) -> None:
    """A request without a decision ends; a click from before is told so."""
    operation = await world.asked()
    world.clock.advance(15 * MINUTE)
    with pytest.raises(Conflict, match="expired"):
        await world.operations.decide(operation.token, LEAD, "approve")
    await world.work()

    assert State.EXPIRED == await world.state(operation)
    assert "expired without a decision" in await world.sees("operation:OP-1")
    with pytest.raises(Conflict, match="already expired"):
        await world.operations.decide(operation.token, LEAD, "approve")


async def test_it_stays_open_while_its_p0_is(world: World) -> None:
    """A request of an open P0 does not expire under the people who fight it."""
    world.incidents.open["shop"] = P0
    operation = await world.asked()
    world.clock.advance(HOUR)
    await world.work()
    assert State.PENDING == await world.state(operation)

    world.incidents.open.clear()
    world.clock.advance(MINUTE)
    await world.work()

    assert State.EXPIRED == await world.state(operation)


async def test_an_unconfirmed_change_expires_in_silence(world: World) -> None:
    """A plan that its requester never confirmed troubles nobody."""
    operation = await world.operations.propose(await world.restart(), SRE, "stuck")
    world.clock.advance(15 * MINUTE)
    await world.work()

    assert State.EXPIRED == await world.state(operation)
    assert {} == await world.messages()


async def test_approvers_are_pinged_one_after_the_other(world: World) -> None:
    """The on-call approver at once, the next after three minutes, each with a copy of their own."""
    await world.asked()
    await world.work()
    at_once = set(await world.messages())
    world.clock.advance(3 * MINUTE)
    await world.work()
    later = await world.messages()

    assert {"operation:OP-1", "operation:OP-1:lead"} == at_once
    assert {"operation:OP-1", "operation:OP-1:lead", "operation:OP-1:manager"} == set(later)
    assert "@U0MANAGER" == later["operation:OP-1:manager"][0]


async def test_nobody_is_pinged_after_the_decision(world: World) -> None:
    """A decided request pings nobody further, and every copy loses its buttons."""
    operation = await world.asked()
    await world.work()
    await world.operations.decide(operation.token, LEAD, "deny", "not now")
    world.clock.advance(10 * MINUTE)
    await world.work()

    assert {"operation:OP-1", "operation:OP-1:lead"} == set(await world.messages())
    assert "[" not in await world.sees("operation:OP-1:lead")


async def test_the_incident_gives_the_reason(world: World) -> None:
    """A request without a reason takes the incident's title."""
    world.incidents.open["shop"] = P0

    operation = await world.asked(reason="")

    assert ("Shop is down", "INC-12", "P0") == (operation.reason, operation.incident, operation.severity)


async def test_the_person_on_call_runs_alone_what_has_an_undo(world: World) -> None:
    """In an open P0 one confirmation suffices; the next level is paged and a review stays open until signed."""
    world.incidents.open["shop"] = P0
    operation = await world.asked()
    with pytest.raises(Refused, match="that is sre"):
        await world.operations.decide(operation.token, ENGINEER, "emergency")
    await world.operations.decide(operation.token, SRE, "emergency")
    await world.work()

    assert ["v40"] == world.web.rolled_back
    messages = await world.messages()
    assert "@U0LEAD" == messages["operation:OP-1:page"][0]
    assert "review open" in await world.sees("operation:OP-1")


async def test_a_review_nags_until_someone_else_signs(world: World) -> None:
    """Every hour until another person signs; the one who ran it cannot."""
    world.incidents.open["shop"] = P0
    operation = await world.asked()
    await world.operations.decide(operation.token, SRE, "emergency")
    await world.work()
    for _ in range(2):
        world.clock.advance(HOUR)
        await world.work()
    nags = [key for key in await world.messages() if ":review:" in key]
    with pytest.raises(Refused, match="someone else"):
        await world.operations.approvals.sign(operation.token, SRE)
    await world.operations.approvals.sign(operation.token, ENGINEER)
    with pytest.raises(Conflict, match="signed already"):
        await world.operations.approvals.sign(operation.token, LEAD)
    world.clock.advance(3 * HOUR)
    await world.work()

    assert len(nags) == 2
    assert nags == [key for key in await world.messages() if ":review:" in key]
    assert "review signed by engineer" in await world.sees("operation:OP-1")


@pytest.mark.parametrize("severity", ["P2", "P3"])
async def test_a_minor_incident_allows_no_emergency_run(world: World, severity: str) -> None:
    """Only a P0 or a P1 justifies acting alone."""
    world.incidents.open["shop"] = OpenIncident("INC-1", severity, "slow")
    operation = await world.asked()

    with pytest.raises(Refused, match="P0 or P1"):
        await world.operations.decide(operation.token, SRE, "emergency")


async def test_without_an_undo_it_takes_five_minutes_and_the_name(world: World) -> None:
    """What cannot be taken back waits for a decision first, and its target is typed."""
    world.incidents.open["shop"] = P0
    operation = await world.operations.propose(await world.restart("postgres"), SRE, "locks")
    with pytest.raises(Refused, match="another 5 min"):
        await world.operations.decide(operation.token, SRE, "emergency", "postgres")
    world.clock.advance(5 * MINUTE)
    with pytest.raises(Refused, match="type the name"):
        await world.operations.decide(operation.token, SRE, "emergency", "postgre")
    await world.operations.decide(operation.token, SRE, "emergency", "shop/postgres")
    await world.work()

    assert ["postgres-1", "postgres-2"] == world.docker.restarted


async def test_the_next_due_moment_is_known(world: World) -> None:
    """The engine can sleep until then: the next ping, then the expiry."""
    now = world.clock.now()
    await world.asked()
    await world.work()
    after_ping = await world.operations.timers.next_due()
    world.clock.advance(3 * MINUTE)
    await world.work()

    assert now + 3 * MINUTE == after_ping
    assert now + 15 * MINUTE == await world.operations.timers.next_due()


async def test_pending_requests_are_shown_to_those_who_may_decide(world: World) -> None:
    """The home tab lists a request for its approvers, and not for its requester or for strangers."""
    operation = await world.asked(LEAD)

    pending = {person.person: await world.operations.pending_for(person) for person in (MANAGER, LEAD, ENGINEER)}

    assert [operation.number] == [each.number for each in pending["manager"]]
    assert [] == pending["lead"]
    assert [] == pending["engineer"]
