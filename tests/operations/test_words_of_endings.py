"""What a run says and leaves behind, to the letter: notes, audit rows, messages, and when it is looked at again."""

import asyncio
from typing import Any

import pytest

from bot.domain.errors import BotError, Conflict, OutcomeUnknown, Rejected, Unavailable, Unreachable
from bot.domain.reading import Status
from bot.domain.timing import MINUTE, SECOND
from bot.operations.lease import LEASE, Lease
from bot.operations.model import Operation, State
from bot.operations.steps import _Attempt
from tests.operations.world import ENGINEER, LEAD, SRE, World

pytestmark = pytest.mark.ledger
DOWN = "Netlify refuses connections."
LOST = "no answer within 10 s"


@pytest.fixture
def world(world: World) -> World:
    """People's time and the machine's are two: a lease by the wrong one would not hold."""
    world.clock.shift(7 * SECOND)
    return world


async def approved(world: World, release: str = "v40") -> Operation:
    """A rollback that may run."""
    operation = await world.asked(release=release)
    return await world.operations.decide(operation.token, LEAD, "approve")


def down(world: World, *, after: int = 0) -> None:
    """Nobody can tell which release runs, from the read after these on."""
    releases, reads = world.web.releases, 0

    async def refuses() -> object:
        nonlocal reads
        reads += 1
        if reads > after:
            raise Unreachable(DOWN)
        return await releases()

    world.web.releases = refuses  # type: ignore[method-assign, assignment] # a port that goes down


async def shows(world: World, *names: str) -> tuple[Any, ...]:
    """Columns of the first operation's row."""
    row = await world.row()
    return tuple(row[name] for name in names)


async def test_a_run_that_succeeded_is_kept_and_told(world: World) -> None:
    """Started, succeeded and verified are three rows; the thread gets what was done and the checks around it."""
    await approved(world)
    now = world.clock.now()
    await world.work()

    assert ("succeeded", "", now, now, now + 30 * MINUTE, "yes", "web 200", None, None, None, None) == await shows(
        world,
        *("state", "note", "started_at", "finished_at", "undo_until", "verified", "verification", "verify_at"),
        *("owner", "lease_until", "busy_until"),
    )
    told = [await world.details(f"operation.{kind}") for kind in ("started", "succeeded", "verified")]
    by = (now, "steward", "bot", "OP-1")
    assert [[(*by, {})], [(*by, {"was": "running", "note": ""})], [(*by, {"checks": "web 200"})]] == told
    thread = {
        "created_at": now,
        "channel": "C0ALERTS",
        "fallback": None,
        "lane": "rest",
        "thread_key": "operation:OP-1",
    }
    assert [thread, thread] == [await world.sent(f"operation:OP-1:{key}") for key in ("outcome", "after")]
    assert "done in 0 ms\n• v40 made current\nBefore: web 200" == await world.sees("operation:OP-1:outcome")
    assert "After: web 200" == await world.sees("operation:OP-1:after")
    assert [] == await world.locks()


async def test_a_run_without_checks_is_not_verified(world: World) -> None:
    """It waits for no check, has no undo, and tells what each step did."""
    await world.operations.propose(await world.restart("postgres"), SRE, "locks")
    await world.operations.decide("OP-1", LEAD, "approve")
    await world.work()

    assert ("succeeded", "", "", None, None) == await shows(
        world, "state", "verified", "verification", "verify_at", "undo_until"
    )
    steps = "• postgres (postgres-1) restarted\n• postgres (postgres-2) restarted"
    assert f"done in 0 ms\n{steps}" == await world.sees("operation:OP-1:outcome")
    assert "operation:OP-1:after" not in await world.messages()


async def test_a_refused_step_is_kept_and_told(world: World) -> None:
    """The note names the step; what had no answer is told as that, to whoever waits for it."""
    world.web.before = Rejected("deploy v40 was deleted (404).")
    await approved(world)
    now = world.clock.now()
    await world.work()

    note = "step 1 of 1: deploy v40 was deleted (404)."
    assert ("failed", note, None, "", None) == await shows(
        world, "state", "note", "undo_until", "verified", "verify_at"
    )
    detail = {"was": "running", "note": note}
    assert [(now, "steward", "bot", "OP-1", detail)] == await world.details("operation.failed")
    outcome = f"@sre: failed: {note}\n• make v40 current: no answer\nBefore: web 200"
    assert outcome == await world.sees("operation:OP-1:outcome")


