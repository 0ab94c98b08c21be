"""Retry failed jobs of a queue, one by one, by the queue's own script."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.errors import Conflict, NotDone, Refused, Rejected, TargetError, Unauthorized
from bot.domain.one_line import one_line, shown_id
from bot.domain.policy import Risk
from bot.domain.timing import SECOND
from bot.operations.action import Effect, Result, Trace
from bot.operations.plan import Plan, Step
from bot.ports import Clock, QueueState, RetriableQueue
from bot.systems import Systems

MOST = 500
BATCH = 25
_SAMPLES = 5


@dataclass(frozen=True, slots=True)
class RetryFailed:
    """Frozen ids: exactly these jobs, where they are still failed."""

    systems: Systems
    system: str
    queue: str
    ids: tuple[str, ...]

    name = "retry_failed"
    label = "Retry failed…"
    emergency = False
    least_risk = risk = Risk.CHANGE
    checks = ()
    patience = 60 * SECOND

    @classmethod
    def load(cls, systems: Systems, clock: Clock, parameters: str) -> "RetryFailed":  # noqa: ARG003 - it needs no time
        """From `parameters`."""
        system, queue, ids = json.loads(parameters)
        return cls(systems, system, queue, tuple(ids))

    @classmethod
    async def of(cls, systems: Systems, system: str, queue: str) -> "RetryFailed":
        """The jobs that are failed now, 500 at most."""
        found = await _source(systems, system, queue).failed(MOST)
        if not found:
            raise Conflict(f"{system}/{queue} has no failed jobs; there is nothing to retry.")
        return cls(systems, system, queue, tuple(job.id for job in found))

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.queue,)

    def parameters(self) -> str:
        return json.dumps([self.system, self.queue, self.ids])

    async def plan(self) -> Plan:
        source = _source(self.systems, self.system, self.queue)
        refusal = await source.refusal()
        if refusal:
            raise Refused(f"{self.system}/{self.queue}: a retry now would lose jobs. {refusal}")
        eligible = await source.still_failed(self.ids)
        state = await self._state()
        does = ["retries each job by BullMQ's own script; jobs that are no longer failed are skipped"]
        others = (state.failed or 0) - len(eligible)
        if others > 0:
            does.append(f"{others:,} more failed jobs stay as they are; they are offered next")
        if state.paused:
            does.append("the queue is paused: what is retried waits until somebody resumes it")
        if state.workers == 0:
            does.append("no worker is connected: what is retried waits until one is")
        samples = ", ".join(one_line(f"{shown_id(job.id)} {job.title}") for job in eligible[:_SAMPLES])
        batches = [self.ids[place : place + BATCH] for place in range(0, len(self.ids), BATCH)]
        return Plan(
            title=f"Retry {len(self.ids)} failed jobs of {self.system}/{self.queue}",
            does="; ".join(does),
            steps=tuple(
                Step(f"retry {len(batch)} jobs", (f"reprocessJob × {len(batch)}: {_named(batch)}",), json.dumps(batch))
                for batch in batches
            ),
            before=(f"{len(eligible)} of {len(self.ids)} jobs are failed now",),
            touches=(f"{len(self.ids)} jobs: {samples}",),
            not_reverted=("what a job had done before it failed is done again (mail is sent at least once)",),
            undo="none: a job that runs cannot be called back",
        )

    async def baseline(self, step: Step) -> str:
        failed = await _source(*self._place()).still_failed(json.loads(step.data))
        return json.dumps({job.id: [job.since, job.attempts] for job in failed})

    async def execute(self, step: Step) -> Result:
        source = _source(self.systems, self.system, self.queue)
        retried: list[str] = []
        skipped: list[str] = []
        for place, each in enumerate(ids := json.loads(step.data)):
            try:
                (retried if await source.retry(each) else skipped).append(each)
            except (Rejected, NotDone, Unauthorized) as error:
                if not retried:
                    raise
                left = ids[place:]
                text = f"{len(retried)} retried; then refused: {error} Not retried: {_named(left)}"
                return Result(text, json.dumps({"left": len(left)}))
        text = f"{len(retried)} retried"
        return Result(f"{text}; {len(skipped)} skipped, no longer failed: {_named(skipped)}" if skipped else text)

    async def observe(self, traces: Sequence[Trace]) -> Effect:
        lost = [trace for trace in traces if trace.result is None]
        if not lost:
            texts = "; ".join(trace.result.text for trace in traces if trace.result)
            return Effect(happened=True, text=texts, left_to_do=await self._left(traces))
        now = {job.id: [job.since, job.attempts] for job in await _source(*self._place()).still_failed(self.ids)}
        still = [each for trace in lost for each, was in json.loads(trace.baseline).items() if now.get(each) == was]
        if still:
            return Effect(happened=False, text=f"{len(still)} jobs are failed as before: {_named(still[:_SAMPLES])}")
        return Effect(happened=True, text="every job left its failed state", left_to_do=await self._left(traces))

    async def _left(self, traces: Sequence[Trace]) -> str:
        """How many were refused, or wait for the next run; it never makes an outcome unknown."""
        left = sum(json.loads(trace.result.data).get("left", 0) for trace in traces if trace.result)
        if left:
            return f"{left} {'job was' if left == 1 else 'jobs were'} not retried"
        if len(self.ids) < MOST:
            return ""
        try:
            failed = (await self._state()).failed
        except TargetError:
            return ""
        return f"{failed:,} jobs are still failed" if failed else ""

    async def _state(self) -> QueueState:
        # Its counts alone are read, so the moment does not matter.
        return await self.systems[self.system].queue(self.queue).source.state(0)

    def undo(self, traces: Sequence[Trace]) -> None:  # noqa: ARG002 - there is none
        return None

    def _place(self) -> tuple[Systems, str, str]:
        return self.systems, self.system, self.queue


def _named(ids: Sequence[str]) -> str:
    """Ids for people."""
    return ", ".join(map(shown_id, ids))


def _source(systems: Systems, system: str, queue: str) -> RetriableQueue:
    source = systems[system].queue(queue).retriable
    if source is None:
        raise Refused(f"{system}/{queue} has no failed jobs to retry: this kind of queue keeps none.")
    return source
