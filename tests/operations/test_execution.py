"""An approved operation runs at most once, whatever dies or moves on, and what came of it is known or asked for."""

import asyncio

import pytest

from bot.domain.errors import Conflict, NotFound, OutcomeUnknown, Refused, Rejected, Unreachable
from bot.domain.reading import Status
from bot.domain.timing import MINUTE, SECOND
from bot.operations.lease import LEASE, Lease
from bot.operations.model import Operation, State
from bot.operations.steps import _Attempt
from tests.operations.world import ENGINEER, LEAD, MANAGER, SRE, STRANGER, World

pytestmark = pytest.mark.ledger


async def approved(world: World) -> Operation:
    """A rollback that may run."""
    operation = await world.asked()
    return await world.operations.decide(operation.token, LEAD, "approve")


async def test_drift_makes_it_void_and_asks_again(world: World) -> None:
    """An approval holds for the state that was shown; a release in between voids it and a fresh request is made."""
    operation = await approved(world)
    world.web.names.insert(0, "v42")
    world.web.current = "v42"
    await world.work()

    assert State.VOID == await world.state(operation)
    assert [] == world.web.rolled_back
    assert "(release v41 became release v42); nothing ran" in await world.sees("operation:OP-1")
    assert "v42 → v40" in await world.sees("operation:OP-2")
    assert State.PENDING == (await world.operations.find("OP-2")).state


async def test_what_is_done_already_is_not_done_again(world: World) -> None:
    """Somebody rolled back by hand meanwhile: nothing runs, and the message says why."""
    operation = await approved(world)
    world.web.current = "v40"
    await world.work()

    assert State.VOID == await world.state(operation)
    assert "already runs v40" in await world.sees("operation:OP-1")
    assert [] == world.web.rolled_back


async def test_counts_and_health_are_no_drift(world: World) -> None:
    """Only material state binds: worse health is the reason to run it, not against it."""
    operation = await approved(world)
    world.health.status, world.health.value = Status.CRITICAL, "503"
    await world.work()

    assert ["v40"] == world.web.rolled_back
    assert State.SUCCEEDED == await world.state(operation)


async def test_a_timeout_after_the_work_is_observed_not_repeated(world: World) -> None:
    """The provider did it and the answer was lost: unknown, then observed as done; one call in all."""
    world.web.after = OutcomeUnknown("Netlify did not answer in 10 s.")
    operation = await approved(world)
    await world.work()

    assert ["v40"] == world.web.rolled_back
    assert State.SUCCEEDED == await world.state(operation)
    assert "observed: shop/web runs v40" in await world.sees("operation:OP-1")
    kinds = [kind for _, kind, _ in await world.audit()]
    assert kinds.count("operation.unknown") == 1


async def test_a_timeout_before_the_work_is_believed_once_nothing_can_be_under_way(world: World) -> None:
    """Until the action's patience has passed, "it did not happen" is believed by nobody, however often it is seen."""
    world.web.before = OutcomeUnknown("Netlify did not answer in 10 s.")
    operation = await approved(world)
    await world.work()
    assert State.UNKNOWN == await world.state(operation)
    assert ["shop/web"] == await world.locks()
    assert "[Observe again] [It happened] [It did not]" in await world.sees("operation:OP-1")

    for _ in range(5):
        world.clock.advance(11 * SECOND)
        await world.work()
        assert State.UNKNOWN == await world.state(operation)
        assert ["shop/web"] == await world.locks()
    assert (
        "Netlify did not answer in 10 s.; looked again: shop/web runs v41, and its step may still be under way for 5 s"
        in await world.sees("operation:OP-1")
    )
    with pytest.raises(Conflict, match="may still be under way for 5"):
        await world.operations.settle_unknown(operation.token, ENGINEER, happened=False)

    world.clock.advance(5 * SECOND)
    await world.work()

    assert State.FAILED == await world.state(operation)
    assert [] == world.web.rolled_back
    assert [] == await world.locks()