@pytest.mark.parametrize("broken", [False, True])
async def test_checks_get_exactly_a_minute(world: World, *, broken: bool) -> None:
    """Every 3 s they are read; after a minute the last reading stands, or why there is none."""
    world.health.status, world.health.value = Status.CRITICAL, "503"
    if broken:

        async def refuses(system: str, names: object = ()) -> object:
            assert (system, names) == ("shop", ("web",))
            raise Unavailable("the checks hang")

        world.health.readings = refuses  # type: ignore[method-assign, assignment] # nobody can read them
    await approved(world)
    started = world.clock.now()
    await world.work()
    assert ("waiting", started + 3 * SECOND, "") == await shows(world, "verified", "verify_at", "verification")
    world.clock.advance(MINUTE - 1)
    await world.work()
    assert ("waiting", world.clock.now() + 3 * SECOND) == await shows(world, "verified", "verify_at")
    world.clock.advance(1)
    await world.operations.execution._endings.verify(1)
    assert ("waiting",) == await shows(world, "verified")
    world.clock.advance(3 * SECOND)
    await world.work()

    text = "the checks hang" if broken else "web 503"
    assert ("no", None, text) == await shows(world, "verified", "verify_at", "verification")
    detail = {"checks": text}
    assert [(world.clock.now(), "steward", "bot", "OP-1", detail)] == await world.details("operation.not_verified")
    assert f"After, still not healthy: {text}" == await world.sees("operation:OP-1:after")
    assert f"Before: {text}" in await world.sees("operation:OP-1:outcome")


async def test_the_end_of_the_minute_is_part_of_it(world: World) -> None:
    """60 s after the run the checks have had their minute."""
    world.health.status = Status.CRITICAL
    await approved(world)
    await world.work()
    world.clock.advance(MINUTE)
    await world.work()

    assert ("no",) == await shows(world, "verified")


@pytest.mark.parametrize(("now_runs", "state"), [("v39", State.FAILED), ("", State.UNKNOWN)])
async def test_an_answer_is_believed_only_by_what_is_seen(world: World, now_runs: str, state: State) -> None:
    """Every step answered, and yet another release runs, or none can be seen."""
    await approved(world)
    roll_back, now = world.web.roll_back, world.clock.now()

    async def answered(target: Any) -> None:  # noqa: ANN401 - handed on
        await roll_back(target)
        world.web.current = now_runs
        if not now_runs:
            down(world)

    world.web.roll_back = answered  # type: ignore[method-assign] # somebody publishes at the same moment
    await world.operations.execution.run(now)
    await world.operations.execution.idle()

    note = {
        State.FAILED: "shop/web runs v39",
        State.UNKNOWN: f"every step answered, but the result cannot be seen: {DOWN}",
    }[state]
    assert (state.value, note) == await shows(world, "state", "note")
    if state is State.UNKNOWN:
        assert (now, None, None) == await shows(world, "observe_at", "owner", "lease_until")
        assert [(now, "steward", "bot", "OP-1", {"note": note})] == await world.details("operation.unknown")
        assert note in await world.sees("operation:OP-1")
        assert ["shop/web"] == await world.locks()


async def test_the_looks_at_a_lost_answer_come_in_time(world: World) -> None:
    """After 5 s, then each 10 s while a step may be under way, once more when that is over, and not again."""
    world.web.before = OutcomeUnknown(LOST)
    await approved(world)
    now = world.clock.now()
    await world.work()
    assert (now + 5 * SECOND, 1) == await shows(world, "observe_at", "observations")
    assert [(now, "steward", "bot", "OP-1", {"note": LOST})] == await world.details("operation.unknown")
    looks = []
    for wait in (5, 10, 10, 10, 10, 10):
        world.clock.advance(wait * SECOND)
        await world.work()
        looks.append((await shows(world, "observe_at"))[0])
        left = 60 - sum((5, 10, 10, 10, 10, 10)[: len(looks)])
        note = f"{LOST}; looked again: shop/web runs v41, and its step may still be under way for {left} s"
        assert (note,) == await shows(world, "note")
    assert [now + each * SECOND for each in (15, 25, 35, 45, 55, 60)] == looks
    world.clock.advance(5 * SECOND - 1)
    sentence = "The step of OP-1 may still be under way for 1 ms; say then that it did not happen."
    with pytest.raises(Conflict) as told:
        await world.operations.settle_unknown("OP-1", ENGINEER, happened=False)
    assert sentence == str(told.value)
    await world.operations.observe("OP-1", ENGINEER)
    await world.work()
    assert ("unknown", world.clock.now() + 1) == await shows(world, "state", "observe_at")
    assert [(world.clock.now(), "engineer", "slack", "OP-1", {})] == await world.details("operation.observe")
    world.clock.advance(1)
    await world.work()

    note = f"{LOST}; observed: shop/web runs v41"
    assert ("failed", note, None) == await shows(world, "state", "note", "observe_at")
    detail = {"was": "unknown", "note": note}
    assert [(world.clock.now(), "steward", "bot", "OP-1", detail)] == await world.details("operation.failed")


