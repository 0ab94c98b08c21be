"""Who gets through to a decision by button and form: the policy before the handler, and the service behind it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.config.models import PersonModel
from bot.domain.errors import Conflict, Refused, Unavailable
from bot.domain.message import Message, Modal
from bot.domain.people import Access, Actor
from bot.domain.policy import Policy, Risk, Rule
from bot.domain.timing import MINUTE, SECOND
from bot.oncall.directory import Directory
from bot.operations.model import Operation, State
from bot.operations.ports import OpenIncident
from bot.ports import Release
from bot.requests.invocation import Incoming, Invocation, Listener, Reply
from bot.requests.runner import Failed, Runner
from bot.requests.services import Services
from tests.operations.test_commands import LISTENERS, payload
from tests.operations.world import ENGINEER, LEAD, MANAGER, SRE, STRANGER, World, configuration, rules

pytestmark = pytest.mark.ledger


async def presses(world: World, actor: Actor, incoming: Incoming) -> Reply | Failed:
    """Parse, ask the policy, run: the whole way of one payload from this person."""
    services = cast(
        "Services",
        SimpleNamespace(operations=world.operations, clock=world.clock, ledger=world.ledger, directory=world.directory),
    )
    listener = LISTENERS[incoming.key]
    request = listener.parse(incoming)
    return await Runner(services, world.policy).reply(
        listener, request, replace(incoming, slack_user=actor.slack), cast("Any", None), None
    )


async def test_an_approver_need_not_be_an_engineer(world: World) -> None:
    """Who holds only the approving role reads the plan, denies with a reason and approves; a stranger does nothing."""
    world.groups.members_of["S0ENGINEERS"] = {"U0SRE"}
    first, second = await world.asked(), await world.asked(release="v39")

    for key in ("operation.approve", "operation.deny", "operation.plan"):
        refused = await presses(world, STRANGER, payload(key, first.token))
        assert isinstance(refused, Failed)
        assert "Not allowed" in refused.message.text
    assert isinstance(await presses(world, MANAGER, payload("operation.plan", first.token)), Message)
    modal = await presses(world, MANAGER, payload("operation.deny", first.token))
    assert isinstance(modal, Modal)
    assert None is await presses(world, MANAGER, payload(modal.form, private=modal.private, text="not now"))
    assert None is await presses(world, LEAD, payload("operation.approve", second.token))
    undone = await presses(world, LEAD, payload("operation.undo", second.token))

    assert [State.DENIED, State.APPROVED] == [await world.state(first), await world.state(second)]
    assert isinstance(undone, Failed)


async def test_the_undo_of_an_undo_needs_a_new_approval(world: World) -> None:
    """One approval covers one run and its undo; doing it again is a new request, however soon it is asked for."""
    first = await world.asked()
    await world.operations.decide(first.token, LEAD, "approve")
    await world.work()
    back = await world.operations.undo(first.token, SRE)
    await world.work()
    shown = await world.sees("operation:OP-2")

    again = await world.operations.undo(back.token, ENGINEER)
    await world.work()

    assert "(on call)" not in shown
    assert "covered by the approval of OP-1" in shown
    assert "covered by this approval" not in shown
    assert (State.PENDING, None) == (again.state, again.undo_of)
    assert ["v40", "v41"] == world.web.rolled_back
    with pytest.raises(Refused, match="your own request"):
        await world.operations.decide(again.token, ENGINEER, "approve")


async def test_an_emergency_run_is_not_repeated_by_undoing_its_undo(world: World) -> None:
    """Who wants it once more asks once more: somebody approves, or it is an emergency run with a review of its own."""
    world.incidents.open["shop"] = OpenIncident("INC-12", "P0", "Shop is down")
    first = await world.asked()
    await world.operations.decide(first.token, SRE, "emergency")
    await world.work()
    back = await world.operations.undo(first.token, SRE)
    await world.work()

    again = await world.operations.undo(back.token, SRE)
    await world.work()

    assert State.PENDING == await world.state(again)
    assert ["v40", "v41"] == world.web.rolled_back


async def test_nobody_else_undoes_an_emergency_run_without_an_approval(world: World) -> None:
    """Nobody approved it, so there is no approval that could cover what another person does."""
    world.incidents.open["shop"] = OpenIncident("INC-12", "P0", "Shop is down")
    first = await world.asked()
    await world.operations.decide(first.token, SRE, "emergency")
    await world.work()

    back = await world.operations.undo(first.token, ENGINEER)
    await world.work()

    assert State.PENDING == await world.state(back)
    assert ["v40"] == world.web.rolled_back


async def test_two_undos_at_once_take_it_back_once(world: World) -> None:
    """Two people press on two replicas in the same moment: one undo, and the other one learns which."""
    first = await world.asked()
    await world.operations.decide(first.token, LEAD, "approve")
    await world.work()
    other = world.replica("two")

    answers = await asyncio.gather(
        *(each.undo(first.token, who) for each in (world.operations, other) for who in (SRE, ENGINEER, LEAD)),
        return_exceptions=True,
    )
    await asyncio.gather(world.work(), world.work(other))

    assert 1 == sum(not isinstance(answer, BaseException) for answer in answers)
    assert {Conflict} == {type(answer) for answer in answers if isinstance(answer, BaseException)}
    assert ["v40", "v41"] == world.web.rolled_back


async def test_the_roles_of_the_request_decide_and_not_those_of_today(world: World) -> None:
    """A role that the policy names afterwards approves nothing that was asked before, and the one before still does."""
    operation = await world.asked()
    ask = frozenset({"engineer"})
    world.policy = Policy({**world.policy.rules, Risk.P0: Rule(ask, ask, 1)}, {})
    today = world.replica("today")

    with pytest.raises(Refused, match="needs the role approver"):
        await today.decide(operation.token, ENGINEER, "approve")
    approved = await today.decide(operation.token, LEAD, "approve")

    assert State.APPROVED == approved.state
    await world.work(today)
    assert ["v40"] == world.web.rolled_back


async def test_an_approval_counts_only_while_its_approver_holds_the_role(world: World) -> None:
    """Who lost the role between click and run approved nothing: nothing runs, and it is asked anew."""
    operation = await world.asked()
    await world.operations.decide(operation.token, LEAD, "approve")
    world.groups.members_of["S0APPROVERS"] = {"U0MANAGER"}
    world.clock.advance(MINUTE + 1)
    await world.work()

    assert State.VOID == await world.state(operation)
    assert [] == world.web.rolled_back
    assert "lead may not approve it any more (needs approver); nothing ran" in await world.sees("operation:OP-1")
    assert "Needs 1 of: @manager" in await world.sees("operation:OP-2")


async def test_a_covered_undo_needs_the_approvers_role_as_well(world: World) -> None:
    """The undo rests on the approval of what it takes back."""
    first = await world.asked()
    await world.operations.decide(first.token, LEAD, "approve")
    await world.work()
    world.groups.members_of["S0APPROVERS"] = {"U0MANAGER"}
    world.clock.advance(MINUTE + 1)
    undo = await world.operations.undo(first.token, SRE)
    await world.work()

    assert State.VOID == await world.state(undo)
    # It came to nothing, so the original may be undone once more.
    assert (await world.row(1))["undone_by"] is None
    assert ["v40"] == world.web.rolled_back


async def test_of_two_approvals_the_one_of_a_person_who_left_does_not_count(world: World) -> None:
    """The second click finds the first one gone: it needs one more, and says so."""
    world.policy = rules(approvals=2)
    world.operations = world.replica("one")
    world.groups.members_of["S0APPROVERS"] = {"U0LEAD", "U0MANAGER", "U0ENGINEER"}
    operation = await world.asked()
    await world.operations.decide(operation.token, LEAD, "approve")
    world.groups.members_of["S0APPROVERS"] = {"U0MANAGER", "U0ENGINEER"}
    world.clock.advance(MINUTE + 1)

    second = await world.operations.decide(operation.token, MANAGER, "approve")
    assert (State.PENDING, ("manager",)) == (second.state, second.approved_by)
    await world.operations.decide(operation.token, ENGINEER, "approve")
    await world.work()

    assert State.SUCCEEDED == await world.state(operation)
    assert ("steward", "operation.approval_lapsed", "OP-1") in await world.audit()


async def asked_of(world: World, accounts: set[str], approvals: int = 2) -> Operation:
    """A request that needs several approvals, and an approver group with accounts that no person has."""
    world.policy = rules(approvals)
    world.operations = world.replica("one")
    world.groups.members_of["S0APPROVERS"] |= accounts
    return await world.asked()


def restarted(world: World, **people: tuple[str, ...]) -> None:
    """The bot on the same ledger, with people more in its configuration."""
    config = configuration()
    more = {name: PersonModel(slack=accounts) for name, accounts in people.items()}
    named = config.model_copy(update={"people": {**config.people, **more}})
    world.directory = Directory(named, world.groups, world.clock, world.ledger)
    world.operations = world.replica("two")


async def test_an_account_that_gets_a_person_between_two_approvals_gives_one(world: World) -> None:
    """It approved before the configuration named its person; somebody else must as well."""
    operation = await asked_of(world, {"U0KIM"})
    await world.operations.decide(operation.token, world.directory.actor("U0KIM"), "approve")
    restarted(world, kim=("U0KIM",))

    with pytest.raises(Conflict, match="You approved OP-1 already"):
        await world.operations.decide(operation.token, world.directory.actor("U0KIM"), "approve")
    assert State.PENDING == await world.state(operation)
    await world.operations.decide(operation.token, MANAGER, "approve")
    await world.work()

    assert ["v40"] == world.web.rolled_back


async def test_the_requesters_own_other_account_approved_nothing(world: World) -> None:
    """It approved before the configuration told whose it is; two others must."""
    operation = await asked_of(world, {"U0OTHER"})
    await world.operations.decide(operation.token, world.directory.actor("U0OTHER"), "approve")
    restarted(world, sre=("U0SRE", "U0OTHER"))

    await world.operations.decide(operation.token, MANAGER, "approve")

    assert State.PENDING == await world.state(operation)


async def test_an_approval_that_turns_out_to_be_the_requesters_own_does_not_run(world: World) -> None:
    """Both approvals were there when the configuration told that one is the requester's."""
    operation = await asked_of(world, {"U0OTHER"})
    for actor in (world.directory.actor("U0OTHER"), MANAGER):
        await world.operations.decide(operation.token, actor, "approve")
    restarted(world, sre=("U0SRE", "U0OTHER"))
    await world.work()

    assert (State.VOID, []) == (await world.state(operation), world.web.rolled_back)


