"""What happens to a request by itself: expiry, pings one after the other, emergency runs and their review."""

from datetime import UTC, datetime

import pytest

from bot.domain.errors import Conflict, OutcomeUnknown, Refused, Unreachable
from bot.domain.policy import Policy, Risk
from bot.domain.timing import DAY, HOUR, MINUTE
from bot.incidents.page_reports import PageReports
from bot.incidents.posts import IncidentPosts
from bot.incidents.severity_matrix import Matrix
from bot.incidents.steps import IncidentSteps
from bot.oncall.service import OnCall
from bot.operations.actions.remove_expired import RemoveExpired
from bot.operations.model import Operation, State
from bot.operations.ports import OpenIncident
from bot.outbox.alerts import PagerPosts
from tests.operations.world import ENGINEER, LEAD, MANAGER, SRE, STRANGER, World, configuration, jobs

pytestmark = pytest.mark.ledger
P0 = OpenIncident("INC-12", "P0", "Shop is down")


async def test_it_expires_after_fifteen_minutes(world: World) -> None:
    """A request without a decision ends; a click from before is told so."""
    operation = await world.asked()
    world.clock.advance(15 * MINUTE)
    with pytest.raises(Conflict, match="expired"):
        await world.operations.decide(operation.token, LEAD, "approve")
    assert await world.operations.timers.run(world.clock.now()) is True
    assert await world.operations.timers.run(world.clock.now()) is False

    assert State.EXPIRED == await world.state(operation)
    assert "expired without a decision" in await world.sees("operation:OP-1")
    assert ("steward", "operation.expired", "OP-1") in await world.audit()
    assert "" == (await world.row())["note"]
    with pytest.raises(Conflict, match=r"^OP-1 is already expired by steward; nothing was done again\.$"):
        await world.operations.decide(operation.token, LEAD, "approve")


async def test_it_stays_open_while_its_p0_is(world: World) -> None:
    """A request of an open P0 does not expire under the people who fight it."""
    world.incidents.open["shop"] = P0
    operation = await world.asked()
    world.clock.advance(HOUR)
    await world.work()
    assert State.PENDING == await world.state(operation)
    # Looked at again in a minute, and not before.
    assert world.clock.now() + MINUTE == (await world.row())["expires_at"]
    assert await world.operations.timers.run(world.clock.now()) is False
    world.clock.advance(MINUTE)
    assert await world.operations.timers.run(world.clock.now()) is True

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


async def test_the_approvers_of_a_p0_are_rung_in_their_turn(world: World) -> None:
    """By their level's own key, else by the service's; outside a P0 nobody's phone rings."""
    calm = await world.asked()
    await world.work()
    await world.operations.decide(calm.token, LEAD, "deny", "not now")
    assert [] == await world.rung()

    world.incidents.open["shop"] = P0
    await world.asked()
    await world.work()
    at_once = await world.rung()
    world.clock.advance(3 * MINUTE)
    await world.work()

    assert [("trigger", "steward-test:OP-2", "secondary")] == at_once
    assert ("trigger", "steward-test:OP-2:2", "") == (await world.rung())[-1]


async def test_whoever_follows_an_emergency_run_is_rung_until_the_review(world: World) -> None:
    """The alert stays while the review is open, and the approval request's ends with the run."""
    world.incidents.open["shop"] = P0
    operation = await world.asked()
    await world.work()
    await world.operations.decide(operation.token, SRE, "emergency")
    await world.work()
    model = configuration()
    posts = IncidentPosts(model.channel, Matrix(model), world.systems, PagerPosts.of(model))
    oncall = OnCall(model, world.directory, world.clock)
    reports = PageReports(world.ledger, oncall, posts, IncidentSteps(posts))
    await reports.run(world.clock.now())
    before = await world.rung()
    await world.operations.approvals.sign(operation.token, MANAGER)
    await reports.run(world.clock.now())

    assert ("trigger", "steward-test:OP-1:2", "secondary") == before[-1]
    assert [("resolve", "steward-test:OP-1:2", "secondary")] == (await world.rung())[len(before) :]


async def test_nobody_is_pinged_after_the_decision(world: World) -> None:
    """A decided request pings nobody further, and every copy loses its buttons."""
    operation = await world.asked()
    await world.work()
    await world.operations.decide(operation.token, LEAD, "deny", "not now")
    world.clock.advance(10 * MINUTE)
    await world.work()

    assert {"operation:OP-1", "operation:OP-1:lead", "operation:OP-1:denied"} == set(await world.messages())
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
    assert "page" == await world.lane("operation:OP-1:page")
    assert [("INC-12", "sre")] == world.acknowledged
    assert "review open" in await world.sees("operation:OP-1")