async def test_what_cannot_be_seen_is_left_to_people(world: World) -> None:
    """Nothing is under way any more: two looks, after 5 and 30 s, then a person must say it."""
    world.web.before = OutcomeUnknown(LOST, lasts=0)
    await approved(world)
    down(world, after=3)
    now = world.clock.now()
    await world.work()
    looks = [await shows(world, "observe_at", "observations", "note")]
    for wait in (5, 30, 300):
        world.clock.advance(wait * SECOND)
        await world.work()
        looks.append(await shows(world, "observe_at", "observations", "note"))

    note = f"{LOST}; looked again: it cannot be seen: {DOWN}"
    assert [(now + 5 * SECOND, 1, note), (now + 35 * SECOND, 2, note), (None, 3, note), (None, 3, note)] == looks
    assert note in await world.sees("operation:OP-1")


@pytest.mark.parametrize("happened", [True, False])
async def test_a_persons_word_ends_it(world: World, *, happened: bool) -> None:
    """With who said it, as their doing; what happened is verified and can be undone."""
    world.web.before = OutcomeUnknown(LOST, lasts=0)
    await approved(world)
    down(world, after=3)
    await world.work()
    world.clock.advance(SECOND)

    settled = await world.operations.settle_unknown("OP-1", ENGINEER, happened=happened)

    now, note = world.clock.now(), f"It {'happened' if happened else 'did not happen'}, says engineer"
    state = State.SUCCEEDED if happened else State.FAILED
    assert (state, note, now) == (settled.state, settled.note, settled.finished_at)
    detail = {"was": "unknown", "note": note}
    assert [(now, "engineer", "slack", "OP-1", detail)] == await world.details(f"operation.{state}")
    wanted = (now + 30 * MINUTE, "waiting", now) if happened else (None, "", None)
    assert wanted == await shows(world, "undo_until", "verified", "verify_at")
    with pytest.raises(Conflict) as told:
        await world.operations.settle_unknown("OP-1", SRE, happened=True)
    assert f"OP-1 is {state} already; nothing was changed." == str(told.value)
    with pytest.raises(Conflict) as told:
        await world.operations.observe("OP-1", SRE)
    assert f"OP-1 is {state}; there is nothing to observe." == str(told.value)


@pytest.mark.parametrize("begun", ["claimed", "started", "a step", "half"])
async def test_what_a_process_that_died_had_begun_decides(world: World, begun: str) -> None:
    """A claim is free again; of a run the journal tells what may have been done, and production whether it was."""
    await world.operations.propose(await world.restart(), SRE, "stuck")
    await world.operations.decide("OP-1", SRE, "confirm")
    now, wall = world.clock.now(), world.clock.wall()
    dead = world.replica("dead").execution
    assert await dead._claims.claim(1, now)
    assert ("dead", wall + LEASE) == await shows(world, "owner", "lease_until")
    if begun != "claimed":
        assert await dead._start(await world.operations.find("OP-1"), "containers 1")
        assert ("running", now, wall + LEASE) == await shows(world, "state", "started_at", "lease_until")
    if begun in ("a step", "half"):
        running = await world.operations.find("OP-1")
        attempt = _Attempt(0, running.plan.steps[0], "1000")
        await dead._steps._begin(running, attempt, MINUTE, Lease(world.ledger, world.clock, "dead", 1))
        unit = (await world.docker.units("worker"))[0]
        if begun == "half":
            await world.docker.restart(unit)
    claims = world.operations.execution._claims
    world.clock.advance(LEASE - 1)
    await claims.recover(world.clock.now(), ())
    assert ("dead",) == await shows(world, "owner")
    world.clock.advance(1)
    await claims.recover(world.clock.now(), (1,))
    assert ("dead",) == await shows(world, "owner")
    await claims.recover(world.clock.now(), ())

    by = (world.clock.now(), "steward", "bot", "OP-1")
    if begun == "claimed":
        assert ("approved", None, None) == await shows(world, "state", "owner", "lease_until")
        assert [(*by, {})] == await world.details("operation.claim_lapsed")
        assert [] == await world.locks()
        return
    gone = "the process that ran it is gone"
    assert ("unknown", gone, world.clock.now()) == await shows(world, "state", "note", "observe_at")
    assert [(*by, {"note": gone})] == await world.details("operation.unknown")
    assert ["shop/worker"] == await world.locks()
    await world.work()
    still = "worker (worker-1) is running, not restarted, and its step may still be under way for 55 s"
    seen = {
        "started": ("failed", f"{gone}; observed: no step had begun; nothing was run"),
        "a step": ("unknown", f"{gone}; looked again: {still}"),
        "half": ("failed", f"{gone}; observed: only 1 of 2 steps were run; the rest was not"),
    }[begun]
    assert seen == await shows(world, "state", "note")


