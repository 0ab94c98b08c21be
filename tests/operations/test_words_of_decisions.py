"""What a decision says and leaves behind, to the letter: sentences, audit rows, the request's row, and its limits."""

from dataclasses import replace
from typing import Any

import pytest

from bot.config.models import RoleModel
from bot.domain.errors import BotError, Conflict, NotFound, OutcomeUnknown, Refused, Unavailable, UsageError
from bot.domain.people import STEWARD, Actor
from bot.domain.policy import Policy, Risk, Rule
from bot.domain.redaction import redact
from bot.domain.timing import DAY, HOUR, MINUTE
from bot.oncall.directory import Directory
from bot.operations.actions.retry_failed import RetryFailed
from bot.operations.approvals import end
from bot.operations.model import Decision, Operation, State
from bot.operations.ports import OpenIncident
from bot.operations.service import Operations
from bot.store.ledger import AlreadyHandled
from tests.operations.world import ENGINEER, LEAD, MANAGER, SRE, STRANGER, World, configuration, jobs, rules

pytestmark = pytest.mark.ledger
P0 = OpenIncident("INC-12", "P0", "Shop is down")
ALONE = "An emergency run needs an open P0 or P1 incident of this system; open one, or wait."
NOT_ASKING = "OP-1 was not started: a p0 request needs the role engineer; you do not hold it."


async def refused(
    world: World, error: type[BotError], sentence: str, actor: Actor, decision: Decision, *, reason: str = ""
) -> None:
    """The whole sentence, and no other error."""
    with pytest.raises(error) as raised:
        await world.operations.decide("OP-1", actor, decision, reason)
    assert (error, sentence) == (type(raised.value), str(raised.value))


def under(world: World, policy: Policy) -> Operations:
    """The same bot with another policy, as after a restart."""
    world.policy = policy
    world.operations = world.replica("one")
    return world.operations


def raised(approvals: int = 1) -> Policy:
    """Restarts and retries need someone else."""
    return replace(rules(approvals), raised={"restart": Risk.P0, "retry_failed": Risk.P0})


@pytest.mark.parametrize(
    ("actor", "decision", "reason", "error", "sentence"),
    [
        (
            SRE,
            "approve",
            "",
            Refused,
            "OP-1 was not decided: you cannot approve your own request; someone else with the role approver can.",
        ),
        (SRE, "deny", "no", Refused, "OP-1 is your own request; cancel it instead of denying it."),
        (
            ENGINEER,
            "approve",
            "",
            Refused,
            "OP-1 was not decided: approving needs the role approver; you do not hold it.",
        ),
        (LEAD, "deny", "", UsageError, "Say why you deny OP-1: the requester needs to know what to do instead."),
        (LEAD, "cancel", "", Refused, "Only the requester, sre, may cancel OP-1; deny it instead."),
        (LEAD, "confirm", "", Refused, "Only the requester, sre, may confirm OP-1."),
        (SRE, "confirm", "", Conflict, "OP-1 is pending; that does not apply to it."),
        (SRE, "emergency", "", Refused, ALONE),
        (STRANGER, "emergency", "", Refused, NOT_ASKING),
    ],
)
async def test_a_refusal_is_one_sentence_and_one_row(
    world: World, actor: Actor, decision: Decision, reason: str, *, error: type[BotError], sentence: str
) -> None:
    """The person reads why; the audit keeps who wanted what, when, and the same sentence."""
    operation = await world.asked()
    before = await world.row()
    world.clock.advance(1)

    with pytest.raises(error) as told:
        await world.operations.decide(operation.token, actor, decision, reason)

    assert sentence == str(told.value)
    detail = {"wanted": decision, "reason": sentence}
    assert [(world.clock.now(), actor.person, "slack", "OP-1", detail)] == await world.details("operation.refused")
    assert before == await world.row()


async def test_an_unknown_reference_is_kept_short(world: World) -> None:
    """The audit of a forged reference names no more of it than its beginning."""
    forged = "x" * 50

    with pytest.raises(NotFound) as told:
        await world.operations.decide(forged, LEAD, "approve")

    detail = {"wanted": "approve", "reason": str(told.value)}
    assert [(world.clock.now(), "lead", "slack", "x" * 40, detail)] == await world.details("operation.refused")