async def test_a_failed_rollback_keeps_its_cause(world: World) -> None:
    """However often it is looked at, the message and the thread still say why it failed, and whoever asked is told."""
    world.web.before = OutcomeUnknown("Netlify answered 502: upstream timed out.")
    operation = await approved(world)
    await world.work()
    for _ in range(6):
        world.clock.advance(11 * SECOND)
        await world.work()
        assert "Netlify answered 502: upstream timed out." in await world.sees("operation:OP-1")

    assert State.FAILED == await world.state(operation)
    assert "observed: shop/web runs v41" in await world.sees("operation:OP-1")
    assert (await world.sees("operation:OP-1:outcome")).startswith("@sre: failed: Netlify answered 502")


async def test_a_refusal_of_the_provider_fails_it(world: World) -> None:
    """A clear no is no mystery: failed, with the provider's reason, nothing to undo."""
    world.web.before = Rejected("Netlify refuses: deploy v40 was deleted (404).")
    operation = await approved(world)
    await world.work()

    ended = await world.now(operation)
    assert State.FAILED == ended.state
    assert "deploy v40 was deleted" in await world.sees("operation:OP-1")
    assert ended.undo_until is None


async def test_an_approval_outlives_a_moment_in_which_its_plan_cannot_be_compared(world: World) -> None:
    """A timeout while planning again costs the approver nothing: it is tried again, and runs once."""
    operation = await approved(world)
    releases, times = world.web.releases, 3

    async def refuses() -> object:
        nonlocal times
        times -= 1
        if times >= 0:
            raise Unreachable("Netlify refuses connections.")
        return await releases()

    world.web.releases = refuses  # type: ignore[assignment, method-assign] # a port that is down for a while
    await world.work()
    assert State.APPROVED == await world.state(operation)
    assert [] == await world.locks()
    assert "compared with its plan: Netlify refuses connections" in await world.sees("operation:OP-1")
    for _ in range(3):
        world.clock.advance(2 * SECOND)
        await world.work()

    assert State.SUCCEEDED == await world.state(operation)
    assert ["v40"] == world.web.rolled_back


async def test_a_provider_that_stays_unreachable_voids_it_after_a_minute(world: World) -> None:
    """What cannot be checked again does not run."""
    operation = await approved(world)

    async def refuses() -> None:
        raise Unreachable("Netlify refuses connections.")

    world.web.releases = refuses  # type: ignore[assignment, method-assign] # a port that is down
    await world.work()
    world.clock.advance(MINUTE)
    await world.work()

    assert State.VOID == await world.state(operation)
    assert [] == world.web.rolled_back


async def test_a_lapsed_claim_is_free_again(world: World) -> None:
    """A process that died between claim and start ran nothing; another one runs it."""
    operation = await approved(world)
    dead = world.replica("dead").execution
    assert await dead._claims.claim(operation.number, world.clock.now())
    await world.work()
    assert [] == world.web.rolled_back

    world.clock.advance(LEASE)
    await world.work()

    assert ["v40"] == world.web.rolled_back
    assert State.SUCCEEDED == await world.state(operation)


@pytest.mark.parametrize("worked", [True, False], ids=["the work was done", "the work was not done"])
async def test_a_lapsed_run_is_observed_and_never_repeated(world: World, *, worked: bool) -> None:
    """After a crash in mid-step nobody knows: the bot looks, reports, and does not call again."""
    operation = await approved(world)
    dead = world.replica("dead").execution
    await dead._claims.claim(operation.number, world.clock.now())
    claimed = await world.now(operation)
    await dead._start(claimed, "web 503")
    lease = Lease(world.ledger, world.clock, "dead", operation.number)
    attempt = _Attempt(0, claimed.plan.steps[0], '"v41"')
    await dead._steps._begin(claimed, attempt, world.web.patience, lease)
    if worked:
        world.web.current = "v40"

    world.clock.advance(LEASE)
    await world.work()
    assert (State.SUCCEEDED if worked else State.UNKNOWN) == await world.state(operation)
    world.clock.advance(world.web.patience)
    await world.work()

    assert [] == world.web.rolled_back
    assert (State.SUCCEEDED if worked else State.FAILED) == await world.state(operation)