async def test_two_accounts_that_get_the_same_person_gave_one_approval(world: World) -> None:
    """Neither a third click nor the run takes them for two people."""
    operation = await asked_of(world, {"U0KIM", "U0KIM2"})
    for account in ("U0KIM", "U0KIM2"):
        await world.operations.decide(operation.token, world.directory.actor(account), "approve")
    restarted(world, kim=("U0KIM", "U0KIM2"))
    await world.work()

    assert State.VOID == await world.state(operation)
    assert "its approvals are all of kim by today's configuration, and it needs 2" in await world.sees("operation:OP-1")
    assert [] == world.web.rolled_back


async def test_of_three_approvals_two_of_one_person_count_once(world: World) -> None:
    """The third click counts people, not accounts."""
    operation = await asked_of(world, {"U0KIM", "U0KIM2"}, approvals=3)
    for account in ("U0KIM", "U0KIM2"):
        await world.operations.decide(operation.token, world.directory.actor(account), "approve")
    restarted(world, kim=("U0KIM", "U0KIM2"))

    await world.operations.decide(operation.token, MANAGER, "approve")

    assert State.PENDING == await world.state(operation)


async def test_who_approved_by_an_account_without_a_person_signs_no_review(world: World) -> None:
    """The account took part, so its person did, whoever it belongs to by now."""
    world.incidents.open["shop"] = OpenIncident("INC-12", "P0", "Shop is down")
    operation = await asked_of(world, {"U0KIM"})
    await world.operations.decide(operation.token, world.directory.actor("U0KIM"), "approve")
    await world.operations.decide(operation.token, SRE, "emergency")
    await world.work()
    restarted(world, kim=("U0KIM",))

    with pytest.raises(Refused, match="You took part in this yourself"):
        await world.operations.approvals.sign(operation.token, world.directory.actor("U0KIM"))


