"""A provider that keeps its state in a file: releases, jobs, units and a valve."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from adapters.kind import Connection, Entry, Measure, Options, Provides, Provisions, Table
from bot.domain.errors import Conflict
from bot.domain.policy import Risk
from bot.operations.action import Effect, Result, Trace
from bot.operations.plan import Plan, Step
from bot.ports import Call, Clock, Deployments, Measurement, Queue, QueueState, Release, Restartable, Rows, ServiceUnit
from bot.systems import Systems

KIND = "toy"


class Config(Connection):
    """`{toy: /path/to/state.json}`."""

    toy: str = Field(description="The file with its state")


class Toy:
    """The whole provider."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def state(self) -> dict[str, Any]:
        """As it is now."""
        found: dict[str, Any] = json.loads(self._file.read_text())
        return found

    def change(self, **values: object) -> None:
        """Keep these values."""
        self._file.write_text(json.dumps({**self.state(), **values}))

    async def pressure(self, *, valve: str = "main") -> Measurement:
        """How much of it there is."""
        return Measurement(float(self.state()["pressure"]), "%", valve)

    async def level(self, *, gauge: str) -> Measurement:
        """What one gauge reads."""
        return Measurement(float(self.state()["readings"][gauge]))

    async def readings(self, *, limit: int = 2) -> Rows:
        """The newest readings."""
        rows = tuple((name, str(value)) for name, value in self.state()["readings"].items())
        return Rows(("gauge", "reading"), rows[:limit], len(rows) - len(rows[:limit]))

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class ToyDeployments:
    """Releases of one line."""

    toy: Toy
    line: str
    patience = 1000

    async def releases(self) -> Sequence[Release]:
        """The newest first."""
        state = self.toy.state()
        return [Release(each, f"{self.line} {each}", current=each == state["release"]) for each in state["releases"]]

    def calls(self, target: Release) -> Sequence[Call]:
        """One."""
        return [Call(f"toy release {target.id}")]

    async def roll_back(self, target: Release) -> None:
        """Run it."""
        self.toy.change(release=target.id)

    def not_reverted(self) -> Sequence[str]:
        """Nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class ToyQueue:
    """Jobs that can be counted."""

    toy: Toy

    async def state(self, now: int) -> QueueState:
        """Counts."""
        del now
        return QueueState(int(self.toy.state()["jobs"]), 0, None, None, None)


@dataclass(frozen=True, slots=True)
class ToyServices:
    """One unit per service."""

    toy: Toy
    patience = 1000

    async def units(self, service: str | None = None) -> Sequence[ServiceUnit]:
        """The unit of a service."""
        return [ServiceUnit(f"{service}-1", service or "", "running", self.toy.state()["started"])]

    async def restart(self, unit: ServiceUnit) -> None:
        """Start it anew."""
        del unit
        self.toy.change(started=self.toy.state()["started"] + 1)

    def calls(self, units: Sequence[ServiceUnit]) -> Sequence[Call]:
        """One per unit."""
        return [Call(f"toy restart {unit.id}") for unit in units]


@dataclass(frozen=True, slots=True)
class OpenValve:
    """Lets the pressure off."""

    systems: Systems
    system: str
    connection: str

    name = "toy.open_valve"
    label = "Open the valve…"
    emergency = False
    least_risk = risk = Risk.P0
    checks = ()
    patience = 1000

    @classmethod
    async def of(cls, systems: Systems, clock: Clock, system: str, connection: str) -> "OpenValve":
        """Where there is pressure."""
        del clock
        made = cls(systems, system, connection)
        if not made.toy.state()["pressure"]:
            raise Conflict("There is no pressure to let off.")
        return made

    @classmethod
    def load(cls, systems: Systems, clock: Clock, parameters: str) -> "OpenValve":
        """From `parameters`."""
        del clock
        return cls(systems, *json.loads(parameters))

    @property
    def toy(self) -> Toy:
        """The client of its connection."""
        found = self.systems[self.system].connection(self.connection)
        assert isinstance(found, Toy)
        return found

    @property
    def targets(self) -> tuple[str, ...]:
        """The connection."""
        return (self.connection,)

    def parameters(self) -> str:
        """Both names."""
        return json.dumps([self.system, self.connection])

    async def plan(self) -> Plan:
        """One step."""
        return Plan(
            title=f"Open the valve of {self.system}",
            does="lets all pressure off",
            steps=(Step("open it", ("toy open",), "{}"),),
            before=(f"the pressure is {self.toy.state()['pressure']} %",),
            touches=(self.connection,),
            not_reverted=(),
            undo="none: what is gone is gone",
            material=(str(self.toy.state()["pressure"]),),
        )

    async def baseline(self, step: Step) -> str:
        """The pressure before."""
        del step
        return json.dumps(self.toy.state()["pressure"])

    async def execute(self, step: Step) -> Result:
        """Open it."""
        del step
        self.toy.change(pressure=0)
        return Result("the valve is open")

    async def observe(self, traces: Sequence[Trace]) -> Effect:
        """Whether the pressure is gone."""
        del traces
        return Effect(self.toy.state()["pressure"] == 0, f"the pressure is {self.toy.state()['pressure']} %")

    def undo(self, traces: Sequence[Trace]) -> None:
        """None."""
        del traces


def open(config: Config) -> Toy:  # noqa: A001 - the shape of every kind, see adapters/kind.py
    """Nothing is connected yet."""
    return Toy(Path(config.toy))


class LineOptions(Options):
    """`{toy: box, line: stable}`."""

    line: str


def _deployments(toy: Toy, options: LineOptions, entry: Entry) -> Deployments:
    del entry
    return ToyDeployments(toy, options.line)


def _queue(toy: Toy, options: Options, entry: Entry) -> Queue:
    del options, entry
    return ToyQueue(toy)


def _services(toy: Toy, options: Options, entry: Entry) -> Restartable:
    del options, entry
    return ToyServices(toy)


MEASURES: Mapping[str, Measure] = {"pressure": Measure(Toy.pressure, unit="%"), "level": Measure(Toy.level)}
TABLES: Mapping[str, Table] = {"readings": Table(Toy.readings)}
PROVIDES: Provisions = {
    "deployment": Provides(_deployments, LineOptions),
    "queue": Provides(_queue),
    "restart": Provides(_services),
}
ACTIONS = (OpenValve,)