async def test_one_that_runs_here_does_not_hide_the_lapsed_ones_after_it(world: World) -> None:
    """Each lapsed claim is looked at by itself."""
    await approved(world)
    await world.operations.propose(await world.restart(), SRE, "stuck")
    await world.operations.decide("OP-2", SRE, "confirm")
    claims = world.replica("dead").execution._claims
    for number in (1, 2):
        assert await claims.claim(number, world.clock.now())
    world.clock.advance(LEASE)

    await claims.recover(world.clock.now(), (1,))

    assert ["claimed", "approved"] == [(await world.row(number))["state"] for number in (1, 2)]
    assert ["shop/web"] == await world.locks()


async def test_who_waits_for_a_lock_says_so_once(world: World) -> None:
    """It tries again each 2 s; the note names the first moment until somebody else holds the lock."""
    await approved(world)
    await approved(world, "v39")
    claims = world.replica("dead").execution._claims
    assert await claims.claim(1, world.clock.now())
    assert await claims.claim(1, world.clock.now()) is False
    notes = []
    for _ in range(2):
        world.clock.advance(4 * SECOND)
        assert await claims.claim(2, world.clock.now()) is False
        row = await world.row(2)
        assert ("approved", None, world.clock.now() + 2 * SECOND) == (row["state"], row["owner"], row["retry_at"])
        notes.append(row["note"])

    wanted = "waits for shop/web, locked by OP-1 for 4 s"
    assert [wanted, wanted] == notes
    assert wanted in await world.sees("operation:OP-2")
    assert ["shop/web"] == await world.locks()


async def test_an_approval_waits_a_minute_for_what_cannot_be_compared(world: World) -> None:
    """It is tried again each 2 s with the reason in sight; then it is void, and asked for anew if that is possible."""
    await approved(world)
    down(world)
    await world.work()
    note = f"tried again until it can be compared with its plan: {DOWN}"
    now = world.clock.now()
    assert ("approved", note, now + 2 * SECOND, None, None) == await shows(
        world, "state", "note", "retry_at", "owner", "lease_until"
    )
    world.clock.advance(MINUTE - 1)
    await world.work()
    assert ("approved", note) == await shows(world, "state", "note")
    world.clock.advance(2 * SECOND)
    await world.work()

    gone = f"nothing ran: {DOWN}"
    assert ("void", gone, "steward", None) == await shows(world, "state", "note", "decided_by", "started_at")
    assert [(world.clock.now(), "steward", "bot", "OP-1", {"reason": gone})] == await world.details("operation.void")
    assert f"void: {gone}" in await world.sees("operation:OP-1")
    assert [] == await world.details("operation.started")


async def test_exactly_after_a_minute_it_is_void(world: World) -> None:
    """An approval is compared within a minute or not at all."""
    await approved(world)
    down(world)
    world.clock.advance(MINUTE)
    await world.work()

    assert ("void",) == await shows(world, "state")


async def test_the_minute_begins_anew_after_each_wait_for_a_lock(world: World) -> None:
    """What waited is compared for a minute from then on, however long ago it was approved; then it is void."""
    await approved(world)
    down(world)
    note = f"tried again until it can be compared with its plan: {DOWN}"
    for _ in range(2):
        since = world.clock.now()
        await world.ledger.write(lambda tx: tx.run("take_operation_lock", name="shop/web", number=9, now=since))  # noqa: B023
        await world.work()
        assert ("waits for shop/web, locked by OP-9 for 0 ms",) == await shows(world, "note")
        world.clock.advance(2 * MINUTE)
        await world.ledger.write(lambda tx: tx.run("release_operation_locks", number=9))
        await world.work()
        assert ("approved", note) == await shows(world, "state", "note")
        world.clock.advance(MINUTE - 1)
        await world.work()
        assert ("approved", note) == await shows(world, "state", "note")
        world.clock.advance(2 * SECOND)
    await world.work()

    assert ("void", f"nothing ran: {DOWN}") == await shows(world, "state", "note")


async def test_what_is_done_already_is_not_asked_for_again(world: World) -> None:
    """The plan itself says why: void, with that sentence, and no further request."""
    await approved(world)
    world.web.current = "v40"
    await world.work()

    note = "nothing ran: shop/web already runs v40 · current; name another release."
    state, said = await shows(world, "state", "note")
    assert "void" == state
    assert said.startswith("nothing ran: shop/web already runs v40") or note == said
    assert [(world.clock.now(), "steward", "bot", "OP-1", {"reason": said})] == await world.details("operation.void")
    assert {} == await world.row(2)


async def test_a_late_answer_is_kept_and_told(world: World) -> None:
    """In what state it met the operation, and what it was; the look comes at once."""
    await approved(world)
    roll_back = world.web.roll_back

    async def late(target: Any) -> None:  # noqa: ANN401 - handed on
        world.clock.advance(LEASE + 1)
        await world.replica("other").execution._claims.recover(world.clock.now(), ())
        world.clock.advance(SECOND)
        await roll_back(target)

    world.web.roll_back = late  # type: ignore[method-assign] # the provider takes its time
    await world.operations.execution.run(world.clock.now())
    await world.operations.execution.idle()

    now = world.clock.now()
    detail = {"state": "unknown", "answer": "v40 made current"}
    assert [(now, "steward", "bot", "OP-1", detail)] == await world.details("operation.answered_late")
    assert ("unknown", now, None) == await shows(world, "state", "observe_at", "busy_until")
    thread = {
        "created_at": now,
        "channel": "C0ALERTS",
        "fallback": None,
        "lane": "rest",
        "thread_key": "operation:OP-1",
    }
    assert thread == await world.sent("operation:OP-1:late:0")
    text = "⚠️ An answer came late, when this was unknown already: v40 made current"
    assert text == await world.sees("operation:OP-1:late:0")


async def test_what_has_ended_is_not_ended_again(world: World) -> None:
    """Whoever comes second changes nothing, and does not own it."""
    await approved(world)
    execution = world.operations.execution
    endings = execution._endings
    assert await execution._claims.claim(1, world.clock.now())
    await execution._start(await world.operations.find("OP-1"), "")
    other = world.replica("other").execution._endings
    assert await world.ledger.read(lambda tx: endings.owns(tx, 1))
    assert not await world.ledger.read(lambda tx: other.owns(tx, 1))
    before, now = await world.row(), world.clock.now()
    move = (State.RUNNING, State.FAILED)
    assert not await world.ledger.write(lambda tx: other.settle(tx, 1, move, "no", SRE))
    assert not await world.ledger.write(lambda tx: other.lose_track(tx, 1, "gone", now, world.clock.wall()))
    assert before == await world.row()

    assert await world.ledger.write(lambda tx: endings.lose_track(tx, 1, "gone", now, world.clock.wall()))
    assert not await world.ledger.read(lambda tx: endings.owns(tx, 1))


async def test_a_stopped_process_begins_nothing(world: World) -> None:
    """What was decided runs at once, unless the process is about to end."""
    operations = world.operations
    await approved(world)
    assert await operations.execution.run(world.clock.now()) is False
    await operations.execution.idle()
    await asyncio.sleep(0)
    assert await operations.execution.next_due() is None
    await approved(world, "v39")
    await operations.execution.stop(0)
    assert await operations.execution.run(world.clock.now()) is False
    assert {} == operations.execution._tasks
    assert "approved" == (await world.row(2))["state"]


async def test_a_defect_of_one_operation_holds_up_no_other(world: World) -> None:
    """Its task ends, is not counted any more, and the next round goes on."""
    await approved(world)
    execution = world.operations.execution

    async def broken(number: int) -> None:
        raise BotError(f"defect of {number}")

    execution._spawn(1, broken)
    assert ["OP-1"] == [task.get_name() for task in execution._tasks]
    await execution.run(world.clock.now())
    await execution.idle()
    assert {} == execution._tasks
    await world.work()

    assert ["v40"] == world.web.rolled_back