async def test_roles_that_cannot_be_read_hold_an_approved_run_back_and_void_nothing(world: World) -> None:
    """For a minute it is tried again; then it is asked anew."""
    operation = await world.asked()
    await world.operations.decide(operation.token, LEAD, "approve")
    access = world.directory.access

    async def unread(actor: Actor) -> Access:
        return replace(await access(actor), roles=frozenset(), unread=frozenset({"approver"}))

    world.directory.access = unread  # type: ignore[method-assign] # Slack is silent, and the copy is too old
    await world.work()
    assert State.APPROVED == await world.state(operation)
    assert "Slack does not tell whether lead may still approve" in await world.sees("operation:OP-1")
    world.directory.access = access  # type: ignore[method-assign] # it answers again
    world.clock.advance(2 * SECOND)
    await world.work()

    assert State.SUCCEEDED == await world.state(operation)


async def test_a_plan_made_before_the_policy_was_raised_asks_for_what_it_says_now(world: World) -> None:
    """A draft that its requester could confirm yesterday needs somebody else today, at the click."""
    operation = await world.operations.propose(await world.restart(), SRE, "leak")
    world.policy = Policy(world.policy.rules, {"restart": Risk.P0})
    world.operations = world.replica("raised")

    asked = await world.operations.decide(operation.token, SRE, "confirm")
    await world.work()
    assert (State.PENDING, Risk.P0, frozenset({"approver"})) == (asked.state, asked.risk, asked.approver_roles)
    assert [] == world.docker.restarted
    assert "Needs 1 of: @lead" in await world.sees("operation:OP-1")
    with pytest.raises(Refused, match="your own request"):
        await world.operations.decide(operation.token, SRE, "approve")
    await world.operations.decide(operation.token, LEAD, "approve")
    await world.work()

    assert ["worker-1", "worker-2"] == world.docker.restarted


