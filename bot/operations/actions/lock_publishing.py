"""Lock publishing to the release that runs: the step of a rollback that was left, done by itself."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.errors import Conflict, Refused
from bot.domain.policy import Risk
from bot.operations.action import Effect, Result, Trace
from bot.operations.actions.roll_back import deployments
from bot.operations.plan import Plan, Step
from bot.ports import Clock, PublishingLock, Release
from bot.systems import Systems


@dataclass(frozen=True, slots=True)
class LockPublishing:
    """One component to the release that it must still run."""

    systems: Systems
    system: str
    component: str
    release: str

    name = "lock_publishing"
    label = "Lock publishing…"
    emergency = False
    least_risk = risk = Risk.CHANGE
    checks = ()

    @classmethod
    def load(cls, systems: Systems, clock: Clock, parameters: str) -> "LockPublishing":  # noqa: ARG003 - it needs no time
        """From `parameters`."""
        return cls(systems, *json.loads(parameters))

    @classmethod
    async def of(cls, systems: Systems, system: str, component: str) -> "LockPublishing":
        """To the release that runs now."""
        releases = await deployments(systems[system].component(component), system).releases()
        now = next((each for each in releases if each.current), None)
        if now is None:
            raise Refused(f"{system}/{component} does not tell which release it runs.")
        return cls(systems, system, component, now.id)

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.component,)

    @property
    def patience(self) -> int:
        return deployments(self.systems[self.system].component(self.component), self.system).patience

    def parameters(self) -> str:
        return json.dumps([self.system, self.component, self.release])

    async def plan(self) -> Plan:
        now, named = await self._now(), f"{self.system}/{self.component}"
        if now.id != self.release:
            raise Refused(f"{named} does not run {self.release} any more; it was released again since.")
        if not now.left_to_do:
            raise Conflict(f"Publishing of {named} is locked to {now.label} already.")
        calls = tuple(call.text for call in self._lock().lock_calls(now))
        return Plan(
            title=f"Lock publishing of {named} to {now.id}",
            does="; ".join(calls),
            steps=(Step(f"lock publishing to {now.label}", calls),),
            before=(f"{named} runs {now.label}; {now.left_to_do}",),
            undo="none from here: publishing is unlocked at the provider",
            material=(f"release {now.id}",),
        )

    async def baseline(self, step: Step) -> str:  # noqa: ARG002 - the one step
        return json.dumps((await self._now()).id)

    async def execute(self, step: Step) -> Result:  # noqa: ARG002 - the one step
        await self._lock().lock(Release(self.release, self.release))
        return Result(f"publishing locked to {self.release}")

    async def observe(self, traces: Sequence[Trace]) -> Effect:  # noqa: ARG002 - the live state says it all
        now = await self._now()
        locked = now.id == self.release and not now.left_to_do
        return Effect(locked, f"{self.system}/{self.component} runs {now.label}; {now.left_to_do or now.note}")

    def undo(self, traces: Sequence[Trace]) -> None:  # noqa: ARG002 - as the plan says
        return None

    async def _now(self) -> Release:
        releases = await deployments(self.systems[self.system].component(self.component), self.system).releases()
        return next((each for each in releases if each.current), Release("", "nothing that is known"))

    def _lock(self) -> PublishingLock:
        lock = self.systems[self.system].component(self.component).publishing
        if lock is None:
            raise Refused(f"Publishing of {self.system}/{self.component} cannot be locked.")
        return lock
