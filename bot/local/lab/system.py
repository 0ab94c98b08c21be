"""What a simulated system is to the lab: its components, what the bot is told of them, and how it starts and stops."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.local.lab.component import Component
from bot.local.lab.postgres import Cluster
from bot.ports import Clock


@dataclass(frozen=True, slots=True)
class Site:
    """Where a system is built: its directory, free ports, the lab's clock and its PostgreSQL files."""

    directory: Path
    ports: Iterator[int]
    clock: Clock
    cluster: Cluster


class LabSystem(Protocol):
    """One module of the lab per system."""

    @property
    def name(self) -> str:
        """As the configuration calls it."""
        ...

    @property
    def components(self) -> Mapping[str, Component]:
        """What can be broken and set, by name."""
        ...

    def environment(self) -> dict[str, str]:
        """Every variable that its part of the shipped configuration names."""
        ...

    async def start(self) -> None:
        """Start every server, in parallel; all are healthy when this returns."""
        ...

    async def stop(self) -> None:
        """Stop every server; stopping twice is harmless."""
        ...

    def server_pids(self) -> Iterable[int | None]:
        """The process ids of its servers; None for one that does not run."""
        ...