async def test_a_run_that_lost_its_lease_begins_no_further_step(world: World) -> None:
    """A process that was paused for too long writes no intent any more."""
    operation = await world.operations.propose(await world.restart(), SRE, "stuck")
    await world.operations.decide(operation.token, SRE, "confirm")
    slow = world.replica("slow")

    async def taken_over() -> None:
        world.clock.advance(LEASE + 1)
        await world.operations.execution.run(world.clock.now())

    unpaused = world.docker.restart

    async def paused(unit: object) -> None:
        await unpaused(unit)  # type: ignore[arg-type] # the same unit
        await taken_over()

    world.docker.restart = paused  # type: ignore[method-assign] # a step during which the process hangs
    await slow.execution.run(world.clock.now())
    await slow.execution.idle()
    world.clock.advance(MINUTE)
    await world.work()

    assert ["worker-1"] == world.docker.restarted
    assert State.FAILED == await world.state(operation)
    assert "only 1 of 2 steps were run" in await world.sees("operation:OP-1")


async def test_two_replicas_run_it_once(world: World) -> None:
    """Claims of the same moment: one of them wins."""
    operations = [await approved(world)]
    other = world.replica("two")
    await asyncio.gather(*(each.execution.run(world.clock.now()) for each in (world.operations, other) * 5))
    await asyncio.gather(world.operations.execution.idle(), other.execution.idle())

    assert ["v40"] == world.web.rolled_back
    assert State.SUCCEEDED == await world.state(operations[0])


async def test_a_locked_target_waits_and_shows_by_whom(world: World) -> None:
    """An operation waits for the one before it on the same component, and says which and for how long."""
    first = await approved(world)
    dead = world.replica("dead").execution
    await dead._claims.claim(first.number, world.clock.now())
    world.clock.advance(4 * SECOND)
    second = await world.asked(release="v39")
    await world.operations.decide(second.token, LEAD, "approve")
    await world.work()

    assert State.APPROVED == await world.state(second)
    assert "waits for shop/web, locked by OP-1 for 4 s" in await world.sees("operation:OP-2")


async def test_an_approval_that_waited_for_a_lock_outlives_a_timeout(world: World) -> None:
    """Its minute to be compared begins when its locks are free: one timeout then wakes no approver."""
    world.web.patience = 90 * SECOND
    world.web.before = OutcomeUnknown("no answer")
    first = await approved(world)
    await world.work()
    second = await world.asked(release="v39")
    await world.operations.decide(second.token, LEAD, "approve")
    await world.work()
    assert "waits for shop/web, locked by OP-1" in await world.sees("operation:OP-2")
    world.clock.advance(90 * SECOND)
    await world.operations.settle_unknown(first.token, ENGINEER, happened=False)
    releases = world.web.releases

    async def times_out() -> object:
        world.web.releases = releases  # type: ignore[method-assign] # once
        raise Unreachable("Netlify gave no answer.")

    world.web.releases = times_out  # type: ignore[assignment, method-assign] # a port that is slow for a moment
    await world.work()
    assert State.APPROVED == await world.state(second)
    assert "tried again until" in (message := await world.sees("operation:OP-2"))
    assert "Netlify gave no answer." in message
    world.clock.advance(2 * SECOND)
    await world.work()

    assert State.SUCCEEDED == await world.state(second)
    assert ["v39"] == world.web.rolled_back


