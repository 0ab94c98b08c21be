"""Entries of a clearable queue inside an action's parameters: stored whole before anything is removed."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

from bot.domain.errors import Refused
from bot.domain.timing import SECOND
from bot.operations.action import Effect, Trace
from bot.ports import ClearableQueue, Clock, Job
from bot.systems import Systems, WatchedQueue

MOST = 500
SAMPLES = 5


@dataclass(frozen=True, slots=True)
class Entries:
    """Exactly these entries of one queue, with the score and the payload that they had."""

    systems: Systems
    system: str
    queue: str
    jobs: tuple[Job, ...]

    @property
    def named(self) -> str:
        """`target-list/export-jobs`."""
        return f"{self.system}/{self.queue}"

    @property
    def watched(self) -> WatchedQueue:
        """The queue as configured."""
        return self.systems[self.system].queue(self.queue)

    @property
    def source(self) -> ClearableQueue:
        """The queue itself; raises `Refused` where entries cannot be removed from it."""
        if self.watched.clearable is None:
            raise Refused(f"{self.named} cannot be cleared: its own workers recover stalled jobs; start one instead.")
        return self.watched.clearable

    @property
    def sample(self) -> str:
        """Count and first ids, for the plan."""
        more = f" and {len(self.jobs) - SAMPLES} more" if len(self.jobs) > SAMPLES else ""
        return f"{len(self.jobs)} entries: " + ", ".join(job.id for job in self.jobs[:SAMPLES]) + more

    def dump(self) -> str:
        """As JSON, for the ledger."""
        return json.dumps([self.system, self.queue, [asdict(job) for job in self.jobs]])

    @classmethod
    def load(cls, systems: Systems, text: str) -> "Entries":
        """From `dump`'s text."""
        system, queue, jobs = json.loads(text)
        return cls(systems, system, queue, tuple(Job(**job) for job in jobs))

    def those(self, found: Sequence[Job]) -> list[Job]:
        """Which of these entries are among those found, unchanged."""
        there = {(job.id, job.score, job.payload) for job in found}
        return [job for job in self.jobs if (job.id, job.score, job.payload) in there]


@dataclass(frozen=True, slots=True)
class OnEntries:
    """What every action on entries has in common: which they are, and what it is stored as."""

    entries: Entries
    clock: Clock

    patience: ClassVar[int] = 30 * SECOND

    @property
    def system(self) -> str:
        return self.entries.system

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.entries.queue,)

    def parameters(self) -> str:
        return self.entries.dump()


def told(done: Sequence[str], entries: Entries, verb: str, why_not: str) -> str:
    """What came of each entry: `3 removed; 1 skipped, moved on: 17`."""
    left = [job.id for job in entries.jobs if job.id not in set(done)]
    return f"{len(done)} {verb}" + (f"; {len(left)} skipped, {why_not}: {', '.join(left[:20])}" if left else "")


def answered(traces: Sequence[Trace], nothing: str) -> Effect | None:
    """What the steps said, with `nothing` where they changed none of the entries; None where no answer is known."""
    results = [trace.result for trace in traces if trace.result]
    if not results:
        return None
    left = "" if any(json.loads(result.data) for result in results) else nothing
    return Effect(happened=True, text="; ".join(result.text for result in results), left_to_do=left)
