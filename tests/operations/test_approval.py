"""Who may decide on an operation, by the one path that button, form and command line share."""

import asyncio
from typing import cast

import pytest

from bot.domain.errors import Conflict, NotFound, Refused, UsageError
from bot.domain.message import Mention, Message, Paragraph
from bot.domain.people import STEWARD, Actor
from bot.domain.timing import HOUR, MINUTE
from bot.operations.model import Decision, State
from bot.operations.ports import OpenIncident
from tests.operations.world import (
    ENGINEER,
    LEAD,
    MANAGER,
    SECOND_ACCOUNT,
    SRE,
    STRANGER,
    World,
    rules,
    said,
)

pytestmark = pytest.mark.ledger


async def test_it_runs_once_after_someone_else_approves(world: World) -> None:
    """A p0 waits for another person, runs once, is verified, and its message says so."""
    operation = await world.asked()
    await world.work()
    assert [] == world.web.rolled_back

    await world.operations.decide(operation.token, LEAD, "approve")
    with pytest.raises(Conflict, match="already approved by lead"):
        await world.operations.decide(operation.token, LEAD, "approve")
    await world.work()

    assert ["v40"] == world.web.rolled_back
    assert State.SUCCEEDED == await world.state(operation)
    assert "@lead" in (message := await world.sees("operation:OP-1"))
    assert "verified: web 200" in message
    assert "[Undo]" in message
    assert "Approve" not in message
    assert [] == await world.locks()


@pytest.mark.parametrize(
    ("actor", "decision", "reason", "why"),
    [
        pytest.param(SRE, "approve", "", "your own request", id="the requester may not approve"),
        pytest.param(SRE, "deny", "no", "cancel it instead", id="the requester cancels instead of denying"),
        pytest.param(ENGINEER, "approve", "", "needs the role approver", id="an engineer may not approve"),
        pytest.param(STRANGER, "approve", "", "needs the role approver", id="a stranger may not approve"),
        pytest.param(STRANGER, "deny", "no", "needs the role approver", id="a stranger may not deny"),
        pytest.param(LEAD, "deny", "", "Say why", id="a denial needs a reason"),
        pytest.param(LEAD, "cancel", "", "Only the requester", id="only the requester may cancel"),
        pytest.param(LEAD, "confirm", "", "Only the requester", id="nobody else confirms"),
        pytest.param(SRE, "confirm", "", "does not apply", id="a p0 cannot be confirmed by its requester"),
        pytest.param(SRE, "emergency", "", "open P0 or P1", id="without an incident nobody runs it alone"),
    ],
)
async def test_policy(world: World, actor: Actor, decision: Decision, reason: str, why: str) -> None:
    """A click that the policy does not allow changes nothing, says why, and is audited."""
    operation = await world.asked()

    with pytest.raises((Refused, Conflict, UsageError), match=why):
        await world.operations.decide(operation.token, actor, decision, reason)
    await world.work()

    assert State.PENDING == await world.state(operation)
    assert [] == world.web.rolled_back
    assert (actor.person, "operation.refused", "OP-1") in await world.audit()


async def test_a_stranger_may_not_ask(world: World) -> None:
    """Asking needs a role as well; the refusal is audited."""
    with pytest.raises(Refused, match="needs the role engineer"):
        await world.asked(STRANGER)

    assert [("U0STRANGER", "operation.refused", "shop")] == await world.audit()
    assert {} == await world.messages()


async def test_another_account_of_the_same_person_may_not_approve(world: World) -> None:
    """Four eyes are two people, however many accounts they have."""
    operation = await world.asked(LEAD)

    second = world.directory.actor(SECOND_ACCOUNT)
    with pytest.raises(Refused, match="your own request"):
        await world.operations.decide(operation.token, second, "approve")

    assert State.PENDING == await world.state(operation)


async def test_an_account_given_to_the_requester_later_may_not_approve(world: World) -> None:
    """The accounts of today count, not only those of the day of the request."""
    operation = await world.operations.propose(
        world.roll_back(), Actor(SECOND_ACCOUNT, SECOND_ACCOUNT), "asked before the account had a person"
    )

    with pytest.raises(Refused, match="your own request"):
        await world.operations.decide(operation.token, LEAD, "approve")