async def _until(world: World, state: State) -> None:
    """Bring the request of sre to this state."""
    if state in (State.DENIED, State.CANCELLED):
        actor, decision = (LEAD, "deny") if state is State.DENIED else (SRE, "cancel")
        await world.operations.decide("OP-1", actor, decision, "not now")  # type: ignore[arg-type] # one of the two
        return
    if state is State.EXPIRED:
        world.clock.advance(15 * MINUTE)
        await world.work()
        return
    await world.operations.decide("OP-1", LEAD, "approve")
    if state in (State.CLAIMED, State.RUNNING):
        execution = world.operations.execution
        assert await execution._claims.claim(1, world.clock.now())
        if state is State.RUNNING:
            assert await execution._start(await world.operations.find("OP-1"), "")
    elif state is not State.APPROVED:
        world.web.before = OutcomeUnknown("no answer") if state is State.UNKNOWN else None
        await world.work()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.DENIED, "denied by lead"),
        (State.CANCELLED, "cancelled by sre"),
        (State.EXPIRED, "expired by steward"),
        (State.APPROVED, "approved by lead"),
        (State.CLAIMED, "approved by lead"),
        (State.RUNNING, "approved by lead"),
        (State.UNKNOWN, "approved by lead and ran: unknown"),
        (State.SUCCEEDED, "approved by lead and ran: succeeded"),
    ],
)
async def test_a_late_click_says_what_was_decided_by_whom(world: World, state: State, words: str) -> None:
    """Whoever comes too late reads what became of it; nothing is done again."""
    await world.asked()
    await _until(world, state)

    await refused(world, Conflict, f"OP-1 is already {words}; nothing was done again.", MANAGER, "approve")

    assert state == (await world.operations.find("OP-1")).state


@pytest.mark.parametrize("state", [State.PENDING, State.APPROVED, State.CLAIMED, State.RUNNING])
async def test_it_is_cancelled_until_it_runs_and_not_later(world: World, state: State) -> None:
    """By its requester alone; somebody else is sent to the denial only while that is possible."""
    await world.asked()
    if state is not State.PENDING:
        await _until(world, state)
    instead = "; deny it instead" if state is State.PENDING else ""
    await refused(world, Refused, f"Only the requester, sre, may cancel OP-1{instead}.", LEAD, "cancel")

    if state is State.RUNNING:
        await refused(world, Conflict, "OP-1 is already approved by lead; nothing was done again.", SRE, "cancel")
        return
    world.clock.advance(1)
    cancelled = await world.operations.decide("OP-1", SRE, "cancel", "not needed")

    now = world.clock.now()
    assert (State.CANCELLED, now, "sre", "not needed") == (
        cancelled.state,
        cancelled.decided_at,
        cancelled.decided_by,
        cancelled.note,
    )
    assert [(now, "sre", "slack", "OP-1", {"reason": "not needed"})] == await world.details("operation.cancelled")
    row = await world.row()
    assert (None, None, None, None) == (row["expires_at"], row["next_ping_at"], row["owner"], row["lease_until"])
    assert [] == await world.locks()
    assert "cancelled: not needed" in await world.sees("operation:OP-1")


async def test_an_approval_is_kept_with_its_moment_and_its_way(world: World) -> None:
    """Of two that are needed the first decides nothing; the second starts it, and its requester has 15 min."""
    operation = await under(world, rules(approvals=2)).propose(world.roll_back(), ENGINEER, "503")
    world.clock.advance(MINUTE)
    first = await world.operations.decide("OP-1", Actor("lead", "U0LEAD", "cli"), "approve")
    assert (State.PENDING, ("lead",), None) == (first.state, first.approved_by, first.decided_at)
    await refused(world, Conflict, "You approved OP-1 already; it needs someone else as well.", LEAD, "approve")
    assert "Needs 1 of: " in await world.sees("operation:OP-1")
    world.clock.advance(MINUTE)
    second = await world.operations.decide(operation.token, MANAGER, "approve")

    now = world.clock.now()
    assert (State.APPROVED, now, "manager") == (second.state, second.decided_at, second.decided_by)
    row = await world.row()
    assert (now + 15 * MINUTE, None, 0, None) == (
        row["expires_at"],
        row["next_ping_at"],
        row["emergency"],
        row["review_at"],
    )
    assert [("lead", now - MINUTE, "cli"), ("manager", now, "slack")] == await world.approvals()
    assert [
        (now - MINUTE, "lead", "cli", "OP-1", {}),
        (now, "manager", "slack", "OP-1", {}),
    ] == await world.details("operation.approved")
    told = {"created_at": now, "channel": "C0ALERTS", "fallback": None, "thread_key": "operation:OP-1", "lane": "rest"}
    assert told == await world.sent("operation:OP-1:approved")


