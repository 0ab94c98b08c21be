"""The systems as the services see them: checks, queues and components over ports, built by wiring."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

from bot.domain.errors import NotFound, UsageError
from bot.domain.nearest import did_you_mean
from bot.domain.reading import Status, Thresholds
from bot.ports import ClearableQueue, Deployments, Measurement, PublishingLock, Queue, Restartable, RetriableQueue, Rows

T = TypeVar("T")

NO_LIMITS = Thresholds()


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be done to a system beside looking at it: a button, the listener behind it, what it hands over."""

    label: str
    listener: str
    value: str


@dataclass(frozen=True, slots=True)
class Check:
    """One check: how to measure, within how many ms, and what counts as warning or critical.

    `expect`: where a measure's unit is `status`, the HTTP status that is healthy. `target`: the connection it measures.
    """

    name: str
    title: str
    measure: Callable[[], Awaitable[Measurement]]
    thresholds: Thresholds
    timeout: int
    expect: int | None = None
    target: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A few rows for people: how to read them, within how many ms. `target`: the connection that they come from."""

    name: str
    title: str
    read: Callable[[], Awaitable[Rows]]
    timeout: int
    target: str = ""


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """What is too much in a queue; `oldest`: the age of the job that waits longest; `paused`: what a paused one is."""

    waiting: Thresholds = NO_LIMITS
    failed: Thresholds = NO_LIMITS
    stuck: Thresholds = NO_LIMITS
    oldest: Thresholds = NO_LIMITS
    paused: Status = Status.WARNING


@dataclass(frozen=True, slots=True)
class WatchedQueue:
    """One queue: how it is read, what can be done to it, and its limits."""

    name: str
    source: Queue
    limits: QueueLimits = QueueLimits()
    retriable: RetriableQueue | None = None
    clearable: ClearableQueue | None = None
    workers: str = ""
    target: str = ""


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
    """One production system. `connections`: the clients of its adapters, for the actions that those offer."""

    name: str
    title: str
    checks: Mapping[str, Check] = field(default_factory=dict)
    queues: Mapping[str, WatchedQueue] = field(default_factory=dict)
    components: Mapping[str, Component] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    connections: Mapping[str, object] = field(default_factory=dict)
    offers: tuple[Offer, ...] = ()

    def queue(self, name: str) -> WatchedQueue:
        """One queue by name; raises `NotFound` with the nearest names."""
        return _named(self.queues, name, f"{self.name} has no queue")

    def component(self, name: str) -> Component:
        """One component by name; raises `NotFound` with the nearest names."""
        return _named(self.components, name, f"{self.name} has no component")

    def check(self, name: str) -> Check:
        """One check by name; raises `NotFound` with the nearest names."""
        return _named(self.checks, name, f"{self.name} has no check")

    def connection(self, name: str) -> object:
        """The client of a connection; raises `NotFound` with the nearest names."""
        return _named(self.connections, name, f"{self.name} has no connection")

    def table(self, name: str) -> Table | None:
        """One table by name or title; None where there is none."""
        return _find(self.tables, name)

    def watched(self, name: str) -> Check | WatchedQueue:
        """One check or queue by name; raises `NotFound` with the nearest names."""
        things: dict[str, Check | WatchedQueue] = {**self.checks, **self.queues}
        return _named(things, name, f"{self.name} has no check or queue")


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

    def named_in(self, words: Sequence[str]) -> tuple[System, str]:
        """The system that the first words name, and the rest as one text.

        Where they name none, the only system that has a check or queue of that name; raises `NotFound` or `UsageError`.
        """
        for count in range(len(words), 0, -1):
            system = _find(self._systems, " ".join(words[:count]))
            if system is not None:
                return system, " ".join(words[count:])
        return self._watching(" ".join(words)) or self[words[0]], " ".join(words)

    def _watching(self, name: str) -> System | None:
        """The one system that has a check or queue of this name; raises `UsageError` where several have."""
        found = [each for each in self.all() if _find({**each.checks, **each.queues, **each.tables}, name) is not None]
        if len(found) > 1:
            raise UsageError(f"{' and '.join(each.name for each in found)} have {name}: name the system before it.")
        return found[0] if found else None


def _find(things: Mapping[str, T], name: str) -> T | None:
    """By name or by title, as people see them: in any case, with spaces or dashes."""
    if name in things:
        return things[name]
    typed = _plain(name)
    for key, thing in things.items():
        if typed in {_plain(key), _plain(getattr(thing, "title", ""))}:
            return thing
    return None


@lru_cache(1_024)
def _plain(name: str) -> str:
    return "-".join(name.casefold().replace("-", " ").split())


def _named(things: Mapping[str, T], name: str, problem: str) -> T:
    found = _find(things, name)
    if found is not None:
        return found
    there = f"there are {', '.join(things) or 'none'}."
    raise NotFound(f"{problem} {name}; {did_you_mean(name, things, there)}")
