"""Restart services of a system, unit by unit; a database is a p0, anything else a change."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.errors import Conflict, Refused
from bot.domain.policy import Risk
from bot.operations.action import Effect, Result, Trace
from bot.operations.plan import Plan, Step
from bot.ports import Clock, Restartable, ServiceUnit
from bot.systems import Component, Systems

_UP = frozenset({"running", "starting", "unhealthy"})
"""States of a unit that runs; what its health check says of it is for the verification."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Frozen units, as pairs of component and unit id: exactly these are restarted, in this order."""

    systems: Systems
    system: str
    units: tuple[tuple[str, str], ...]

    name = "restart"
    label = "Restart…"
    emergency = True
    least_risk = Risk.CHANGE

    @classmethod
    def load(cls, systems: Systems, clock: Clock, parameters: str) -> "Restart":  # noqa: ARG003 - it needs no time
        """From `parameters`."""
        system, units = json.loads(parameters)
        return cls(systems, system, tuple((component, unit) for component, unit in units))

    @classmethod
    async def of(cls, systems: Systems, system: str, components: Sequence[str]) -> "Restart":
        """Every unit that these components have now."""
        found: list[tuple[str, str]] = []
        for name in dict.fromkeys(components):
            component = systems[system].component(name)
            units = await _restarter(component, system).units(component.service or component.name)
            if not units:
                raise Conflict(f"{system}/{name} has no running unit; there is nothing to restart.")
            found += [(name, unit.id) for unit in units]
        if not found:
            raise Refused(f"Name at least one component of {system} to restart.")
        return cls(systems, system, tuple(found))

    @property
    def risk(self) -> Risk:
        return Risk.P0 if any(self._component(name).database for name in self.targets) else Risk.CHANGE

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for name, _ in self.units))

    @property
    def checks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(check for name in self.targets for check in self._component(name).verify))

    @property
    def patience(self) -> int:
        return max(_restarter(self._component(name), self.system).patience for name in self.targets)

    def parameters(self) -> str:
        return json.dumps([self.system, self.units])

    async def plan(self) -> Plan:
        steps: list[Step] = []
        before: list[str] = []
        for name, unit_id in self.units:
            unit = await self._unit(name, unit_id)
            if unit is None:
                raise Conflict(f"{self.system}/{name} no longer has the unit {unit_id[:12]}; ask again.")
            calls = tuple(call.text for call in _restarter(self._component(name), self.system).calls([unit]))
            steps.append(Step(f"restart {name} ({unit_id[:12]})", calls, json.dumps([name, unit_id])))
            before.append(f"{name} ({unit_id[:12]}) is {unit.state}")
        counted = [f"{name} ×{sum(1 for each, _ in self.units if each == name)}" for name in self.targets]
        return Plan(
            title=f"Restart {self.system}/{', '.join(self.targets)}",
            does=f"restarts {len(self.units)} unit{'s' if len(self.units) > 1 else ''}, one after another",
            steps=tuple(steps),
            before=tuple(before),
            touches=tuple(counted),
            not_reverted=("requests and jobs in flight are cut off",),
            undo="none: a restart cannot be taken back",
            material=tuple(f"{name} {unit_id}" for name, unit_id in self.units),
        )

    async def baseline(self, step: Step) -> str:
        name, unit_id = json.loads(step.data)
        unit = await self._unit(name, unit_id)
        return json.dumps(unit.started if unit else None)

    async def execute(self, step: Step) -> Result:
        name, unit_id = json.loads(step.data)
        component = self._component(name)
        # By its id alone: a container that was made anew meanwhile has another one, and the provider refuses.
        unit = ServiceUnit(unit_id, component.service or name, "running")
        await _restarter(component, self.system).restart(unit)
        return Result(f"{name} ({unit_id[:12]}) restarted")

    async def observe(self, traces: Sequence[Trace]) -> Effect:
        told: list[str] = []
        restarted = True
        for trace in traces:
            name, unit_id = json.loads(trace.step.data)
            unit = await self._unit(name, unit_id)
            if unit is None:
                return Effect(None, f"{name} ({unit_id[:12]}) is gone")
            if unit.started is None and unit.state in _UP:
                return Effect(None, f"{name} ({unit_id[:12]}) does not tell when it started")
            fresh = unit.started not in (None, json.loads(trace.baseline))
            if fresh and unit.state not in _UP:
                # It ended after its start, and may be about to start once more.
                return Effect(None, f"{name} ({unit_id[:12]}) started anew and is {unit.state}")
            restarted = restarted and fresh
            told.append(f"{name} ({unit_id[:12]}) is {unit.state}{', restarted' if fresh else ', not restarted'}")
        return Effect(restarted, "; ".join(told))

    def undo(self, traces: Sequence[Trace]) -> None:  # noqa: ARG002 - there is none
        return None

    def _component(self, name: str) -> Component:
        return self.systems[self.system].component(name)

    async def _unit(self, name: str, unit_id: str) -> ServiceUnit | None:
        component = self._component(name)
        units = await _restarter(component, self.system).units(component.service or component.name)
        return next((unit for unit in units if unit.id == unit_id), None)


def _restarter(component: Component, system: str) -> Restartable:
    if component.restarter is None:
        raise Refused(f"{system}/{component.name} cannot be restarted from here: no restart is configured for it.")
    return component.restarter
