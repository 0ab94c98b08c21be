"""The laws of escalation, under any order of what people and time do.

After an acknowledgement nobody is paged until it goes stale or a person escalates. Every incident that nobody answers
reaches its last level in time, also after it was reopened. A level fires at most once per epoch. A verdict on a clock
stands: what was missed is never kept, whatever becomes of the severity.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.domain.errors import Conflict
from bot.incidents import clocks as incident_clocks
from bot.incidents.model import Incident, Reference, Severity, State
from bot.store import open_ledger
from tests.fakes.clock import FakeClock
from tests.incidents.world import CTO, LEAD, MIN, SRE, World, execute, text_of

T = TypeVar("T")
FIRST = Reference(id="INC-1")
LAST = {Severity.P0: 4, Severity.P1: 3, Severity.P2: 3, Severity.P3: 2}
SILENCE = {Severity.P0: 15 * MIN, Severity.P1: 30 * MIN}
PEOPLE = st.sampled_from([SRE, LEAD, CTO])


class Escalating(RuleBasedStateMachine):
    """One incident on a ledger in memory; a restart throws away everything but the ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.ledger = self.does(open_ledger("sqlite:///:memory:"))
        self.world = World.build(self.ledger, self.clock)
        self.paged_after = 0
        self.escalated = False
        self.epoch = 0
        self.missed: set[tuple[str, int]] = set()

    def does(self, work: Coroutine[Any, Any, T]) -> T:
        """Run one asynchronous step."""
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.does(self.ledger.close())
        self.loop.close()

    @initialize(severity=st.sampled_from(list(Severity)))
    def open(self, severity: Severity) -> None:
        """Open it."""
        self.does(self.world.open(severity.value))

    @rule(person=PEOPLE)
    def acknowledge(self, person: Any) -> None:  # noqa: ANN401 - drawn by hypothesis
        """Somebody has it."""
        if self.tries(self.world.incidents.acknowledge(FIRST, person)):
            self.quiet()

    @rule(person=PEOPLE)
    def pass_on(self, person: Any) -> None:  # noqa: ANN401 - as above
        """Somebody cannot take it."""
        if self.tries(self.world.incidents.pass_on(FIRST, person)):
            self.escalated = True

    @rule(person=PEOPLE)
    def page_next(self, person: Any) -> None:  # noqa: ANN401 - as above
        """A person escalates."""
        if self.tries(self.world.incidents.page_next(FIRST, person)):
            self.escalated = True

    @rule(person=PEOPLE)
    def update(self, person: Any) -> None:  # noqa: ANN401 - as above
        """A sign of life."""
        if self.tries(self.world.incidents.update(FIRST, "going on", person)) and self.incident().owner:
            self.quiet()

    @rule(severity=st.sampled_from(list(Severity)))
    def change_severity(self, severity: Severity) -> None:
        """Another row of the matrix."""
        self.tries(self.world.incidents.change_severity(FIRST, severity, SRE, reason="half of it"))

    @rule(person=PEOPLE)
    def mitigate(self, person: Any) -> None:  # noqa: ANN401 - as above
        """The harm is stopped."""
        if self.tries(self.world.incidents.mitigate(FIRST, person)):
            self.quiet()

    @precondition(lambda self: self.incident().state is State.MITIGATED)
    @rule(person=PEOPLE)
    def resolve(self, person: Any) -> None:  # noqa: ANN401 - as above
        """It is over."""
        if self.tries(self.world.incidents.resolve(FIRST, person)):
            self.quiet()

    @precondition(lambda self: not self.incident().active)
    @rule(person=PEOPLE)
    def reopen(self, person: Any) -> None:  # noqa: ANN401 - as above
        """It is broken again: a moment later than it ended."""
        self.clock.advance(1)
        before = len(self.pings())
        assert self.tries(self.world.incidents.reopen(FIRST, person))
        self.does(self.world.settle())
        incident = self.incident()
        assert incident.state is State.OPEN
        assert (incident.planned_from, incident.owner) == (self.clock.now(), None)
        if incident.severity in SILENCE:
            assert len(self.pings()) == before + 1
        self.paged_after = 0

    @rule(minutes=st.sampled_from([1, 4, 6, 11, 16, 45, 300]))
    def time_passes(self, minutes: int) -> None:
        """The engine runs all the while."""
        self.does(self.world.passes(minutes))

    @rule(minutes=st.sampled_from([3, 20, 90]))
    def is_down_and_restarts(self, minutes: int) -> None:
        """Time passes without an engine; then a new process stands on the same ledger."""
        self.clock.advance(minutes * MIN)
        self.world = World.build(self.ledger, self.clock)

    @rule()
    def sender_works(self) -> None:
        """What waits is posted."""
        self.does(self.world.sends())

    @invariant()
    def nobody_is_paged_after_an_acknowledgement(self) -> None:
        """Unless the owner has been silent for the time of the severity, or a person has escalated."""
        incident = self.incident()
        if incident.owner is None or self.escalated or incident.state is State.OPEN:
            return
        pages = [row for row in self.pings() if row["number"] > self.paged_after]
        if incident.state in {State.MITIGATED, State.RESOLVED}:
            assert not pages
        silent_since = incident.updated_at or 0
        for page in pages:
            assert page["kind"] in {"still", "stale"}
            assert page["at"] - silent_since >= min(SILENCE.values())

    @invariant()
    def no_page_leaves_after_an_acknowledgement(self) -> None:
        """What waited in the outbox was withdrawn; an edit of what people have seen is no page."""
        if self.incident().owner is None or self.incident().state is State.OPEN:
            return
        waiting = """select p.number from ping p join message m on m.key = p.key
            where p.kind <> 'inform' and m.sent_revision = 0 and m.state = 'open'"""
        assert all(row["number"] > self.paged_after for row in execute(self.ledger, waiting))

    @invariant()
    def a_level_fires_once_per_epoch(self) -> None:
        """However often the duty runs."""
        fired = [(row["level"], row["epoch"]) for row in self.pings() if row["kind"] == "page"]
        assert len(fired) == len(set(fired))

    @invariant()
    def nobody_waits_for_ever(self) -> None:
        """An incident that nobody has always has a next step, at the latest when the last level is due."""
        incident = self.incident()
        due = self.does(self.world.escalation.next_due())
        if incident.state is State.OPEN:
            assert due is not None
        if incident.state in {State.MITIGATED, State.RESOLVED}:
            assert due is None

    @invariant()
    def an_unanswered_page_reaches_the_last_level_in_time(self) -> None:
        """While the engine runs: P0 within 30 minutes, P1 within 30 (what came late has a minute per level more)."""
        incident = self.incident()
        if incident.state is not State.OPEN or incident.severity not in SILENCE:
            return
        self.does(self.world.settle())
        incident = self.incident()
        late = self.clock.now() - incident.planned_from - 30 * MIN
        if late > 0 and incident.paged < LAST[incident.severity]:
            due = self.does(self.world.escalation.next_due())
            assert due is not None
            assert due - self.clock.now() <= MIN

    @invariant()
    def what_makes_pages_obsolete_only_raises_the_epoch(self) -> None:
        """So that no page of before passes the fence again."""
        epoch = self.incident().epoch
        assert epoch >= self.epoch
        self.epoch = epoch

    @invariant()
    def a_missed_clock_is_never_kept(self) -> None:
        """A run of a clock is named by its start; a reopening or a raised severity begins another run."""
        incident = self.incident()
        policy = self.world.matrix[incident.severity]
        verdicts = incident_clocks.settled(policy, incident, self.clock.now())
        assert not self.missed & {(it.clock, it.start) for it in verdicts if it.kept}
        self.missed |= {(it.clock, it.start) for it in verdicts if not it.kept}
        told = text_of(incident_clocks.shown(policy, incident, self.clock.now()))
        assert len(self.missed) == told.count("missed")

    def tries(self, work: Coroutine[Any, Any, object]) -> bool:
        """Whether it was allowed."""
        try:
            self.does(work)
        except Conflict:
            return False
        return True

    def quiet(self) -> None:
        """From here on a page needs a reason."""
        self.paged_after = len(self.pings(informs=True))
        self.escalated = False

    def incident(self) -> Incident:
        """The incident as it stands."""
        return self.does(self.world.incidents.find(FIRST))

    def pings(self, *, informs: bool = False) -> list[Any]:
        """Who was paged."""
        where = "" if informs else " where kind <> 'inform'"
        return list(execute(self.ledger, f"select * from ping{where} order by number"))


TestEscalating = Escalating.TestCase
TestEscalating.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