async def test_the_command_line_is_no_way_around(world: World) -> None:
    """The same person by another way is the same person."""
    operation = await world.asked(LEAD)

    with pytest.raises(Refused, match="your own request"):
        await world.operations.decide("OP-1", Actor("lead", "U0LEAD", "cli"), "approve")
    approved = await world.operations.decide("OP-1", Actor("manager", "U0MANAGER", "cli"), "approve")

    assert operation.number == approved.number
    assert State.APPROVED == approved.state


async def test_two_of_three_must_agree(world: World) -> None:
    """With two approvals needed one person cannot give both, and nothing runs before the second."""
    world.policy = rules(approvals=2)
    world.operations = world.replica("one")
    operation = await world.asked()

    await world.operations.decide(operation.token, LEAD, "approve")
    with pytest.raises(Conflict, match="You approved OP-1 already"):
        await world.operations.decide(operation.token, world.directory.actor(SECOND_ACCOUNT), "approve")
    await world.work()
    assert [] == world.web.rolled_back
    await world.operations.decide(operation.token, MANAGER, "approve")
    await world.work()

    assert ["v40"] == world.web.rolled_back


async def test_two_approvals_of_one_moment_complete_it(world: World) -> None:
    """Neither of two simultaneous approvals may overlook the other."""
    world.policy = rules(approvals=2)
    world.operations = world.replica("one")
    operation = await world.asked()

    await asyncio.gather(
        world.operations.decide(operation.token, LEAD, "approve"),
        world.replica("two").decide(operation.token, MANAGER, "approve"),
    )

    assert State.APPROVED == await world.state(operation)


async def test_thresholds_are_frozen_into_the_request(world: World) -> None:
    """A policy that is loosened afterwards does not loosen what was asked before."""
    world.policy = rules(approvals=2)
    world.operations = world.replica("strict")
    operation = await world.asked()

    world.policy = rules(approvals=1)
    await world.replica("loose").decide(operation.token, LEAD, "approve")

    assert State.PENDING == await world.state(operation)


async def test_membership_is_read_again_at_the_click(world: World) -> None:
    """Who left the group a minute ago may not approve any more."""
    operation = await world.asked()
    world.groups.members_of["S0APPROVERS"] = {"U0MANAGER"}
    world.clock.advance(MINUTE + 1)

    with pytest.raises(Refused, match="needs the role approver"):
        await world.operations.decide(operation.token, LEAD, "approve")
    await world.operations.decide(operation.token, MANAGER, "approve")

    assert State.APPROVED == await world.state(operation)


async def test_an_empty_group_denies(world: World) -> None:
    """An empty role is nobody, never everybody."""
    world.groups.members_of["S0APPROVERS"] = set()
    operation = await world.asked()

    with pytest.raises(Refused, match="needs the role approver"):
        await world.operations.decide(operation.token, LEAD, "approve")

    assert "nobody holds approver now" in await world.sees("operation:OP-1")


async def test_an_unreadable_group_counts_for_an_hour(world: World) -> None:
    """The last good copy serves for an hour, then nobody holds the role."""
    world.incidents.open["shop"] = OpenIncident("INC-12", "P0", "Shop is down")
    first = await world.asked()
    second = await world.asked(release="v39")
    world.groups.broken = True

    world.clock.advance(HOUR)
    await world.operations.decide(first.token, LEAD, "approve")
    world.clock.advance(1)
    with pytest.raises(Refused):
        await world.operations.decide(second.token, LEAD, "approve")

    assert (State.APPROVED, State.PENDING) == (await world.state(first), await world.state(second))


async def test_the_bot_may_ask_and_one_person_approves(world: World) -> None:
    """The bot is the requester of its own proposals, so one person suffices."""
    operation = await world.operations.propose(world.roll_back(), STEWARD, "error rate 16 %")

    await world.operations.decide(operation.token, LEAD, "approve")

    assert State.APPROVED == await world.state(operation)


async def test_a_denial_ends_it_and_says_why(world: World) -> None:
    """The requester reads who denied it and why, and may ask again at once."""
    operation = await world.asked()

    await world.operations.decide(operation.token, LEAD, "deny", "migration 31 cannot go back")
    with pytest.raises(Conflict, match="already denied by lead"):
        await world.operations.decide(operation.token, MANAGER, "approve")
    again = await world.asked()

    assert "denied: migration 31 cannot go back @lead" in (message := await world.sees("operation:OP-1"))
    assert "[" not in message
    assert State.PENDING == await world.state(again)