async def test_a_denial_is_kept_with_its_reason(world: World) -> None:
    """On one line and no longer than 500 signs; a copy of the group that is old is said."""
    await world.asked()
    world.groups.broken = True
    world.clock.advance(MINUTE + 1)

    denied = await world.operations.decide("OP-1", LEAD, "deny", "no\n" + "a" * 600)

    said = "no " + "a" * 497
    assert (State.DENIED, said, "lead", world.clock.now()) == (
        denied.state,
        denied.note,
        denied.decided_by,
        denied.decided_at,
    )
    detail = {"reason": said, "membership": "from a copy up to an hour old"}
    assert [(world.clock.now(), "lead", "slack", "OP-1", detail)] == await world.details("operation.denied")


@pytest.mark.parametrize("severity", ["", "P0", "P1"])
async def test_the_last_moment_counts(world: World, severity: str) -> None:
    """A request may be decided until 15 min have passed, and longer only while its incident is a P0."""
    if severity:
        world.incidents.open["shop"] = OpenIncident("INC-12", severity, "Shop is down")
    await world.asked()
    world.clock.advance(15 * MINUTE - 1)
    with pytest.raises(UsageError):
        await world.operations.decide("OP-1", LEAD, "deny")
    world.clock.advance(1)

    if severity == "P0":
        assert State.APPROVED == (await world.operations.decide("OP-1", LEAD, "approve")).state
    else:
        await refused(world, Conflict, "OP-1 expired; ask again if it is still needed.", LEAD, "approve")


async def test_a_plan_that_its_requester_did_not_confirm_expires_in_a_p0_too(world: World) -> None:
    """Only what others must decide on stays open; a plan of a quarter of an hour ago is planned anew."""
    world.incidents.open["shop"] = P0
    await world.operations.propose(await world.restart(), SRE, "stuck")
    world.clock.advance(15 * MINUTE)

    await refused(world, Conflict, "OP-1 expired; ask again if it is still needed.", SRE, "confirm")


async def test_a_confirmation_is_kept(world: World) -> None:
    """Its requester's word starts a change; it runs without an approval of others."""
    await world.operations.propose(await world.restart(), SRE, "stuck")
    world.clock.advance(MINUTE)

    confirmed = await world.operations.decide("OP-1", SRE, "confirm")

    now = world.clock.now()
    assert (State.APPROVED, "sre", now, now + 15 * MINUTE) == (
        confirmed.state,
        confirmed.decided_by,
        confirmed.decided_at,
        confirmed.expires_at,
    )
    assert [(now, "sre", "slack", "OP-1", {})] == await world.details("operation.confirmed")
    assert [] == await world.approvals()


async def test_who_lost_the_right_to_ask_may_not_confirm(world: World) -> None:
    """The policy is asked again at the confirmation, by the risk of the action."""
    await world.operations.propose(await world.restart(), SRE, "stuck")
    world.groups.members_of["S0ENGINEERS"] = {"U0ENGINEER"}
    world.clock.advance(MINUTE + 1)

    await refused(
        world,
        Refused,
        "OP-1 was not started: a change request needs the role engineer; you do not hold it.",
        SRE,
        "confirm",
    )


@pytest.mark.parametrize("approvals", [0, 1, 2])
async def test_a_plan_of_a_looser_day_is_asked_for_when_it_is_confirmed(world: World, approvals: int) -> None:
    """The policy was tightened since: the confirmation asks the others, as many as are needed now."""
    operation = await world.operations.propose(await world.restart(), SRE, "stuck")
    under(world, raised(approvals))
    world.clock.advance(2 * MINUTE)

    asked = await world.operations.decide(operation.token, SRE, "confirm")
    await world.work()

    now, needed = world.clock.now(), max(approvals, 1)
    assert (State.PENDING, Risk.P0, needed, frozenset({"approver"}), now + 15 * MINUTE, None) == (
        asked.state,
        asked.risk,
        asked.approvals_needed,
        asked.approver_roles,
        asked.expires_at,
        asked.decided_at,
    )
    second = now if needed == 2 else now + 3 * MINUTE
    assert [("lead", now), ("manager", second)] == [(each.person, each.at) for each in asked.approvers]
    assert [(now, "sre", "slack", "OP-1", {"risk": "p0"})] == await world.details("operation.raised")
    assert [] == await world.details("operation.confirmed")
    assert f"Needs {needed} of: " in await world.sees("operation:OP-1")
    assert now == (await world.sent("operation:OP-1"))["created_at"]
    assert "operation:OP-1:lead" in await world.messages()
    assert [] == world.docker.restarted


