"""What each action plans, does, sees and takes back."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import pytest

from bot.domain.errors import (
    Conflict,
    NotFound,
    OutcomeUnknown,
    Refused,
    Rejected,
    TargetError,
    Unauthorized,
    Unreachable,
)
from bot.domain.people import Actor
from bot.domain.policy import Risk
from bot.domain.reading import Status
from bot.domain.timing import DAY, MINUTE, SECOND
from bot.operations.action import Action, ActionKind, Actions
from bot.operations.actions import ACTIONS
from bot.operations.actions.clear_stuck import ClearStuck
from bot.operations.actions.lock_publishing import LockPublishing
from bot.operations.actions.remove_expired import RemoveExpired
from bot.operations.actions.restart import Restart
from bot.operations.actions.retry_failed import BATCH, RetryFailed
from bot.operations.actions.roll_back import RollBack
from bot.operations.model import Operation, State
from bot.operations.ports import OpenIncident
from bot.operations.replies import plan_text
from bot.ports import Job, Release
from tests.operations.world import LEAD, SRE, World, jobs

pytestmark = pytest.mark.ledger


async def run(world: World, action: Action, actor: Actor = SRE) -> Operation:
    """Propose it, have it confirmed or approved, and let it run."""
    operation = await world.operations.propose(action, actor, "a reason")
    p0 = operation.state is State.PENDING
    await world.operations.decide(operation.token, LEAD if p0 else actor, "approve" if p0 else "confirm")
    await world.work()
    return await world.now(operation)


def failed(count: int) -> dict[str, Job]:
    """Failed jobs by id."""
    return {str(each): Job(str(each), "send-batch", since=each, attempts=3) for each in range(1, count + 1)}


@pytest.mark.parametrize(
    ("wanted", "release"),
    [
        pytest.param("previous", "v40", id="previous is the newest before the current one"),
        pytest.param("v39", "v39", id="a release by its id"),
    ],
)
async def test_the_release_meant(world: World, wanted: str, release: str) -> None:
    """A person may name a release or say `previous`."""
    assert release == (await RollBack.to(world.systems, "shop", "web", wanted)).release


@pytest.mark.parametrize(
    ("component", "wanted", "error", "text"),
    [
        pytest.param("web", "v4", NotFound, "there are v4", id="an unknown release names the nearest"),
        pytest.param("wbe", "v40", NotFound, "did you mean web", id="an unknown component names the nearest"),
        pytest.param("worker", "v40", Refused, "no deployment", id="what is not deployed cannot be rolled back"),
    ],
)
async def test_a_release_that_is_not_there(
    world: World, component: str, wanted: str, error: type[Exception], text: str
) -> None:
    """The text offers what there is."""
    with pytest.raises(error, match=text):
        await RollBack.to(world.systems, "shop", component, wanted)


async def test_there_is_nothing_before_the_oldest_release(world: World) -> None:
    """`previous` of the oldest release is nothing."""
    world.web.current = "v39"

    with pytest.raises(NotFound, match="no release before v39"):
        await RollBack.to(world.systems, "shop", "web", "previous")


async def test_rolling_back_to_the_current_release_is_refused(world: World) -> None:
    """The text says that there is nothing to do."""
    with pytest.raises(Conflict, match="already runs v41; name another release"):
        await world.operations.propose(world.roll_back("v41"), SRE, "503")


async def test_retrying_takes_exactly_the_frozen_jobs(world: World) -> None:
    """Jobs that failed after the plan stay; jobs that are no longer failed are skipped and named."""
    world.queue.failed_jobs = failed(3)
    action = await RetryFailed.of(world.systems, "shop", "jobs")
    del world.queue.failed_jobs["2"]
    world.queue.failed_jobs["late"] = Job("late", "x")

    operation = await run(world, action)

    assert ["late"] == list(world.queue.failed_jobs)
    assert State.SUCCEEDED == operation.state
    assert "2 retried; 1 skipped, no longer failed: 2" in await world.sees("operation:OP-1:outcome")


async def test_a_jobs_id_forges_no_line_of_the_plan(world: World) -> None:
    """Whoever adds a job chooses its id: one that is no plain id is shown as a mark of its own, never as it is."""
    odd = "7\n  2. nothing else\x1b[2J\udc80"
    world.queue.failed_jobs = {odd: Job(odd, "mail")}

    operation = await run(world, await RetryFailed.of(world.systems, "shop", "jobs"))
    plan = plan_text(operation)

    assert {} == world.queue.failed_jobs
    assert "reprocessJob × 1: id#" in plan
    assert "nothing else" not in plan
    assert "\n  2." not in plan


async def test_many_jobs_are_retried_in_batches(world: World) -> None:
    """Each batch is a step of its own in the journal."""
    world.queue.failed_jobs = failed(2 * BATCH + 1)

    operation = await run(world, await RetryFailed.of(world.systems, "shop", "jobs"))

    assert len(operation.plan.steps) == 3
    assert {} == world.queue.failed_jobs


async def test_a_retry_of_more_than_one_run_holds_tells_what_stays_and_offers_it_next(world: World) -> None:
    """1,200 failed jobs: 500 are retried, 700 stay, told before and after; newer failures change nothing of it."""
    world.queue.failed_jobs = failed(1200)
    action = await RetryFailed.of(world.systems, "shop", "jobs")
    late = {f"late-{each}": Job(f"late-{each}", "send-batch") for each in range(600)}
    world.queue.failed_jobs = {**late, **world.queue.failed_jobs}

    operation = await run(world, action)
    told = await world.sees("operation:OP-1")

    assert "1,300 more failed jobs stay as they are; they are offered next" in operation.plan.does
    assert 1300 == len(world.queue.failed_jobs)
    assert "but 1,300 jobs are still failed" in told
    assert "Retry the next…" in told
    assert "• 25 retried ×20" in await world.sees("operation:OP-1:outcome")


async def test_an_operation_of_several_steps_tells_how_far_it_is_in_its_one_message(world: World) -> None:
    """Edited, not posted again: `running: step 2 of 3`."""
    world.queue.failed_jobs = failed(2 * BATCH + 1)
    seen: list[str] = []
    retry = world.queue.retry

    async def watched(job_id: str) -> bool:
        told = await world.sees("operation:OP-1")
        seen.append(told[told.index("running") :].split("\n")[0])
        return await retry(job_id)

    world.queue.retry = watched  # type: ignore[method-assign] # what people see meanwhile
    await run(world, await RetryFailed.of(world.systems, "shop", "jobs"))

    assert ["running: step 1 of 3", "running: step 2 of 3", "running: step 3 of 3"] == list(dict.fromkeys(seen))


async def test_a_retry_whose_jobs_would_only_wait_says_so(world: World) -> None:
    """A paused queue, or one without a worker, takes them and does nothing."""
    world.queue.failed_jobs = failed(1)
    world.queue.idle = True

    plan = await (await RetryFailed.of(world.systems, "shop", "jobs")).plan()

    assert "the queue is paused: what is retried waits until somebody resumes it" in plan.does
    assert "no worker is connected: what is retried waits until one is" in plan.does


async def test_a_retry_that_would_lose_jobs_is_refused(world: World) -> None:
    """The reason of the queue is told, and nothing is asked for."""
    world.queue.failed_jobs = failed(1)
    action = await RetryFailed.of(world.systems, "shop", "jobs")
    world.queue.lossy = "The queue is paused and of an older generation."

    with pytest.raises(Refused, match=r"would lose jobs\. The queue is paused"):
        await world.operations.propose(action, SRE, "")


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(Rejected("The queue was paused."), id="the queue was paused"),
        pytest.param(Unauthorized("The password was changed."), id="the password was changed"),
    ],
)
async def test_a_retry_refused_half_way_tells_what_is_left(world: World, refusal: TargetError) -> None:
    """What was retried stays retried; the rest is named, is no success, and is offered next."""
    world.queue.failed_jobs = failed(3)
    retry, done = world.queue.retry, 0

    async def refusing(job_id: str) -> bool:
        nonlocal done
        done += 1
        if done == 2:
            raise refusal
        return await retry(job_id)

    world.queue.retry = refusing  # type: ignore[method-assign] # it refuses from the second job on
    await run(world, await RetryFailed.of(world.systems, "shop", "jobs"))
    told = await world.sees("operation:OP-1")

    assert f"1 retried; then refused: {refusal} Not retried: 2, 3" in await world.sees("operation:OP-1:outcome")
    assert told.startswith("⚠️ Retry 3 failed jobs")
    assert "but 2 jobs were not retried" in told
    assert "[Retry the next…]" in told


async def test_a_lost_answer_of_a_retry_is_observed(world: World) -> None:
    """Jobs that left their failed state were retried; none is retried a second time."""
    world.queue.failed_jobs = failed(1)
    world.queue.after = OutcomeUnknown("no answer")

    operation = await run(world, await RetryFailed.of(world.systems, "shop", "jobs"))

    assert State.SUCCEEDED == operation.state
    assert "every job left its failed state" in operation.note


async def test_clearing_and_putting_back(world: World) -> None:
    """Only entries older than the limit go, whole in the journal, and the undo puts them back as they were."""
    old, fresh = jobs(world.clock, "a", "b"), jobs(world.clock, "c", age=MINUTE)
    world.queue.processing = [*old, *fresh]

    operation = await run(world, await ClearStuck.of(world.systems, world.clock, "shop", "jobs"))
    assert fresh == world.queue.processing
    await world.operations.undo(operation.token, LEAD)
    await world.work()

    assert sorted([*old, *fresh], key=lambda job: job.id) == sorted(world.queue.processing, key=lambda job: job.id)
    assert "2 put back" in await world.sees("operation:OP-2:outcome")


async def test_only_what_was_removed_is_put_back(world: World) -> None:
    """An entry that a worker finished meanwhile is skipped, and never comes back."""
    world.queue.processing = jobs(world.clock, "a", "b")
    action = await ClearStuck.of(world.systems, world.clock, "shop", "jobs")
    world.queue.processing.pop()

    operation = await run(world, action)
    await world.operations.undo(operation.token, LEAD)
    await world.work()

    assert "1 removed; 1 skipped, moved on meanwhile: b" in await world.sees("operation:OP-1:outcome")
    assert ["a"] == [job.id for job in world.queue.processing]


async def test_what_nobody_knows_to_have_been_removed_is_not_put_back(world: World) -> None:
    """The answer was lost, and the workers may have finished the entries by themselves: put back, they run again."""
    world.queue.processing = jobs(world.clock, "a", "b")

    async def lost(found: Sequence[Job]) -> Sequence[str]:
        del found
        world.queue.processing.clear()
        raise OutcomeUnknown("no answer")

    world.queue.remove = lost  # type: ignore[assignment, method-assign] # it never arrives, and the workers finish meanwhile
    operation = await run(world, await ClearStuck.of(world.systems, world.clock, "shop", "jobs"))
    told = await world.sees("operation:OP-1")

    assert State.SUCCEEDED == operation.state
    assert "[Undo]" not in told
    assert "nobody knows whether this or a worker removed them, so none is put back" in told
    with pytest.raises(Refused, match="OP-1 has no undo: nothing is known to have been done by it"):
        await world.operations.undo(operation.token, LEAD)
    assert [] == world.queue.processing


@pytest.mark.parametrize(
    ("place", "action"),
    [
        pytest.param("processing", ClearStuck, id="the workers finished all of what was stuck"),
        pytest.param("waiting", RemoveExpired, id="the workers took all of what was expired"),
    ],
)
async def test_a_removal_that_removed_nothing_is_no_plain_success(
    world: World, place: str, action: type[ClearStuck | RemoveExpired]
) -> None:
    """Nothing is left to remove, but not by this; there is nothing to put back either."""
    setattr(world.queue, place, jobs(world.clock, "a", "b", age=DAY))
    take = world.queue._take

    def taken(place: list[Job], found: Sequence[Job]) -> Sequence[str]:
        place.clear()
        return take(place, found)

    world.queue._take = taken  # type: ignore[assignment, method-assign]
    await run(world, await action.of(world.systems, world.clock, "shop", "jobs"))
    told = await world.sees("operation:OP-1")

    assert told.startswith("⚠️ ")
    assert "but nothing was removed: every entry" in told
    assert "[Undo]" not in told


async def test_removing_expired_entries(world: World) -> None:
    """Exactly those that the plan listed, with count and samples first."""
    expired, fresh = jobs(world.clock, "a", "b", age=DAY), jobs(world.clock, "c", age=MINUTE)
    world.queue.waiting = [*expired, *fresh]
    action = await RemoveExpired.of(world.systems, world.clock, "shop", "jobs")
    plan = await action.plan()
    world.queue.waiting += jobs(world.clock, "d", age=DAY)

    await run(world, action)

    assert ("2 entries: a, b",) == plan.touches
    assert ["c", "d"] == [job.id for job in world.queue.waiting]


async def test_a_restart_is_seen_by_its_start_time(world: World) -> None:
    """A unit that runs but did not start anew was not restarted."""

    async def ignored(unit: object) -> None:
        del unit

    world.docker.restart = ignored  # type: ignore[method-assign] # it answers and does nothing
    operation = await run(world, await world.restart())

    assert State.FAILED == operation.state
    assert "worker-1) is running, not restarted" in operation.note


@pytest.mark.parametrize("state", ["starting", "unhealthy"])
async def test_a_restarted_unit_has_yet_to_become_well(world: World, state: str) -> None:
    """A container with a health check is `starting` at first: it was restarted, and the checks judge the rest."""
    world.docker.becomes, world.health.status = state, Status.CRITICAL
    operation = await run(world, await world.restart())
    assert State.SUCCEEDED == operation.state
    assert ", checking" in await world.sees("operation:OP-1")
    assert [] == await world.locks()

    world.health.status = Status.HEALTHY
    world.clock.advance(3 * SECOND)
    await world.work()

    assert "verified: containers" in await world.sees("operation:OP-1")


async def test_a_unit_that_started_anew_and_does_not_run_is_looked_at_again(world: World) -> None:
    """It may be between two starts: not a failure yet, and done once it runs."""
    world.docker.becomes = "restarting"
    operation = await run(world, await world.restart())
    assert State.UNKNOWN == operation.state
    assert "outcome unknown: worker (worker-1) started anew and is restarting" in await world.sees("operation:OP-1")

    world.docker.all = {name: replace(unit, state="running") for name, unit in world.docker.all.items()}
    world.clock.advance(5 * SECOND)
    await world.work()

    assert State.SUCCEEDED == await world.state(operation)
    assert "worker (worker-1) is running, restarted" in await world.sees("operation:OP-1")


async def test_a_rollback_whose_release_has_exited_is_not_done(world: World) -> None:
    """The call answered, and nothing of it runs: looked at again with the reason in sight, then left to people."""
    components = world.systems["shop"].components
    components["web"] = replace(components["web"], verify=())  # type: ignore[index] # the bot only reads them
    world.web.exits = "web-1 is exited with shop:v40"
    operation = await run(world, world.roll_back())
    unknown = "outcome unknown: shop/web has v40, and it does not run; web-1 is exited with shop:v40"
    assert State.UNKNOWN == operation.state
    assert unknown in await world.sees("operation:OP-1")
    for wait in (5 * SECOND, 30 * SECOND, MINUTE):
        world.clock.advance(wait)
        await world.work()

    assert State.UNKNOWN == await world.state(operation)
    assert unknown in (message := await world.sees("operation:OP-1"))
    assert "[Observe again] [It happened] [It did not]" in message
    assert not [key for key in await world.messages() if "✅" in await world.sees(key)]


async def test_a_unit_that_is_gone_voids_the_restart(world: World) -> None:
    """A container that was made anew meanwhile is not the one that was shown."""
    action = await world.restart()
    operation = await world.operations.propose(action, SRE, "leak")
    del world.docker.all["worker-2"]
    await world.operations.decide(operation.token, SRE, "confirm")
    await world.work()

    assert State.VOID == await world.state(operation)
    assert [] == world.docker.restarted


@pytest.mark.parametrize("kind", ["retry", "clear", "remove"])
async def test_nothing_to_do_is_said(world: World, kind: str) -> None:
    """An empty plan is not proposed."""
    makers: dict[str, Callable[[], Awaitable[Action]]] = {
        "retry": lambda: RetryFailed.of(world.systems, "shop", "jobs"),
        "clear": lambda: ClearStuck.of(world.systems, world.clock, "shop", "jobs"),
        "remove": lambda: RemoveExpired.of(world.systems, world.clock, "shop", "jobs"),
    }

    with pytest.raises(Conflict, match="nothing to"):
        await makers[kind]()


async def test_what_cannot_be_restarted_says_so(world: World) -> None:
    """A component without a restart is refused by name."""
    with pytest.raises(Refused, match="shop/web cannot be restarted from here"):
        await Restart.of(world.systems, "shop", ["web"])


async def test_every_action_is_the_same_after_its_way_through_the_ledger(world: World) -> None:
    """An action rebuilt from its stored parameters has the same name, targets, plan and fingerprint."""
    world.queue.failed_jobs = failed(2)
    world.web.left_to_do = "publishing is not locked"
    world.queue.processing, world.queue.waiting = jobs(world.clock, "a"), jobs(world.clock, "b", age=2 * DAY)
    stuck = await ClearStuck.of(world.systems, world.clock, "shop", "jobs")
    actions: list[Action] = [
        world.roll_back(),
        await world.restart("worker", "postgres"),
        await RetryFailed.of(world.systems, "shop", "jobs"),
        stuck,
        await RemoveExpired.of(world.systems, world.clock, "shop", "jobs"),
        await LockPublishing.of(world.systems, "shop", "web"),
    ]
    loader = Actions(ACTIONS, world.systems, world.clock)
    for action in actions:
        rebuilt = loader.load(action.name, action.parameters())

        assert action == rebuilt
        assert json.loads(action.parameters()) == json.loads(rebuilt.parameters())
        assert await action.plan() == await rebuilt.plan()
    assert {kind.name for kind in ACTIONS} == {action.name for action in actions} | {"put_back"}


async def test_a_lost_put_back_is_observed(world: World) -> None:
    """Putting back is observed like anything else."""
    entries = jobs(world.clock, "a")
    world.queue.processing = list(entries)
    cleared = await run(world, await ClearStuck.of(world.systems, world.clock, "shop", "jobs"))
    put_back = world.queue.put_back

    async def lost(found: list[Job]) -> list[str]:
        await put_back(found)
        raise OutcomeUnknown("no answer")

    world.queue.put_back = lost  # type: ignore[assignment, method-assign] # the answer is lost
    undo = await world.operations.undo(cleared.token, LEAD)
    await world.work()
    world.clock.advance(10 * SECOND)
    await world.work()

    assert State.SUCCEEDED == await world.state(undo)
    assert entries == world.queue.processing


async def test_what_was_left_is_done_by_itself(world: World) -> None:
    """The lock alone, for the release that still runs; locked already, or released again, there is nothing to do."""
    world.web.left_to_do = "publishing is not locked"
    operation = await world.asked()
    await world.operations.decide(operation.token, LEAD, "approve")
    await world.work()
    assert "⚠️ Roll back shop/web v41 → v40" in await world.sees("operation:OP-1")
    assert "[Lock publishing…] [Undo]" in await world.sees("operation:OP-1")

    action = await LockPublishing.of(world.systems, "shop", "web")
    asked = await world.operations.propose(action, SRE, "left by OP-1")
    await world.operations.decide(asked.token, SRE, "confirm")
    await world.work()

    assert State.SUCCEEDED == await world.state(asked)
    assert "✅ Roll back shop/web v41 → v40" in await world.sees("operation:OP-1")
    assert "Lock publishing…" not in await world.sees("operation:OP-1")
    with pytest.raises(Conflict, match="is locked to v40 already"):
        await action.plan()
    world.web.current = "v41"
    with pytest.raises(Refused, match="does not run v40 any more"):
        await action.plan()


async def test_the_last_change_is_no_retry_of_a_queue(world: World) -> None:
    """What moves entries of a queue is not suspected of an outage; a rollback before it is."""
    rolled = await world.asked()
    await world.operations.decide(rolled.token, LEAD, "approve")
    await world.work()
    world.queue.failed_jobs = failed(1)
    retried = await world.operations.propose(await RetryFailed.of(world.systems, "shop", "jobs"), SRE)
    await world.operations.decide(retried.token, SRE, "confirm")
    await world.work()

    assert State.SUCCEEDED == await world.state(retried)
    changed = await world.operations.last_change("shop")
    assert changed is not None
    assert rolled.number == changed.number


async def test_an_action_that_is_gone_is_refused(world: World) -> None:
    """An operation of an earlier release may name one; it says so instead of failing the duty."""
    loader = Actions(ACTIONS, world.systems, world.clock)

    with pytest.raises(NotFound, match="no action scale_out any more"):
        loader.load("scale_out", "{}")
    assert not loader.emergency("scale_out")


class _Look(Restart):
    """Changes nothing, as it says."""

    name = "look"
    least_risk = Risk.READ


class _Quiet(RollBack):
    """As an adapter brings it: nobody may run it alone."""

    name = "toy.quiet"
    emergency = False


class _Strict(Restart):
    """A P0, whatever it restarts."""

    least_risk = Risk.P0


def test_an_action_is_registered_once_and_changes_something(world: World) -> None:
    """Two of one name would carry out each other's operations; what only reads is no operation."""
    twice: list[ActionKind] = [*ACTIONS, RollBack]
    for wrong in (twice, [_Look]):
        with pytest.raises(ValueError, match="has the name of another one, or changes nothing"):
            Actions(wrong, world.systems, world.clock)


