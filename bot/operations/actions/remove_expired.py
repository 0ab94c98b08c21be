"""Remove waiting entries that are older than the queue's limit: exactly those that the plan lists."""

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
class RemoveExpired(OnEntries):
    """Exactly these entries, where they still wait with the same score."""

    name = "remove_expired"
    label = "Remove expired…"
    emergency = False
    least_risk = risk = Risk.CHANGE
    checks = ()

    @classmethod
    def load(cls, systems: Systems, clock: Clock, parameters: str) -> "RemoveExpired":
        """From `parameters`."""
        return cls(Entries.load(systems, parameters), clock)

    @classmethod
    async def of(cls, systems: Systems, clock: Clock, system: str, queue: str) -> "RemoveExpired":
        """The entries that are expired now, 500 at most."""
        entries = Entries(systems, system, queue, ())
        after = entries.source.expire_after
        found = await entries.source.expired(clock.now(), after)
        if not found:
            raise Conflict(f"{entries.named} has no waiting entry older than {span(after)}; nothing to remove.")
        return cls(replace(entries, jobs=tuple(found[:MOST])), clock)

    async def plan(self) -> Plan:
        entries = self.entries
        found = await entries.source.expired(self.clock.now(), entries.source.expire_after)
        still = entries.those(found)
        if not still:
            raise Conflict(f"None of the entries of {entries.named} waits any more; nothing to remove.")
        return Plan(
            title=f"Remove {len(entries.jobs)} expired entries of {entries.named}",
            does=f"removes exactly these, which wait longer than {span(entries.source.expire_after)}",
            steps=(Step(f"remove {len(entries.jobs)} entries", (f"ZREM {entries.queue}, by id and score",)),),
            before=(f"{len(found)} expired entries wait now; {len(still)} of them are in this plan",),
            touches=(entries.sample,),
            undo="none: their work is given up; the journal keeps what was removed",
        )

    async def baseline(self, step: Step) -> str:  # noqa: ARG002 - the one step
        found = await self.entries.source.expired(self.clock.now(), 0)
        return replace(self.entries, jobs=tuple(self.entries.those(found))).dump()

    async def execute(self, step: Step) -> Result:  # noqa: ARG002 - the one step
        removed = await self.entries.source.discard(self.entries.jobs)
        return Result(told(removed, self.entries, "removed", "taken meanwhile"), json.dumps(list(removed)))

    async def observe(self, traces: Sequence[Trace]) -> Effect:
        known = answered(traces, "nothing was removed: every entry was taken meanwhile")
        if known:
            return known
        left = self.entries.those(await self.entries.source.expired(self.clock.now(), 0))
        return Effect(happened=not left, text=f"{len(left)} of {len(self.entries.jobs)} still wait")

    def undo(self, traces: Sequence[Trace]) -> None:  # noqa: ARG002 - there is none
        return None