async def _ran_alone(world: World) -> Operation:
    """An emergency run by sre, on Sunday 3 May 2026 at 03:00 UTC."""
    world.incidents.open["shop"] = P0
    operation = await world.asked(ENGINEER)
    await world.operations.decide(operation.token, SRE, "emergency")
    await world.work()
    return operation


async def test_a_review_is_asked_for_in_working_hours_by_one_message(world: World) -> None:
    """After 1, 4 and 24 h, then daily, never at night: the same message, which names who can sign."""
    await _ran_alone(world)
    reminded = []
    for _ in range(80):
        world.clock.advance(HOUR)
        await world.work()
        if (said_at := await _reminded(world)) and said_at not in reminded:
            reminded.append(said_at)

    at = [f"{datetime.fromtimestamp(int(each) / 1000, UTC):%a %H:%M}" for each in reminded]
    assert ["Mon 09:00", "Tue 09:00", "Wed 09:00"] == at
    reminder = await world.sees("operation:OP-1:review")
    assert "was run alone by @sre" in reminder
    assert "must look at it and sign: @lead, @manager can." in reminder
    assert ["operation:OP-1:review"] == [key for key in await world.messages() if ":review" in key]


async def _reminded(world: World) -> str:
    """When the reminder says that it was written."""
    if "operation:OP-1:review" not in await world.messages():
        return ""
    return (await world.sees("operation:OP-1:review")).split("Reminded <")[1].rstrip(">")


async def test_a_review_is_signed_by_an_approver_who_took_no_part(world: World) -> None:
    """Neither who ran it, nor who asked for it, nor anybody without the role; its reminder then says who signed."""
    operation = await _ran_alone(world)
    world.clock.advance(2 * DAY)
    await world.work()
    sign = world.operations.approvals.sign

    world.groups.members_of["S0APPROVERS"] |= {"U0SRE", "U0ENGINEER"}
    world.clock.advance(MINUTE + 1)
    for person in (SRE, ENGINEER):
        with pytest.raises(Refused, match="took part in this yourself"):
            await sign(operation.token, person)
    with pytest.raises(Refused, match="needs the role approver; you do not hold it"):
        await sign(operation.token, STRANGER)
    await sign(operation.token, LEAD)
    with pytest.raises(Conflict, match="signed already"):
        await sign(operation.token, MANAGER)
    reminder = await world.sees("operation:OP-1:review")
    world.clock.advance(3 * DAY)
    await world.work()

    assert "Review signed by @lead" in reminder
    assert "[" not in reminder
    assert reminder == await world.sees("operation:OP-1:review")
    assert "review signed by lead" in await world.sees("operation:OP-1")


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


async def test_what_is_not_listed_is_never_run_alone(world: World) -> None:
    """Removing entries gives work up: even in a P0 it needs somebody else, whatever the configuration calls it."""
    world.policy = Policy(world.policy.rules, {"remove_expired": Risk.P0})
    world.operations = world.replica("raised")
    world.incidents.open["shop"] = P0
    world.queue.waiting = jobs(world.clock, "a", age=2 * DAY)
    action = await RemoveExpired.of(world.systems, world.clock, "shop", "jobs")
    operation = await world.operations.propose(action, SRE, "old")
    world.clock.advance(5 * MINUTE)

    with pytest.raises(Refused, match="remove_expired is not listed for emergency runs"):
        await world.operations.decide(operation.token, SRE, "emergency", "jobs")
    await world.work()

    assert ["a"] == [job.id for job in world.queue.waiting]
    assert State.PENDING == await world.state(operation)


async def test_an_approved_request_behind_a_lock_expires(world: World) -> None:
    """What waits for a component that nobody can tell about ends after 15 minutes, and does not run out of the blue."""
    world.web.before = OutcomeUnknown("no answer")
    first = await world.asked()
    await world.operations.decide(first.token, LEAD, "approve")
    await world.work()

    async def hidden() -> object:
        raise Unreachable("Netlify refuses connections.")

    second = await world.operations.propose(world.roll_back("v39"), SRE, "503")
    await world.operations.decide(second.token, LEAD, "approve")
    releases = world.web.releases
    world.web.releases = hidden  # type: ignore[assignment, method-assign] # nobody can tell
    for _ in range(16):
        world.clock.advance(MINUTE)
        await world.work()
    world.web.releases = releases  # type: ignore[method-assign] # it is back
    await world.operations.settle_unknown(first.token, LEAD, happened=False)
    await world.work()

    assert [State.FAILED, State.EXPIRED] == [await world.state(each) for each in (first, second)]
    assert [] == world.web.rolled_back


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