async def test_unknown_keeps_its_lock_until_a_person_settles_it(world: World) -> None:
    """Nothing else runs on a component while nobody knows what happened to it."""
    world.web.before = OutcomeUnknown("no answer")
    operation = await approved(world)
    original = world.web.releases
    releases_seen = 0

    async def hidden() -> object:
        nonlocal releases_seen
        releases_seen += 1
        if releases_seen > 3:
            raise Unreachable("Netlify refuses connections.")
        return await original()

    world.web.releases = hidden  # type: ignore[assignment, method-assign] # it goes down after the step
    await world.work()
    world.clock.advance(MINUTE)
    await world.work()
    assert State.UNKNOWN == await world.state(operation)
    assert ["shop/web"] == await world.locks()

    with pytest.raises(Refused):
        await world.operations.settle_unknown(operation.token, STRANGER, happened=True)
    assert ("U0STRANGER", "operation.refused", operation.id) in await world.audit()
    await world.operations.settle_unknown(operation.token, ENGINEER, happened=False)
    with pytest.raises(Conflict):
        await world.operations.settle_unknown(operation.token, ENGINEER, happened=True)

    assert State.FAILED == await world.state(operation)
    assert "It did not happen, says engineer" in await world.sees("operation:OP-1")
    assert [] == await world.locks()


async def test_observing_again_finds_out(world: World) -> None:
    """After the bot gave up looking, a person can ask it to look once more."""
    world.web.before = OutcomeUnknown("no answer")
    operation = await approved(world)
    await world.work()
    world.web.current = "v40"

    await world.operations.observe(operation.token, ENGINEER)
    await world.work()

    assert State.SUCCEEDED == await world.state(operation)


async def test_verification_waits_a_minute_for_the_checks(world: World) -> None:
    """Checks that are not healthy at once get a minute; then the message warns and offers the undo."""
    world.health.status, world.health.value = Status.CRITICAL, "503"
    operation = await approved(world)
    await world.work()
    assert "checking" in await world.sees("operation:OP-1")

    world.clock.advance(MINUTE)
    await world.work()

    assert "⚠️ not verified: web 503" in (message := await world.sees("operation:OP-1"))
    assert "[Undo]" in message
    assert "Before: web 503" in await world.sees("operation:OP-1:outcome")
    assert "After, still not healthy: web 503" in await world.sees("operation:OP-1:after")
    assert State.SUCCEEDED == await world.state(operation)


async def test_the_undo_is_covered_for_half_an_hour(world: World) -> None:
    """Within 30 min the original approval suffices; the undo runs once and both messages say so."""
    operation = await approved(world)
    await world.work()
    world.clock.advance(30 * MINUTE)

    with pytest.raises(Refused):
        await world.operations.undo(operation.token, STRANGER)
    undo = await world.operations.undo(operation.token, ENGINEER)
    with pytest.raises(Conflict, match="undone already, by OP-2"):
        await world.operations.undo(operation.token, SRE)
    await world.work()

    assert ["v40", "v41"] == world.web.rolled_back
    assert State.SUCCEEDED == await world.state(undo)
    assert "undone by OP-2" in (message := await world.sees("operation:OP-1"))
    assert "[Undo]" not in message


async def test_a_late_undo_needs_its_own_approval(world: World) -> None:
    """After 30 min the undo is a request like any other."""
    operation = await approved(world)
    await world.work()
    world.clock.advance(30 * MINUTE + 1)

    undo = await world.operations.undo(operation.token, ENGINEER)
    await world.work()

    assert State.PENDING == undo.state
    assert ["v40"] == world.web.rolled_back


async def test_an_undo_after_another_release_is_refused(world: World) -> None:
    """An undo restores what was there only while its own effect stands."""
    operation = await approved(world)
    await world.work()
    world.web.names.insert(0, "v42")
    world.web.current = "v42"

    with pytest.raises(Refused, match="does not run v40 any more"):
        await world.operations.undo(operation.token, ENGINEER)


async def test_an_undo_that_came_to_nothing_can_be_tried_again(world: World) -> None:
    """A refused undo leaves the original undoable, once."""
    operation = await approved(world)
    await world.work()
    world.web.before = Rejected("Netlify refuses: try later (422).")
    failed = await world.operations.undo(operation.token, ENGINEER)
    await world.work()
    again = await world.operations.undo(operation.token, ENGINEER)
    await world.work()

    assert (State.FAILED, State.SUCCEEDED) == (await world.state(failed), await world.state(again))
    assert ["v40", "v41"] == world.web.rolled_back
    assert "undone by OP-3" in await world.sees("operation:OP-1")