async def test_an_action_that_is_raised_is_confirmed_by_who_may_ask_for_that(world: World) -> None:
    """The risk of today counts for who may start it as well."""
    await world.operations.propose(await world.restart(), SRE, "stuck")
    ask = frozenset({"engineer"})
    p0 = Rule(frozenset({"approver"}), frozenset({"approver"}), 1)
    under(world, Policy({Risk.READ: Rule(ask), Risk.CHANGE: Rule(ask), Risk.P0: p0}, {"restart": Risk.P0}))

    await refused(
        world,
        Refused,
        "OP-1 was not started: a p0 request needs the role approver; you do not hold it.",
        SRE,
        "confirm",
    )


async def test_an_approval_lapses_with_the_role(world: World) -> None:
    """Who left the group has not approved any more when the next one does; the audit says so."""
    await under(world, rules(approvals=2)).propose(world.roll_back(), SRE, "503")
    await world.operations.decide("OP-1", LEAD, "approve")
    world.groups.members_of["S0APPROVERS"] = {"U0MANAGER", "U0ENGINEER"}
    world.clock.advance(MINUTE + 1)

    second = await world.operations.decide("OP-1", MANAGER, "approve")
    third = await world.operations.decide("OP-1", ENGINEER, "approve")

    now = world.clock.now()
    assert [(State.PENDING, ("manager",)), (State.APPROVED, ("engineer", "manager"))] == [
        (each.state, each.approved_by) for each in (second, third)
    ]
    assert [(now, "steward", "bot", "OP-1", {"person": "lead"})] == await world.details("operation.approval_lapsed")


def _named_approver(world: World) -> None:
    """The configuration names the manager as another kind of approver, so no group is needed for that one."""
    config = configuration()
    roles = {**config.roles, "chief": RoleModel(people=("manager",))}
    config = config.model_copy(update={"roles": roles})
    world.directory = Directory(config, world.groups, world.clock, world.ledger)
    ask, approve = frozenset({"engineer"}), frozenset({"approver", "chief"})
    under(world, Policy({Risk.READ: Rule(ask), Risk.CHANGE: Rule(ask), Risk.P0: Rule(ask, approve, 2)}, {}))


async def test_an_approval_stands_while_nobody_can_tell(world: World) -> None:
    """Slack does not answer: the earlier approval is neither dropped nor believed before it runs."""
    _named_approver(world)
    world.incidents.open["shop"] = P0
    await world.asked()
    await world.operations.decide("OP-1", LEAD, "approve")
    world.groups.broken = True
    world.clock.advance(2 * HOUR)

    approved = await world.operations.decide("OP-1", MANAGER, "approve")

    assert (State.APPROVED, ("lead", "manager")) == (approved.state, approved.approved_by)
    with pytest.raises(Unavailable, match=r"^Slack does not tell whether lead may still approve OP-1$"):
        await world.operations.approvals.still_approved(approved)


async def test_an_approval_is_looked_at_again_before_it_runs(world: World) -> None:
    """Whoever gave it must still hold one of its roles, for the undo that it covers as well."""
    _named_approver(world)
    operation = await world.asked()
    await world.operations.decide("OP-1", LEAD, "approve")
    approved = await world.operations.decide("OP-1", MANAGER, "approve")
    still = world.operations.approvals.still_approved
    assert "" == await still(approved)
    covered = replace(approved, number=9, undo_of=operation.number, approved_by=(), approvals_needed=0)
    assert "" == await still(covered)

    world.groups.members_of["S0APPROVERS"] = set()
    world.clock.advance(MINUTE + 1)

    lost = "lead may not approve it any more (needs approver or chief); nothing ran"
    assert [lost, lost] == [await still(approved), await still(covered)]
    assert "" == await still(replace(approved, approvals_needed=1))
    assert "" == await still(replace(approved, emergency=True))
    assert "" == await still(replace(approved, approvals_needed=0))
    nobody = "nobody may not approve it any more (needs approver or chief); nothing ran"
    assert nobody == await still(replace(approved, approved_by=()))
    both = "engineer, lead may not approve it any more (needs approver or chief); nothing ran"
    assert both == await still(replace(approved, approved_by=("lead", "engineer")))


