"""Remove stuck entries from a queue's processing set, and put them back: each is the other's undo."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.errors import Conflict
from bot.domain.policy import Risk
from bot.domain.timing import span
from bot.operations.action import Effect, Result, Trace
from bot.operations.actions.entries import MOST, Entries, OnEntries, answered, told
from bot.operations.plan import Plan, Step
from bot.ports import Clock
from bot.systems import Systems


@dataclass(frozen=True, slots=True)
class ClearStuck(OnEntries):
    """Exactly these entries, where they are still in processing with the same score."""

    name = "clear_stuck"
    label = "Clear stuck…"
    emergency = True
    least_risk = risk = Risk.P0
    checks = ()

    @classmethod
    def load(cls, systems: Systems, clock: Clock, parameters: str) -> "ClearStuck":
        """From `parameters`."""
        return cls(Entries.load(systems, parameters), clock)

    @classmethod
    async def of(cls, systems: Systems, clock: Clock, system: str, queue: str) -> "ClearStuck":
        """The entries that are stuck now, 500 at most."""
        entries = Entries(systems, system, queue, ())
        found = await entries.source.stuck(clock.now(), entries.source.stuck_after)
        if not found:
            after = span(entries.source.stuck_after)
            raise Conflict(f"{entries.named} has no entry in processing for longer than {after}; nothing to clear.")
        return cls(replace(entries, jobs=tuple(found[:MOST])), clock)

    async def plan(self) -> Plan:
        entries = self.entries
        now = self.clock.now()
        still = entries.those(await entries.source.stuck(now, entries.source.stuck_after))
        if not still:
            raise Conflict(f"None of the entries of {entries.named} is stuck any more; nothing to clear.")
        oldest = max((now - job.since for job in entries.jobs if job.since is not None), default=0)
        return Plan(
            title=f"Clear {len(entries.jobs)} stuck entries of {entries.named}",
            does="removes exactly these from processing, where their score is unchanged; each is kept in the journal",
            steps=(
                Step(f"remove {len(entries.jobs)} entries", (f"ZREM {entries.queue}:processing, by id and score",)),
            ),
            before=(f"{len(still)} of {len(entries.jobs)} are stuck now, the oldest for {span(oldest)}",),
            touches=(entries.sample,),
            not_reverted=("a worker that is still busy with one of them may finish it",),
            undo=f"puts the entries of {entries.named} back with their score",
            undoable=True,
        )

    async def baseline(self, step: Step) -> str:  # noqa: ARG002 - the one step
        found = await self.entries.source.stuck(self.clock.now(), 0)
        return replace(self.entries, jobs=tuple(self.entries.those(found))).dump()

    async def execute(self, step: Step) -> Result:  # noqa: ARG002 - the one step
        removed = await self.entries.source.remove(self.entries.jobs)
        return Result(told(removed, self.entries, "removed", "moved on meanwhile"), json.dumps(list(removed)))

    async def observe(self, traces: Sequence[Trace]) -> Effect:
        known = answered(traces, "nothing was removed: every entry moved on meanwhile")
        if known:
            return known
        left = self.entries.those(await self.entries.source.stuck(self.clock.now(), 0))
        text = f"{len(left)} of {len(self.entries.jobs)} are still in processing"
        unknown = "" if left else "; nobody knows whether this or a worker removed them, so none is put back"
        return Effect(happened=not left, text=text + unknown)

    def undo(self, traces: Sequence[Trace]) -> "PutBack | None":
        """What is known to have been removed by the step."""
        if not traces:
            return None
        before = Entries.load(self.entries.systems, traces[0].baseline)
        result = traces[0].result
        # Without an answer the workers may have finished them by themselves: put back, they would run again.
        removed = set(json.loads(result.data)) if result else set()
        jobs = tuple(job for job in before.jobs if job.id in removed)
        return PutBack(replace(before, jobs=jobs), self.clock) if jobs else None


@dataclass(frozen=True, slots=True)
class PutBack(OnEntries):
    """Put removed entries back with their score, where they are absent."""

    name = "put_back"
    label = "Put back"
    emergency = True
    least_risk = risk = Risk.P0
    checks = ()

    @classmethod
    def load(cls, systems: Systems, clock: Clock, parameters: str) -> "PutBack":
        """From `parameters`."""
        return cls(Entries.load(systems, parameters), clock)

    async def plan(self) -> Plan:
        entries = self.entries
        there = entries.those(await entries.source.stuck(self.clock.now(), 0))
        return Plan(
            title=f"Put {len(entries.jobs)} entries of {entries.named} back",
            does="adds exactly these to processing with the score they had, where they are absent",
            steps=(Step(f"put {len(entries.jobs)} entries back", (f"ZADD {entries.queue}:processing NX",)),),
            before=(f"{len(there)} of {len(entries.jobs)} are there now",),
            touches=(entries.sample,),
            undo="none: clear them again",
        )

    async def baseline(self, step: Step) -> str:  # noqa: ARG002 - the one step
        found = await self.entries.source.stuck(self.clock.now(), 0)
        return json.dumps([job.id for job in self.entries.those(found)])

    async def execute(self, step: Step) -> Result:  # noqa: ARG002 - the one step
        put = await self.entries.source.put_back(self.entries.jobs)
        return Result(told(put, self.entries, "put back", "there already"), json.dumps(list(put)))

    async def observe(self, traces: Sequence[Trace]) -> Effect:
        known = answered(traces, "nothing was put back: every entry was there already")
        if known:
            return known
        there = self.entries.those(await self.entries.source.stuck(self.clock.now(), 0))
        return Effect(len(there) == len(self.entries.jobs), f"{len(there)} of {len(self.entries.jobs)} are there")

    def undo(self, traces: Sequence[Trace]) -> None:  # noqa: ARG002 - there is none
        return None