@pytest.mark.parametrize(("kind", "offered"), [(RollBack, True), (_Quiet, False)])
async def test_an_adapters_action_is_run_alone_only_where_it_says_so(
    world: World, kind: type[RollBack], *, offered: bool
) -> None:
    """In a P0 the button is there for what may be run alone, and for nothing that would be refused."""
    world.incidents.open["shop"] = OpenIncident("INC-12", "P0", "Shop is down")
    world.operations = world.replica("two", [*ACTIONS, _Quiet])

    await world.operations.propose(kind(world.systems, "shop", "web", "v40"), SRE, "503")

    assert offered is ("[Emergency run…]" in await world.sees("operation:OP-1"))


async def test_an_action_never_risks_less_than_its_class_declares(world: World) -> None:
    """Whatever one of them says of itself."""
    harmless = await world.restart("worker")
    loader = Actions([_Strict], world.systems, world.clock)

    assert Risk.CHANGE == harmless.risk
    assert Risk.P0 == loader.risk(harmless)


async def test_an_operation_whose_action_is_gone_ends(world: World) -> None:
    """An adapter was taken out between the approval and the run: nothing runs, it says so, and its locks are free."""
    operation = await world.asked()
    await world.operations.decide(operation.token, LEAD, "approve")
    world.operations = world.replica("two", [kind for kind in ACTIONS if kind.name != "roll_back"])
    await world.work()

    assert State.VOID == await world.state(operation)
    assert "There is no action roll_back any more" in (await world.row())["note"]
    assert [] == world.web.rolled_back


async def test_an_unknown_outcome_of_an_action_that_is_gone_can_be_settled(world: World) -> None:
    """A person still says what came of it, and its locks are freed."""
    roll_back = world.web.roll_back

    async def silent() -> Sequence[Release]:
        raise Unreachable("no answer")

    async def lost(target: Release) -> None:
        await roll_back(target)
        world.web.releases = silent  # type: ignore[method-assign] # it goes down after the step
        raise OutcomeUnknown("the answer was lost")

    world.web.roll_back = lost  # type: ignore[method-assign] # its answer is lost
    operation = await world.asked()
    await world.operations.decide(operation.token, LEAD, "approve")
    await world.work()
    assert State.UNKNOWN == await world.state(operation)

    world.operations = world.replica("two", [kind for kind in ACTIONS if kind.name != "roll_back"])
    await world.operations.settle_unknown(operation.token, LEAD, happened=True)

    assert State.SUCCEEDED == await world.state(operation)
