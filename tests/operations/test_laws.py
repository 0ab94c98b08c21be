"""The laws of operations under any order of clicks, crashes, restarts and time."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from bot.domain.errors import BotError, OutcomeUnknown, Rejected
from bot.domain.people import Actor
from bot.domain.timing import MINUTE, SECOND
from bot.operations.lease import LEASE
from bot.operations.model import TRANSITIONS, Decision, Operation, State
from bot.operations.ports import OpenIncident
from bot.ports import Release
from bot.store import Ledger, open_ledger
from tests.fakes.clock import FakeClock
from tests.operations.world import ENGINEER, LEAD, MANAGER, SRE, STRANGER, World

T = TypeVar("T")
PEOPLE = st.sampled_from([LEAD, SRE, LEAD, MANAGER, ENGINEER, STRANGER])
DECISIONS: st.SearchStrategy[Decision] = st.sampled_from(
    ["approve", "approve", "approve", "emergency", "deny", "cancel", "confirm"]
)
RELEASES = ("v39", "v40", "v41")


class Crashed(BaseException):
    """The process died in the middle of a step: nothing after it is written by that process."""


class Laws(RuleBasedStateMachine):
    """People click in any order, processes die anywhere, time passes; the laws hold after every move."""

    operations: Bundle[int] = Bundle("operations")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.ran: Counter[str] = Counter()
        self.states: dict[int, State] = {}
        self.good_click: dict[int, str] = {}
        self.crash_at: str = ""
        self.coming: list[tuple[int, int, str]] = []
        self.processes = 0

    def do(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run one move to its end."""

        async def run() -> T:
            return await work()

        return self.loop.run_until_complete(run())

    def attempt(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """A move that the rules may refuse."""
        try:
            return self.do(work)
        except BotError:
            return None

    @initialize()
    def opens(self) -> None:
        """A ledger in memory and one process."""
        self.ledger: Ledger = self.do(lambda: open_ledger("sqlite:///:memory:"))
        self.clock = FakeClock()
        self.world = World(self.ledger, self.clock)
        roll_back = self.world.web.roll_back

        async def watched(target: Release) -> None:
            if self.crash_at == "before":
                raise Crashed
            running = asyncio.current_task()
            if self.crash_at == "late" and running:
                number = int(running.get_name().removeprefix("OP-"))
                self.coming.append((self.clock.wall() + 25 * SECOND, number, target.id))
                raise OutcomeUnknown("no answer within 10 s")
            self.ran[running.get_name() if running else ""] += 1
            await roll_back(target)
            if self.crash_at == "after":
                raise Crashed

        self.world.web.roll_back = watched  # type: ignore[method-assign] # counts what really happens

    @rule(
        target=operations,
        requester=PEOPLE,
        release=st.sampled_from(RELEASES),
        approver=st.sampled_from([LEAD, MANAGER, None]),
    )
    def asks(self, requester: Actor, release: str, approver: Actor | None) -> int:
        """Somebody proposes a rollback, which somebody else may approve at once."""
        found = self.attempt(lambda: self.world.operations.propose(self.world.roll_back(release), requester, "503"))
        if found is None:
            return 1
        if approver is not None:
            self.clicks(found.number, approver, "approve")
        return found.number

    @rule(number=operations, actor=PEOPLE, decision=DECISIONS)
    def clicks(self, number: int, actor: Actor, decision: Decision) -> None:
        """Somebody presses anything."""
        before = self.read(number)
        found = self.attempt(lambda: self.world.operations.decide(f"OP-{number}", actor, decision, "reason"))
        if found is not None and decision in ("approve", "emergency") and before is not None:
            assert before.state is State.PENDING
            if decision == "approve":
                assert actor.person in ("lead", "manager")
                assert actor.person != before.requester.person
            else:
                assert actor.person == "sre"
                assert before.severity == "P0"
            self.good_click[number] = decision

    @rule(number=operations, actor=PEOPLE)
    def undoes(self, number: int, actor: Actor) -> None:
        """Somebody undoes."""
        before = self.read(number)
        found = self.attempt(lambda: self.world.operations.undo(f"OP-{number}", actor))
        if found is not None and found.state is State.APPROVED and before is not None:
            assert number in self.good_click
            assert before.undone_by is None
            self.good_click[found.number] = f"undo of {number}"

    @rule()
    def works(self) -> None:
        """The engine runs its cycles."""
        self.do(self.world.work)

    @rule(how=st.sampled_from(["before", "after", "late", "restart"]))
    def goes_wrong(self, how: str) -> None:
        """A process dies in the middle of its step, or its provider answers too late; another one takes over."""
        self.crash_at = how
        execution = self.world.operations.execution

        async def die() -> None:
            await execution.run(self.clock.now())
            while execution._tasks:
                # A dead process writes nothing: BaseException passes every handler, as a kill would.
                await asyncio.gather(*list(execution._tasks), return_exceptions=True)
                await asyncio.sleep(0)

        if how != "restart":
            self.do(die)
        self.crash_at = ""
        self.processes += 1
        self.world.operations = self.world.replica(f"process {self.processes}")
        for _ in range(2):
            self.waits(6 * SECOND)
            self.works()

    @rule(milliseconds=st.sampled_from([SECOND, 6 * SECOND, LEASE + 1, 3 * MINUTE, 16 * MINUTE]))
    def waits(self, milliseconds: int) -> None:
        """Time passes, and what a slow provider was asked for happens in it: nobody may have denied that before."""
        self.clock.advance(milliseconds)
        due = [each for each in self.coming if each[0] <= self.clock.wall()]
        for entry in due:
            self.coming.remove(entry)
            _, number, release = entry
            found = self.read(number)
            assert found is not None
            assert found.state is not State.FAILED, "denied wrongly"
            self.ran[f"OP-{number}"] += 1
            self.world.web.current = release

    @rule(error=st.sampled_from([OutcomeUnknown("no answer"), Rejected("refused")]), after=st.booleans())
    def provider_fails(self, error: Any, *, after: bool) -> None:  # noqa: ANN401 - a target error
        """The next call fails, before or after the work."""
        if after and isinstance(error, OutcomeUnknown):
            self.world.web.after = error
        else:
            self.world.web.before = error

    @rule(release=st.sampled_from(RELEASES))
    def somebody_deploys(self, release: str) -> None:
        """The world moves on without the bot."""
        self.world.web.current = release

    @rule(opened=st.booleans())
    def incident(self, *, opened: bool) -> None:
        """A P0 is opened or resolved."""
        self.world.incidents.open = {"shop": OpenIncident("INC-1", "P0", "down")} if opened else {}

    @invariant()
    def nothing_runs_without_a_verdict(self) -> None:
        """Whatever started was approved by someone else, run alone in an emergency, or an undo of such."""
        for found in self.all():
            if found.started_at is not None:
                assert found.number in self.good_click

    @invariant()
    def at_most_once(self) -> None:
        """No operation calls the provider twice, whoever took it over."""
        assert all(times == 1 for times in self.ran.values())

    @invariant()
    def states_change_only_as_drawn(self) -> None:
        """Every change of state follows the table, possibly over several steps; an ended operation never moves."""
        for found in self.all():
            before = self.states.get(found.number, State.PENDING)
            if found.number not in self.states and found.undo_of:
                before = State.APPROVED
            assert found.state in _reachable(before), f"{before} to {found.state}"
            self.states[found.number] = found.state

    @invariant()
    def locks_belong_to_what_is_under_way(self) -> None:
        """A lock is held exactly by operations that are claimed, running or unknown."""
        if not hasattr(self, "ledger"):
            return
        held = {row["operation"] for row in self.do(lambda: self.ledger.read(lambda tx: tx.all("test_locks")))}
        under_way = {State.CLAIMED, State.RUNNING, State.UNKNOWN}
        assert held == {found.number for found in self.all() if found.state in under_way}

    def all(self) -> list[Operation]:
        """Every operation."""
        if not hasattr(self, "ledger"):
            return []
        return self.do(lambda: self.world.operations.recent("shop", 1_000))

    def read(self, number: int) -> Operation | None:
        """One operation, where it exists."""
        return self.attempt(lambda: self.world.operations.find(f"OP-{number}"))

    def teardown(self) -> None:
        """Close the ledger."""
        if hasattr(self, "ledger"):
            self.do(self.ledger.close)
        self.loop.close()


def _reachable(start: State) -> set[State]:
    seen, new = set[State](), {start}
    while new:
        seen |= new
        new = {following for state in new for following in TRANSITIONS[state]} - seen
    return seen


TestLaws = Laws.TestCase
TestLaws.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
