"""What the compose project's containers stand for: the app, the workers, the database, the cache."""

from collections.abc import Mapping
from typing import ClassVar

from bot.local.lab.cache import Cache
from bot.local.lab.component import Component, Setting
from bot.local.lab.containers import Host
from bot.local.lab.database import Database
from bot.local.lab.mail_queues import MailQueues
from bot.local.lab.services import App


class AppUnit:
    """The app's HTTP service."""

    def __init__(self, app: App) -> None:
        """Stand for this service."""
        self._app = app

    async def start(self, _: str) -> None:
        """Listen again; what was wedged is well."""
        await self._app.begin()

    async def stop(self, _: str) -> None:
        """Stop listening; how it misbehaves is kept."""
        await self._app.close()

    def healthy(self, _: str) -> bool:
        """As its own health endpoint says."""
        return self._app.well


class WorkerUnit:
    """A live worker per container; a stuck one is alive and does nothing."""

    def __init__(self, queues: MailQueues) -> None:
        """Work these queues."""
        self._queues = queues
        self.stuck: set[str] = set()

    async def start(self, container: str) -> None:
        """Begin to work."""
        self.stuck.discard(container)
        await self._queues.work(container)

    async def stop(self, container: str) -> None:
        """Finish the job at hand and end."""
        await self._queues.rest(container)

    def healthy(self, container: str) -> bool:
        """A stuck worker fails its check."""
        return container not in self.stuck


class ServerUnit:
    """A server that is also a component of its own."""

    def __init__(self, server: Database | Cache) -> None:
        """Stand for this server."""
        self._server = server

    async def start(self, _: str) -> None:
        """Start the server; its data is there."""
        if self._server.state == "down":
            await self._server.enter("up")

    async def stop(self, _: str) -> None:
        """Stop the server."""
        await self._server.enter("down")

    def healthy(self, _: str) -> bool:
        """Whether the server answers those who know how to ask."""
        return self._server.state != "down"


class Workers(Component):
    """The worker containers as one component."""

    states: ClassVar[Mapping[str, str]] = {
        "up": "the workers work",
        "down": "the worker containers are stopped",
        "stuck": "the workers run, fail their health check and do nothing until restarted",
    }
    settings: ClassVar[Mapping[str, Setting]] = {}

    def __init__(self, host: Host, unit: WorkerUnit, queues: MailQueues) -> None:
        """Act on the containers of the service `worker`."""
        self._host = host
        self._unit = unit
        self._queues = queues

    @property
    def url(self) -> str:
        """There is none: workers take jobs."""
        return ""

    @property
    def state(self) -> str:
        """As its containers are."""
        running = [each.identifier for each in self._host.of_service("worker") if each.running]
        if not running:
            return "down"
        return "stuck" if self._unit.stuck & set(running) else "up"

    def values(self) -> dict[str, object]:
        """Nothing can be set; scaling is compose's."""
        return {}

    async def enter(self, state: str) -> None:
        """Stop, start, or block every worker."""
        for container in self._host.of_service("worker"):
            if state == "down":
                await self._host.stop(container)
                continue
            if not container.running or container.identifier in self._unit.stuck:
                await self._host.restart(container)
            if state == "stuck":
                await self._queues.rest(container.identifier)
                self._unit.stuck.add(container.identifier)

    async def put(self, key: str, value: object) -> None:
        """Nothing can be set."""
        raise NotImplementedError(key, value)
