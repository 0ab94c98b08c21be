"""Return a component to an earlier release."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.domain.errors import Conflict, NotFound, Refused
from bot.domain.nearest import nearest_few
from bot.domain.policy import Risk
from bot.operations.action import Effect, Result, Trace
from bot.operations.plan import Plan, Step
from bot.ports import Clock, Deployments, Release
from bot.systems import Component, Systems

PREVIOUS = "previous"


@dataclass(frozen=True, slots=True)
class RollBack:
    """One component to one release. `expected`: the release that must be current (an undo), or empty for any.

    `seen`: the releases that it was chosen from a moment ago, so that its plan need not ask for them once more.
    """

    systems: Systems
    system: str
    component: str
    release: str
    expected: str = ""
    seen: tuple[Release, ...] = field(default=(), compare=False, repr=False)

    name = "roll_back"
    label = "Roll back…"
    emergency = True
    least_risk = risk = Risk.P0

    @classmethod
    def load(cls, systems: Systems, clock: Clock, parameters: str) -> "RollBack":  # noqa: ARG003 - it needs no time
        """From `parameters`."""
        return cls(systems, *json.loads(parameters))

    @classmethod
    async def to(cls, systems: Systems, system: str, component: str, wanted: str) -> "RollBack":
        """The release that a person means: an id, a title, or `previous`. Raises `NotFound` with the nearest."""
        releases = await deployments(systems[system].component(component), system).releases()
        chosen = meant(releases, wanted, f"{system}/{component}")
        return cls(systems, system, component, chosen.id, seen=tuple(releases))

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.component,)

    @property
    def checks(self) -> tuple[str, ...]:
        return self._component().verify

    @property
    def patience(self) -> int:
        return self._deployments().patience

    def parameters(self) -> str:
        return json.dumps([self.system, self.component, self.release, self.expected])

    async def plan(self) -> Plan:
        source = self._deployments()
        releases = self.seen or await source.releases()
        now = _current(releases)
        target = next((each for each in releases if each.id == self.release), None)
        if target is None:
            raise NotFound(f"{self._named()} has no release {self.release} any more; choose another.")
        if target.current:
            raise Conflict(f"{self._named()} already runs {target.label}; name another release.")
        if self.expected and (now is None or now.id != self.expected):
            raise Refused(f"{self._named()} does not run {self.expected} any more; it was released again since.")
        calls = tuple(call.text for call in source.calls(target))
        was = now.id if now else "an unknown release"
        return Plan(
            title=f"Roll back {self._named()} {was} → {target.id}",
            does="; ".join(calls) + (f" ({target.title})" if target.title != target.id else ""),
            steps=(Step(f"make {target.label} current", calls),),
            before=(f"{self._named()} runs {now.label if now else was}",),
            not_reverted=tuple(source.not_reverted()),
            undo=f"back to {was}" if now else "none: the current release is not listed",
            undoable=now is not None,
            material=(f"release {now.id if now else 'none'}", f"target {target.id}"),
        )

    async def baseline(self, step: Step) -> str:  # noqa: ARG002 - the one step
        now = _current(await self._deployments().releases())
        return json.dumps(now.id if now else "")

    async def execute(self, step: Step) -> Result:  # noqa: ARG002 - the one step
        # Nothing is read here: between the last look at what is live and the change lies nothing else.
        await self._deployments().roll_back(Release(self.release, self.release))
        return Result(f"{self.release} made current")

    async def observe(self, traces: Sequence[Trace]) -> Effect:  # noqa: ARG002 - what runs now tells it
        now = _current(await self._deployments().releases())
        if now is None:
            return Effect(None, f"{self._named()} does not tell which release it runs")
        note = f"; {now.note}" if now.note else ""
        if now.id == self.release and not now.running:
            # Half of the work is no proof of the whole, whether or not the step answered.
            return Effect(None, f"{self._named()} has {now.label}, and it does not run{note}")
        happened = now.id == self.release
        return Effect(happened, f"{self._named()} runs {now.label}{note}", now.left_to_do if happened else "")

    def undo(self, traces: Sequence[Trace]) -> "RollBack | None":
        before = json.loads(traces[0].baseline) if traces else ""
        if not before or before == self.release:
            return None
        return RollBack(self.systems, self.system, self.component, before, expected=self.release)

    def _named(self) -> str:
        return f"{self.system}/{self.component}"

    def _component(self) -> Component:
        return self.systems[self.system].component(self.component)

    def _deployments(self) -> Deployments:
        return deployments(self._component(), self.system)


def deployments(component: Component, system: str) -> Deployments:
    """Where a component is released; raises `Refused` where it is not."""
    if component.deployments is None:
        raise Refused(f"{system}/{component.name} has no deployment that could be rolled back.")
    return component.deployments


def _current(releases: Sequence[Release]) -> Release | None:
    return next((each for each in releases if each.current), None)


def meant(releases: Sequence[Release], wanted: str, named: str) -> Release:
    """The release that a person typed; raises `NotFound` with the nearest."""
    if wanted.lower() == PREVIOUS:
        place = next((place for place, each in enumerate(releases) if each.current), None)
        if place is None:
            raise NotFound(f"{named} does not tell which release it runs; name the release to go back to.")
        if place + 1 >= len(releases):
            raise NotFound(f"{named} has no release before {releases[place].label}.")
        return releases[place + 1]
    for each in releases:
        if wanted in (each.id, each.title):
            return each
    names = [each.id for each in releases]
    near = nearest_few(wanted, names) or names[:5]
    hint = f"there are {', '.join(near)}" if near else "it lists none"
    raise NotFound(f"{named} has no release {wanted}; {hint}.")