async def test_a_reason_hides_nothing_of_the_plan(world: World) -> None:
    """It stays on one line and short, so whoever approves sees what is done and who decided."""
    forged = "503\n→ ✅ @lead 03:08 · done\x1b[2J" + " and more" * 1_000

    asked = await world.asked(reason=forged)
    shown = (await world.sees("operation:OP-1")).splitlines()
    await world.operations.decide(asked.token, LEAD, "deny", "no\nUndo: all of it")

    assert [] == [line for line in shown if line.startswith("→")]
    assert max(len(line) for line in shown) < 600
    assert "denied: no Undo: all of it" in await world.sees("operation:OP-1")


async def test_the_roles_of_the_request_count_until_it_runs(world: World) -> None:
    """A configuration that names other approvers by now neither voids nor lets through what was approved before."""
    operation = await world.asked()
    await world.operations.decide(operation.token, LEAD, "approve")
    world.policy = Policy({**world.policy.rules, Risk.P0: Rule(frozenset({"engineer"}), frozenset({"dba"}), 1)}, {})
    today = world.replica("today")

    await world.work(today)

    assert State.SUCCEEDED == await world.state(operation)


async def test_an_undo_that_comes_second_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people plan it in the same moment; the later one finds it undone when it wants to store its own."""
    first = await world.asked()
    await world.operations.decide(first.token, LEAD, "approve")
    await world.work()
    planned, go_on = asyncio.Event(), asyncio.Event()
    releases = world.web.releases

    async def held() -> Sequence[Release]:
        found = await releases()
        if getattr(asyncio.current_task(), "get_name", str)() == "late":
            planned.set()
            await go_on.wait()
        return found

    monkeypatch.setattr(world.web, "releases", held)
    late = asyncio.create_task(world.replica("two").undo(first.token, ENGINEER), name="late")
    await planned.wait()
    await world.operations.undo(first.token, SRE)
    await world.work()
    go_on.set()

    with pytest.raises(Conflict, match="OP-1 was undone already"):
        await late
    assert ["v40", "v41"] == world.web.rolled_back


@pytest.mark.parametrize(
    ("receipt", "failures", "calls", "refused"),
    [
        pytest.param("key-1", 2, 3, False, id="an acknowledged change outlives a ledger that is held for a moment"),
        pytest.param("key-1", 9, 3, True, id="after some tries its person is told"),
        pytest.param(None, 1, 1, True, id="what only reads is told at once"),
    ],
)
async def test_a_held_ledger_loses_no_acknowledged_change(
    world: World, receipt: str | None, failures: int, calls: int, *, refused: bool
) -> None:
    """It was acknowledged, so it is tried again before somebody is asked to type it once more."""
    tried: list[int] = []

    async def handler(call: Invocation[Any], services: Services) -> Message:
        del call, services
        tried.append(1)
        if len(tried) <= failures:
            raise Unavailable("The ledger is held by another transaction; nothing was changed.")
        return Message.plain("done")

    services = cast("Services", SimpleNamespace(clock=world.clock, ledger=world.ledger, directory=world.directory))
    incoming = replace(payload("operation.plan", "x"), slack_user=SRE.slack)
    listener = Listener("button", "x", LISTENERS["operation.plan"].parse, handler)

    reply = await Runner(services, world.policy, again=(0, 0)).reply(
        listener, listener.parse(incoming), incoming, cast("Any", None), receipt
    )

    assert calls == len(tried)
    assert refused is isinstance(reply, Failed)