async def test_two_hundred_clicks_at_once_run_it_once(world: World) -> None:
    """Approvers, strangers and the requester click together, on two replicas: one approval, one run."""
    operation = await world.asked()
    other = world.replica("two")
    people = [LEAD, MANAGER, SRE, STRANGER]

    clicks = [
        (world.operations if place % 2 else other).decide(operation.token, people[place % 4], "approve")
        for place in range(200)
    ]
    answers = await asyncio.gather(*clicks, return_exceptions=True)
    await asyncio.gather(world.work(), world.work(other))

    assert 1 == sum(not isinstance(answer, BaseException) for answer in answers)
    assert {Refused, Conflict} == {type(answer) for answer in answers if isinstance(answer, BaseException)}
    assert ["v40"] == world.web.rolled_back


@pytest.mark.parametrize("reference", ["forged-token", "OP-99", "OP-", "", "OP-٣", "-1", "1e3"])
async def test_a_forged_reference_finds_nothing(world: World, reference: str) -> None:
    """An id that was never given out is told so, and audited."""
    await world.asked()

    with pytest.raises(NotFound, match=r"no such operation|There is no operation OP-"):
        await world.operations.decide(reference, LEAD, "approve")

    assert 1 == sum(kind == "operation.refused" for _, kind, _ in await world.audit())


async def test_buttons_carry_an_opaque_id(world: World) -> None:
    """Neither the number nor the parameters can be guessed from a button's value."""
    operation = await world.asked()

    assert len(operation.token) >= 24
    assert "OP-1" not in operation.token
    assert "[Approve and run] [Deny…] [Full plan]" in await world.sees("operation:OP-1")


async def test_every_way_of_deciding_is_the_same_path(world: World) -> None:
    """Button, form and command line end in `decide`; no other method turns a pending request into an approved one."""
    operation = await world.asked()
    for name in ("observe", "undo"):
        with pytest.raises(Conflict):
            await getattr(world.operations, name)(operation.token, LEAD)
    with pytest.raises(Conflict):
        await world.operations.settle_unknown(operation.token, LEAD, happened=True)
    with pytest.raises(Conflict):
        await world.operations.approvals.sign(operation.token, LEAD)

    assert State.PENDING == await world.state(operation)


async def test_the_request_reads_like_the_mock_up(world: World) -> None:
    """Title, why, does, what is not reverted, undo, who must agree and when they are pinged."""
    world.incidents.open["shop"] = OpenIncident("INC-12", "P0", "Shop is down")
    await world.asked(reason="503 since 02:41")
    now = world.clock.now()

    expected = f"""\
🔐 Roll back shop/web v41 → v40 · INC-12 P0 · @sre (on call)
Why: 503 since 02:41
Does: POST /deploys/v40/restore
Does not revert: environment variables
Undo: back to v41, covered by this approval
Needs 1 of: @lead (pinged <{now}>), @manager (<{now + 3 * MINUTE}>)
[Approve and run] [Deny…] [Full plan] [Emergency run…]
OP-1 · open while INC-12 is P0"""

    channel, message = (await world.messages())["operation:OP-1"]
    assert ("C0ALERTS", expected) == (channel, said(message))


@pytest.mark.parametrize("outcome", ["approved", "denied", "expired", "void", "alone"])
async def test_whoever_asked_is_told_what_became_of_it(world: World, outcome: str) -> None:
    """A mention in the thread of the request; nobody has to keep looking at it."""
    if outcome == "alone":
        world.incidents.open["shop"] = OpenIncident("INC-12", "P0", "Shop is down")
    operation = await world.asked(ENGINEER)
    if outcome == "expired":
        world.clock.advance(15 * MINUTE)
    elif outcome == "denied":
        await world.operations.decide(operation.token, LEAD, "deny", "not now")
    else:
        person, decision = (SRE, "emergency") if outcome == "alone" else (LEAD, "approve")
        await world.operations.decide(operation.token, person, cast("Decision", decision))
        world.web.current = "v39" if outcome == "void" else "v41"
    await world.work()

    expected = {
        "approved": "@engineer: OP-1 was approved by @lead; it runs now.",
        "denied": "@engineer: OP-1 was denied by @lead: not now. You may ask again.",
        "expired": "@engineer: OP-1 expired without a decision; ask again if it is still needed.",
        "void": "@engineer: OP-1 is void: the state changed since it was approved (release v41 became release v39); "
        "nothing ran.",
        "alone": "@engineer: OP-1 was run alone by @sre; it runs now.",
    }[outcome]
    key = f"operation:OP-1:{'approved' if outcome == 'alone' else outcome}"
    message = (await world.messages())[key][1]
    assert expected == said(message)
    assert Mention("engineer", "U0ENGINEER") in cast("Paragraph", message.parts[0]).lines[0]
    assert "operation:OP-1" == await world.thread(key)


