"""The systems as the services see them: checks, queues and components over ports, built by wiring."""

import difflib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from bot.domain.errors import NotFound
from bot.domain.reading import Thresholds
from bot.ports import ClearableQueue, Deployments, Measurement, PublishingLock, Queue, Restartable, RetriableQueue

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Check:
    """One check: how to measure, within how many ms, and what counts as warning or critical.

    `expect`: where a measure's unit is `status`, the HTTP status that is healthy.
    """

    name: str
    title: str
    measure: Callable[[], Awaitable[Measurement]]
    thresholds: Thresholds
    timeout: int
    expect: int | None = None


@dataclass(frozen=True, slots=True)
class WatchedQueue:
    """One queue: how it is read, what can be done to it, and its thresholds."""

    name: str
    source: Queue
    thresholds: Thresholds
    retriable: RetriableQueue | None = None
    clearable: ClearableQueue | None = None
    stuck_after: int = 0
    expire_after: int = 0
    workers: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """Something that is released and restarted. `service` is its name at the restarter."""

    name: str
    deployments: Deployments | None = None
    publishing: PublishingLock | None = None
    restarter: Restartable | None = None
    service: str = ""
    database: bool = False
    verify: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class System:
    """One production system."""

    name: str
    title: str
    checks: Mapping[str, Check] = field(default_factory=dict)
    queues: Mapping[str, WatchedQueue] = field(default_factory=dict)
    components: Mapping[str, Component] = field(default_factory=dict)

    def queue(self, name: str) -> WatchedQueue:
        """One queue by name; raises `NotFound` with the nearest names."""
        return _named(self.queues, name, f"{self.name} has no queue")

    def component(self, name: str) -> Component:
        """One component by name; raises `NotFound` with the nearest names."""
        return _named(self.components, name, f"{self.name} has no component")

    def check(self, name: str) -> Check:
        """One check by name; raises `NotFound` with the nearest names."""
        return _named(self.checks, name, f"{self.name} has no check")


class Systems:
    """All systems by name."""

    def __init__(self, systems: Mapping[str, System]) -> None:
        self._systems = dict(systems)

    def __getitem__(self, name: str) -> System:
        """One system by name; raises `NotFound` with the nearest names."""
        return _named(self._systems, name, "There is no system")

    def all(self) -> tuple[System, ...]:
        """Every system, in the order of the configuration."""
        return tuple(self._systems.values())


def _named(things: Mapping[str, T], name: str, problem: str) -> T:
    if name in things:
        return things[name]
    near = difflib.get_close_matches(name, things, n=1)
    hint = (
        f"did you mean {near[0]}?" if near else "there " + ("are " + ", ".join(things) if things else "are none") + "."
    )
    raise NotFound(f"{problem} {name}; {hint}")