async def test_a_run_alone_is_kept_and_pages_the_next_level(world: World) -> None:
    """One page to whoever follows on the on-call schedule, and a review that is due in working hours."""
    world.incidents.open["shop"] = OpenIncident("INC-12", "P1", "Shop is slow")
    world.oncall.people = [("primary", SRE), ("secondary", SRE), ("manager", MANAGER)]
    await world.asked(ENGINEER)
    world.clock.advance(1)

    ran = await world.operations.decide("OP-1", SRE, "emergency")

    now = world.clock.now()
    row = await world.row()
    monday = now - 1 + 30 * HOUR
    assert (State.APPROVED, True, "sre", now) == (ran.state, ran.emergency, ran.decided_by, ran.decided_at)
    assert (1, monday, now + 15 * MINUTE) == (row["emergency"], row["review_at"], row["expires_at"])
    assert [(now, "sre", "slack", "OP-1", {})] == await world.details("operation.emergency")
    page = {"created_at": now, "channel": "@U0MANAGER", "fallback": None, "thread_key": None, "lane": "page"}
    assert page == await world.sent("operation:OP-1:page")
    said = "🚨 Roll back shop/web v41 → v40: emergency run by sre alone, INC-12\nWhy: 503"
    assert said == await world.sees("operation:OP-1:page")


@pytest.mark.parametrize(("people", "on_call"), [([("primary", LEAD), ("secondary", SRE)], "lead"), ([], "nobody")])
async def test_only_the_first_level_runs_it_alone(world: World, people: list[tuple[str, Actor]], on_call: str) -> None:
    """Who stands further up the on-call schedule does not, and nobody does where nobody is on call."""
    world.incidents.open["shop"] = P0
    world.oncall.people = people
    await world.asked()

    await refused(world, Refused, f"Only the person on call may run this alone; that is {on_call}.", SRE, "emergency")


async def test_nobody_is_paged_where_nobody_follows(world: World) -> None:
    """The only person on call runs it alone, and nobody else can be told at once."""
    world.incidents.open["shop"] = P0
    world.oncall.people = [("primary", SRE)]
    await world.asked()

    await world.operations.decide("OP-1", SRE, "emergency")

    assert "operation:OP-1:page" not in await world.messages()


async def test_what_is_not_listed_is_not_run_alone(world: World) -> None:
    """Bringing back service is an emergency; retrying jobs is not."""
    world.incidents.open["shop"] = P0
    world.queue.failed_jobs = {each.id: each for each in jobs(world.clock, "7")}
    await under(world, raised()).propose(await RetryFailed.of(world.systems, "shop", "jobs"), SRE, "lost mail")

    await refused(
        world, Refused, "retry_failed is not listed for emergency runs; it needs an approval.", SRE, "emergency"
    )


@pytest.mark.parametrize("typed", ["postgres", "worker", "shop/worker, shop/postgres"])
async def test_without_an_undo_the_wait_and_the_name_are_exact(world: World, typed: str) -> None:
    """To the millisecond, and one of the names of its target."""
    world.incidents.open["shop"] = P0
    await world.operations.propose(await world.restart("worker", "postgres"), SRE, "locks")
    world.clock.advance(5 * MINUTE - 1)
    await refused(
        world, Refused, "It has no undo: wait for a decision another 1 ms.", SRE, "emergency", reason="postgres"
    )
    world.clock.advance(1)
    name = "It has no undo: type the name of the target, shop/worker, shop/postgres, to run it alone."
    await refused(world, Refused, name, SRE, "emergency")

    ran = await world.operations.decide("OP-1", SRE, "emergency", typed)

    assert State.APPROVED == ran.state
    assert [(world.clock.now(), "sre", "slack", "OP-1", {"reason": typed})] == await world.details(
        "operation.emergency"
    )


