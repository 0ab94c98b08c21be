"""The lab: the simulated systems as one object, started, described, broken and stopped together."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from bot.local.lab.calls import CallLog
from bot.local.lab.child import free_ports
from bot.local.lab.component import Component
from bot.local.lab.newsletter import Newsletter
from bot.local.lab.pagerduty import USERS, PagerDuty
from bot.local.lab.postgres import Cluster
from bot.local.lab.system import LabSystem, Site
from bot.local.lab.target_list import TargetList
from bot.ports import Clock

_PORTS = 24


class Lab:
    """The production systems and PagerDuty, made of real servers on the loopback."""

    def __init__(self, directory: Path, clock: Clock, cluster: Cluster) -> None:
        """Put the parts together; `Lab.start` is the way in."""
        directory.mkdir(parents=True, exist_ok=True)
        ports = iter(free_ports(_PORTS))
        self._cluster = cluster
        self.pagerduty = PagerDuty(next(ports), clock, CallLog(clock))
        site = Site(directory, ports, clock, cluster)
        self.newsletter = Newsletter(site)
        self.target_list = TargetList(site)
        self._parts: tuple[LabSystem, ...] = (self.newsletter, self.target_list)
        self._systems: dict[str, Mapping[str, Component]] = {
            **{part.name: part.components for part in self._parts},
            "steward": {"pagerduty": self.pagerduty},
        }
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    async def start(cls, directory: Path, clock: Clock) -> Self:
        """Start every server, in parallel; all are healthy when this returns.

        Raises:
            ServerFailedError: one of them did not start; the others are stopped again.
        """
        cluster = await Cluster.create(directory / "postgres")
        lab = cls(directory, clock, cluster)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(lab.pagerduty.enter("up"))
                for part in lab._parts:
                    group.create_task(part.start())
        except BaseExceptionGroup as failures:
            await lab.stop()
            raise _first(failures) from failures
        return lab

    @property
    def path(self) -> Path:
        """The directory that belongs first on the bot's PATH."""
        return self.newsletter.machine.path

    @property
    def webhook_url(self) -> str | None:
        """Where PagerDuty sends its webhooks; none at first."""
        return self.pagerduty.webhook_url

    @webhook_url.setter
    def webhook_url(self, address: str | None) -> None:
        self.pagerduty.webhook_url = address

    def environment(self) -> dict[str, str]:
        """Every variable that the shipped configuration of the systems and of PagerDuty names."""
        told: dict[str, str] = {}
        for part in self._parts:
            told |= part.environment()
        return told | {
            "PAGERDUTY_URL": self.pagerduty.url,
            "PAGERDUTY_ROUTING_KEY": self.pagerduty.routing_key,
            "PAGERDUTY_WEBHOOK_SECRET": self.pagerduty.webhook_secret,
            **{f"PAGERDUTY_USER_{name.upper()}": user for name, user in USERS.items()},
        }

    def describe(self) -> dict[str, dict[str, dict[str, object]]]:
        """`{system: {component: {"url", "states", "state", "set", "values"}}}`."""
        return {
            system: {name: component.describe() for name, component in components.items()}
            for system, components in self._systems.items()
        }

    async def apply(self, system: str, component: str, body: Mapping[str, object]) -> dict[str, object]:
        """Break or set a component, and describe it as it is then.

        Raises:
            KeyError: no such system or component.
            ValueError: no such state, key or value; the text names what is possible.
        """
        found = self._find(system, component)
        async with self._one_at_a_time:
            await found.apply(body)
        return found.describe()

    def calls(self, system: str, component: str) -> list[dict[str, object]]:
        """The calls that a vendor stand-in received, oldest first, without secrets.

        Raises:
            KeyError: no such system or component.
        """
        return self._find(system, component).calls()

    async def stop(self) -> None:
        """Stop every server and delete the database's files; stopping twice is harmless."""
        await asyncio.gather(self.pagerduty.close(), *(part.stop() for part in self._parts))
        self._cluster.remove()

    def server_pids(self) -> list[int]:
        """The process ids of the servers that run now."""
        return [pid for part in self._parts for pid in part.server_pids() if pid is not None]

    def _find(self, system: str, component: str) -> Component:
        if system not in self._systems:
            raise KeyError(f"no system {system}; there are {', '.join(self._systems)}")
        components = self._systems[system]
        if component not in components:
            raise KeyError(f"{system} has no component {component}; it has {', '.join(components)}")
        return components[component]


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first failure itself, out of the groups that it came in."""
    failure: BaseException = failures
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure
