"""A process that stands still, is replaced, or answers late: it never acts on what is not its own any more."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bot.domain.errors import OutcomeUnknown, Rejected, Unavailable
from bot.domain.reading import Reading
from bot.domain.timing import SECOND
from bot.operations.lease import LEASE, Lease, Lost
from bot.operations.model import Operation, State
from bot.ports import Release
from tests.operations.world import LEAD, SRE, World

pytestmark = pytest.mark.ledger


async def approved(world: World) -> Operation:
    """A rollback that may run."""
    operation = await world.asked()
    return await world.operations.decide(operation.token, LEAD, "approve")


async def one_round(world: World) -> None:
    """The first replica claims and runs what is approved; nothing is looked at afterwards."""
    await world.operations.execution.run(world.clock.now())
    await world.operations.execution.idle()


async def taken_over(world: World) -> None:
    """Time passes, and another replica declares what lapsed to be unknown."""
    world.clock.advance(LEASE + 1)
    other = world.replica("other")
    await other.execution._claims.recover(world.clock.now(), ())


def while_calling(world: World, happens: Callable[[], Awaitable[None]], *, before: bool = True) -> None:
    """Let something happen while the provider is asked, before or after it does its work."""
    roll_back = world.web.roll_back

    async def meanwhile(target: Release) -> None:
        if before:
            await happens()
        await roll_back(target)
        if not before:
            await happens()

    world.web.roll_back = meanwhile  # type: ignore[method-assign] # the provider takes its time


def stands_still(seconds: float) -> None:
    """The event loop's clock jumps, as it does for a process that was stopped."""
    loop = asyncio.get_running_loop()
    time = loop.time
    loop.time = lambda: time() + seconds  # type: ignore[method-assign] # a standstill without waiting for it


async def awakes() -> None:
    """Enough turns of the loop that whatever is due happens."""
    for _ in range(200):
        await asyncio.sleep(0)


async def test_a_process_that_stood_still_before_the_change_does_not_act(world: World) -> None:
    """Stopped after its last look, replaced meanwhile, woken: nothing is run, and that is audited and told."""
    operation = await approved(world)
    releases, looks = world.web.releases, 0

    async def stopped() -> object:
        nonlocal looks
        looks += 1
        found = await releases()
        if looks == 3:
            await taken_over(world)
        return found

    world.web.releases = stopped  # type: ignore[method-assign, assignment] # the process stops after its last look
    await one_round(world)

    assert [] == world.web.rolled_back
    assert ("steward", "operation.answered_late", "OP-1") in await world.audit()
    assert "nothing was run" in await world.sees("operation:OP-1:late:0")
    world.operations = world.replica("next")
    await world.work()
    assert State.FAILED == await world.state(operation)
    assert [] == world.web.rolled_back


async def test_a_step_is_cut_off_where_its_process_stood_still(world: World) -> None:
    """Stopped on the way to the provider: what was not sent yet is not sent afterwards."""
    operation = await approved(world)
    connected = asyncio.Event()

    async def connecting() -> None:
        stands_still(LEASE / SECOND)
        connected.set()
        await awakes()

    while_calling(world, connecting)
    await one_round(world)

    assert [] == world.web.rolled_back
    assert State.UNKNOWN == await world.state(operation)
    assert "cut off: this process stood still" in await world.sees("operation:OP-1")


async def test_a_step_whose_lease_another_replica_took_is_cancelled(world: World) -> None:
    """The renewal that changes no row ends the step, and what became of it is told."""
    operation = await approved(world)

    async def replaced() -> None:
        await taken_over(world)
        stands_still(LEASE / 3 / SECOND)
        await asyncio.Event().wait()

    while_calling(world, replaced)
    await one_round(world)

    assert [] == world.web.rolled_back
    assert State.UNKNOWN == await world.state(operation)
    assert "cut off" in await world.sees("operation:OP-1:late:0")


async def test_a_ledger_that_is_silent_for_long_does_not_end_a_change_under_way(world: World) -> None:
    """Killing a program in its middle is worse than a lease that lapses: the lock outlives the patience of the step."""
    operation = await approved(world)
    write, silent = world.ledger.write, False

    async def failing(*arguments: object, **named: object) -> object:
        if silent:
            raise Unavailable("the ledger is busy")
        return await write(*arguments, **named)  # type: ignore[arg-type] # handed on

    async def silence() -> None:
        nonlocal silent
        silent = True
        for _ in range(10):
            stands_still(1)
            await awakes()
        silent = False

    world.ledger.write = failing  # type: ignore[method-assign, assignment] # a ledger in trouble
    while_calling(world, silence)
    await one_round(world)

    assert ["v40"] == world.web.rolled_back
    assert State.SUCCEEDED == await world.state(operation)


@pytest.mark.parametrize("worked", [True, False], ids=["it was done", "it was refused"])
async def test_an_answer_that_comes_late_is_audited_and_told(world: World, *, worked: bool) -> None:
    """The operation was unknown already: the answer settles it by a look at once, and stands in the thread."""
    operation = await approved(world)
    while_calling(world, lambda: taken_over(world), before=not worked)
    world.web.before = None if worked else Rejected("refused (422)")
    await one_round(world)

    assert ("steward", "operation.answered_late", "OP-1") in await world.audit()
    told = await world.sees("operation:OP-1:late:0")
    assert "when this was unknown already" in told
    assert ("v40 made current" if worked else "refused (422)") in told
    await world.work()
    assert (State.SUCCEEDED if worked else State.FAILED) == await world.state(operation)
    assert (["v40"] if worked else []) == world.web.rolled_back