async def test_a_review_is_signed_once_and_kept(world: World) -> None:
    """Each refusal is one sentence and one row; the signature is a row of its own and ends the reminders."""
    await world.asked()
    sign = world.operations.approvals.sign
    refusals: list[tuple[Actor, str]] = []

    async def says(error: type[BotError], sentence: str, actor: Actor) -> None:
        with pytest.raises(error) as told:
            await sign("OP-1", actor)
        assert (error, sentence) == (type(told.value), str(told.value))
        refusals.append((actor, sentence))

    await says(Conflict, "OP-1 was approved in the usual way; there is nothing to sign.", LEAD)
    world.incidents.open["shop"] = P0
    await world.operations.decide("OP-1", SRE, "cancel")
    await world.asked(reason="again")
    await world.operations.decide("OP-2", SRE, "cancel")
    operation = await world.asked(ENGINEER)
    await world.operations.decide("OP-3", SRE, "emergency")

    async def third(error: type[BotError], sentence: str, actor: Actor) -> None:
        with pytest.raises(error) as told:
            await sign(operation.token, actor)
        assert (error, sentence) == (type(told.value), str(told.value))
        refusals.append((actor, sentence))

    await third(Conflict, "OP-3 has not run; there is nothing to sign.", LEAD)
    await world.work()
    world.clock.advance(MINUTE + 1)
    await third(Refused, "You took part in this yourself; someone else must sign the review.", SRE)
    await third(Refused, "You took part in this yourself; someone else must sign the review.", ENGINEER)
    not_held = "The review was not signed: approving needs the role approver; you do not hold it."
    await third(Refused, not_held, STRANGER)
    signed = await sign("OP-3", LEAD)
    await third(Conflict, "The review of OP-3 was signed already.", MANAGER)

    assert [(actor.person, {"wanted": "review", "reason": redact(text)}) for actor, text in refusals] == [
        (row[1], row[4]) for row in await world.details("operation.refused")
    ]
    assert {"OP-1", "OP-3"} == {row[3] for row in await world.details("operation.refused")}
    assert [(world.clock.now(), "lead", "slack", "OP-3", {})] == await world.details("operation.reviewed")
    assert ("lead", None) == (signed.reviewed_by, (await world.row(3))["review_at"])
    assert "operation:OP-3:review" not in await world.messages()


async def test_a_request_that_was_carried_out_is_not_carried_out_again(world: World) -> None:
    """The receipt of a click goes into the transaction that decides."""
    world.incidents.open["shop"] = P0
    await world.asked(ENGINEER)
    with pytest.raises(AlreadyHandled):
        await world.operations.decide("OP-1", LEAD, "approve", receipt="used")
    await world.operations.decide("OP-1", SRE, "emergency")
    world.web.before = OutcomeUnknown("no answer")
    await world.work()
    with pytest.raises(AlreadyHandled):
        await world.operations.observe("OP-1", SRE, receipt="used")
    with pytest.raises(AlreadyHandled):
        await world.operations.settle_unknown("OP-1", SRE, happened=True, receipt="used")
    with pytest.raises(AlreadyHandled):
        await world.operations.approvals.sign("OP-1", LEAD, receipt="used")

    row = await world.row()
    assert ("unknown", "") == (row["state"], row["reviewed_by"])


async def test_what_another_decided_meanwhile_stands(world: World) -> None:
    """A decision on what was read earlier changes nothing once it moved on."""
    early = await world.asked()
    await world.operations.decide("OP-1", LEAD, "approve")
    before = await world.row()

    with pytest.raises(Conflict) as told:
        await world.ledger.write(lambda tx: world.operations.approvals._agree(tx, early, MANAGER))
    ended = await world.ledger.write(lambda tx: end(tx, early, State.EXPIRED, STEWARD, now=world.clock.now()))

    assert "OP-1 was decided at the same moment." == str(told.value)
    assert ended is False
    assert before == await world.row()


async def test_the_same_account_is_the_same_person(world: World) -> None:
    """Whatever name the configuration gave to it on the day of the request."""
    known: list[tuple[Actor, Actor, Any]] = [
        (Actor("former", "U0LEAD"), LEAD, True),
        (Actor("former", "U0LEAD"), Actor("later", "U0LEAD"), True),
        (Actor("lead", ""), Actor("lead", "", "cli"), True),
        (Actor("lead", ""), Actor("manager", "", "cli"), False),
        (SRE, LEAD, False),
        (STEWARD, Actor("steward", "U0X"), False),
    ]
    operation: Operation = await world.asked()

    assert [own for _, _, own in known] == [
        world.operations.approvals._own(replace(operation, requester=requester), actor) for requester, actor, _ in known
    ]


async def test_whom_to_ask_stands_before_they_are_pinged(world: World) -> None:
    """As many as the policy needs, one where it needs none, and never the requester."""
    now = world.clock.now() + DAY
    found = {
        approvals: [
            (each.person, each.at - now)
            for each in await under(world, rules(approvals)).approvals.asked(Risk.P0, SRE, now)
        ]
        for approvals in (0, 1, 2)
    }

    alone = [("lead", 0), ("manager", 3 * MINUTE)]
    assert {0: alone, 1: alone, 2: [("lead", 0), ("manager", 0)]} == found