async def test_nobody_is_told_of_their_own_doing(world: World) -> None:
    """Who cancels a request, or runs their own alone, knows it."""
    world.incidents.open["shop"] = OpenIncident("INC-12", "P0", "Shop is down")
    first = await world.asked()
    await world.operations.decide(first.token, SRE, "cancel")
    second = await world.asked()
    await world.operations.decide(second.token, SRE, "emergency")
    await world.work()

    mentioned = [key for key, (_, message) in (await world.messages()).items() if said(message).startswith("@sre:")]
    assert [] == mentioned


async def test_approvers_are_mentioned_when_it_is_their_turn(world: World) -> None:
    """The message names all of them from the start, and pings only those whose time has come."""
    await world.asked()
    first = _mentioned((await world.messages())["operation:OP-1"][1])
    world.clock.advance(3 * MINUTE)
    await world.work()

    assert {"sre": True, "lead": True, "manager": False} == {person: bool(slack) for person, slack in first.items()}
    assert "U0MANAGER" == _mentioned((await world.messages())["operation:OP-1"][1])["manager"]


async def test_as_many_are_pinged_at_once_as_are_needed(world: World) -> None:
    """With two approvals needed both people are asked in the first minute, and both may give theirs."""
    world.policy = rules(approvals=2)
    world.operations = world.replica("one")
    world.groups.members_of["S0APPROVERS"] |= {"U0ENGINEER"}
    operation = await world.asked()
    await world.work()

    pings = [each.at - operation.created_at for each in operation.approvers]
    assert [0, 0, 3 * MINUTE] == pings
    assert {"operation:OP-1", "operation:OP-1:lead", "operation:OP-1:manager"} == set(await world.messages())


def _mentioned(message: Message) -> dict[str, str]:
    """Person and Slack id of every mention; without an id nobody is pinged."""
    lines = [line for part in message.parts if isinstance(part, Paragraph) for line in part.lines]
    return {item.person: item.slack for line in lines for item in line if isinstance(item, Mention)}


@pytest.mark.parametrize("decided", [False, True])
async def test_a_second_request_for_one_change_is_pointed_out(world: World, *, decided: bool) -> None:
    """It is refused with the first one's number and state; another release, or an ended request, is another matter."""
    operation = await world.asked()
    if decided:
        await world.operations.decide(operation.token, LEAD, "approve")

    with pytest.raises(Conflict, match="OP-1 is this request already: Roll back shop/web v41 → v40, by @sre"):
        await world.asked(ENGINEER)
    other = await world.asked(ENGINEER, release="v39")
    await world.operations.decide(operation.token, SRE, "cancel")
    again = await world.asked(ENGINEER)

    assert [2, 3] == [other.number, again.number]


async def test_a_request_from_before_the_incident_is_no_second_one(world: World) -> None:
    """Asked again inside the incident it stays open as long, and may be run alone."""
    await world.asked()
    world.incidents.open["shop"] = OpenIncident("INC-12", "P0", "Shop is down")

    again = await world.asked()

    assert "INC-12" == again.incident
    assert "[Emergency run…]" in await world.sees("operation:OP-2")


async def test_a_covered_undo_says_what_it_is(world: World) -> None:
    """It is the undo of another operation, covered by that one's approval, by whoever pressed; not somebody on call."""
    operation = await world.asked()
    await world.operations.decide(operation.token, LEAD, "approve")
    await world.work()
    await world.operations.undo(operation.token, ENGINEER)
    await world.work()

    shown = (await world.sees("operation:OP-2")).splitlines()
    assert "✅ Undo of OP-1: Roll back shop/web v40 → v41 · @engineer" == shown[0]
    assert "→ ✅ covered by the approval of OP-1 · done in" in "\n".join(shown)
    assert "on call" not in "\n".join(shown)