async def test_a_change_runs_once_its_requester_confirms(world: World) -> None:
    """A change shows its plan to the requester, and runs for all of its units after the confirmation."""
    operation = await world.operations.propose(await world.restart(), SRE, "memory leak")
    await world.work()
    assert {} == await world.messages()
    assert [] == world.docker.restarted

    await world.operations.decide(operation.token, SRE, "confirm")
    await world.work()

    assert ["worker-1", "worker-2"] == world.docker.restarted
    assert "verified: containers" in await world.sees("operation:OP-1")


async def test_restarting_a_database_needs_someone_else(world: World) -> None:
    """A database among the components makes it a p0."""
    operation = await world.operations.propose(await world.restart("worker", "postgres"), SRE, "stuck")

    assert State.PENDING == operation.state
    with pytest.raises(Conflict):
        await world.operations.decide(operation.token, SRE, "confirm")
    await world.operations.decide(operation.token, MANAGER, "approve")
    await world.work()

    assert ["worker-1", "worker-2", "postgres-1", "postgres-2"] == world.docker.restarted


async def test_a_step_that_fails_ends_it_there(world: World) -> None:
    """What is left of the plan is not run, and the message names the step."""
    operation = await world.operations.propose(await world.restart(), SRE, "stuck")
    await world.operations.decide(operation.token, SRE, "confirm")
    world.docker.before = Rejected("Docker has no such container (404).")
    await world.work()

    assert State.FAILED == await world.state(operation)
    assert "step 1 of 2: Docker has no such container" in await world.sees("operation:OP-1")


async def test_a_defect_in_an_action_leaves_it_unknown(world: World) -> None:
    """An unexpected error inside a step says nothing about its effect: it is observed like a lost answer."""
    operation = await approved(world)
    calls = 0

    async def defective(target: object) -> None:
        nonlocal calls
        calls += 1
        raise ValueError(f"defect with {target}")

    world.web.roll_back = defective  # type: ignore[method-assign] # a defect of ours
    await world.work()
    assert State.UNKNOWN == await world.state(operation)

    world.clock.advance(world.web.patience)
    await world.work()

    assert State.FAILED == await world.state(operation)
    assert calls == 1


async def test_a_dry_run_is_the_same_plan_and_stores_nothing(world: World) -> None:
    """A dry run shows what would be asked for."""
    dry = await world.operations.propose(world.roll_back(), SRE, "503", dry_run=True)
    real = await world.asked()

    assert (dry.plan, dry.fingerprint) == (real.plan, real.fingerprint)
    assert dry.number == 0
    assert real.number == 1
    with pytest.raises(NotFound):
        await world.operations.find(dry.token)


async def test_it_can_be_cancelled_until_it_runs(world: World) -> None:
    """The requester may withdraw it, also after the approval; after the run it is too late."""
    first, second = await approved(world), await world.asked(release="v39")
    await world.operations.decide(first.token, SRE, "cancel")
    await world.operations.decide(second.token, SRE, "cancel")
    await world.work()

    assert [] == world.web.rolled_back
    with pytest.raises(Conflict, match="already cancelled by sre"):
        await world.operations.decide(first.token, LEAD, "approve")


async def test_a_stop_leaves_what_takes_too_long_to_be_observed(world: World) -> None:
    """A graceful stop waits for steps; one that outlasts its patience is looked at by another process."""
    operation = await approved(world)
    entered = asyncio.Event()

    async def slow(target: object) -> None:
        del target
        world.web.current = "v40"
        entered.set()
        await asyncio.Event().wait()

    world.web.roll_back = slow  # type: ignore[method-assign] # a step that never answers
    await world.operations.execution.run(world.clock.now())
    await asyncio.wait_for(entered.wait(), 5)
    await world.operations.execution.stop(0.01)
    world.clock.advance(LEASE)
    await world.work(world.replica("next"))

    assert State.SUCCEEDED == await world.state(operation)