async def test_a_provider_may_answer_later_than_its_client_waits(world: World) -> None:
    """It takes 25 s, nobody believes meanwhile that nothing happened, and it is asked once."""
    operation = await approved(world)
    world.web.before = OutcomeUnknown("no answer within 10 s")
    second = await world.operations.propose(world.roll_back("v39"), SRE, "503")
    await world.operations.decide(second.token, LEAD, "approve")
    await world.work()
    world.clock.advance(15 * SECOND)
    await world.work()
    assert [State.UNKNOWN, State.APPROVED] == [await world.state(each) for each in (operation, second)]

    world.web.current = "v40"
    world.clock.advance(10 * SECOND)
    await world.work()

    assert State.SUCCEEDED == await world.state(operation)
    assert [] == world.web.rolled_back


async def test_an_answer_that_tells_when_nothing_goes_on_shortens_the_wait(world: World) -> None:
    """A program that ended with an error does nothing more: a look some seconds later is believed."""
    operation = await approved(world)
    world.web.before = OutcomeUnknown("exit code 1", lasts=2 * SECOND)
    await world.work()
    assert State.UNKNOWN == await world.state(operation)

    world.clock.advance(2 * SECOND)
    await world.work()

    assert State.FAILED == await world.state(operation)
    assert [] == await world.locks()


@pytest.mark.parametrize("look", [1, 2, 3], ids=["before it begins", "with the baseline", "in the last look"])
async def test_a_release_published_while_it_begins_stops_it(world: World, look: int) -> None:
    """dep-41 → dep-40 was approved; dep-42 appears before any of the looks; it stays, and a new request is made."""
    operation = await approved(world)
    releases, reads = world.web.releases, 0

    async def published() -> object:
        nonlocal reads
        reads += 1
        if reads == look:
            world.web.names.insert(0, "v42")
            world.web.current = "v42"
        return await releases()

    world.web.releases = published  # type: ignore[method-assign, assignment] # somebody publishes
    await world.work()

    assert [] == world.web.rolled_back
    assert "v42" == world.web.current
    assert await world.state(operation) in (State.VOID, State.FAILED)
    assert "nothing ran" in await world.sees("operation:OP-1")
    assert "v42 → v40" in await world.sees("operation:OP-2")


async def test_a_release_published_while_the_checks_are_read_stops_it(world: World) -> None:
    """Checks may be slow: what they find is read first, and compared with nothing."""
    operation = await approved(world)
    readings = world.health.readings

    async def slow(system: str, names: tuple[str, ...] = ()) -> list[Reading]:
        world.web.names.insert(0, "v42")
        world.web.current = "v42"
        return await readings(system, names)

    world.health.readings = slow  # type: ignore[method-assign, assignment] # somebody publishes meanwhile
    await world.work()

    assert [] == world.web.rolled_back
    assert State.VOID == await world.state(operation)


async def test_a_lease_is_renewed_while_another_replica_waits(world: World) -> None:
    """A step that takes longer than a lease stays with its process; another one does not call it lost."""
    operation = await approved(world)
    other = world.replica("other")

    async def long() -> None:
        for _ in range(4):
            world.clock.advance(LEASE // 2)
            stands_still(LEASE / 2 / SECOND)
            await awaits_renewal(world, operation)
            await other.execution.run(world.clock.now())
            await other.execution.idle()

    while_calling(world, long)
    await one_round(world)

    assert State.SUCCEEDED == await world.state(operation)
    assert "operation.unknown" not in [kind for _, kind, _ in await world.audit()]


async def awaits_renewal(world: World, operation: Operation) -> None:
    """Until the lease is a whole one again."""
    async with asyncio.timeout(10):
        while True:
            row = await world.ledger.read(lambda tx: tx.one("operation_by_number", number=operation.number))
            if row is not None and row["lease_until"] >= world.clock.wall() + LEASE:
                return
            await asyncio.sleep(0.01)


async def test_a_lease_that_is_not_ours_is_lost_at_once(world: World) -> None:
    """Whatever needs it does not begin: another one has claimed it."""
    operation = await approved(world)
    assert await world.operations.execution._claims.claim(operation.number, world.clock.now())
    lease = Lease(world.ledger, world.clock, "nobody", operation.number)
    begun = False

    with pytest.raises(Lost):
        async with lease.needed():
            begun = True

    assert not begun


async def test_a_lease_that_stands_still_by_the_machines_clock_acts_no_more(world: World) -> None:
    """A suspended machine's loop notices nothing; its clock does."""
    operation = await approved(world)
    assert await world.operations.execution._claims.claim(operation.number, world.clock.now())
    lease = Lease(world.ledger, world.clock, "one", operation.number)
    done: list[str] = []

    async def change() -> None:
        done.append("changed")

    async def suspended() -> None:
        async with lease.needed():
            world.clock.advance(LEASE)
            await lease.act(change, began=world.clock.wall(), patience=60 * SECOND)

    with pytest.raises(Lost):
        await suspended()

    assert [] == done
