"""The containers of the compose project, and what Docker refuses; starting one really starts what it stands for."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from bot.ports import Clock

PROJECT = "newsletter"
_MINUTE_MS = 60_000
_DAY_MS = 24 * 60 * _MINUTE_MS


class Unit(Protocol):
    """What a service's containers stand for."""

    async def start(self, container: str) -> None:
        """Run it for this container."""
        ...

    async def stop(self, container: str) -> None:
        """End it for this container."""
        ...

    def healthy(self, container: str) -> bool:
        """Whether the container's health check would pass now."""
        ...


class DockerError(Exception):
    """Docker's refusal: the HTTP status and its message."""

    def __init__(self, status: int, message: str) -> None:
        """Keep both."""
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Image:
    """An image that the registry knows."""

    reference: str
    created: int

    @property
    def digest(self) -> str:
        """A made-up digest, the same each time for the same reference."""
        return "sha256:" + self.reference.encode().hex().ljust(64, "0")[:64]


@dataclass(slots=True)
class Container:
    """One container; `running` and its times change."""

    service: str
    image: Image
    number: int
    created: int
    identifier: str = field(default_factory=lambda: secrets.token_hex(32))
    running: bool = False
    started: int = 0
    finished: int = 0
    exit_code: int = 0
    restarts: int = 0
    log: list[tuple[int, str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Compose's name for it."""
        return f"{PROJECT}-{self.service}-{self.number}"


def iso(at: int) -> str:
    """A time as Docker writes it."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


class Host:
    """The Docker host: images, containers, and the units behind them."""

    def __init__(self, clock: Clock, compose_file: str) -> None:
        """An empty host."""
        self.clock = clock
        self.compose_file = compose_file
        self.containers: dict[str, Container] = {}
        self._units: dict[str, Unit] = {}
        self._changed: list[Callable[[], Awaitable[None]]] = []
        now = clock.now()
        ages = {
            "newsletter-app:v38": 21 * _DAY_MS,
            "newsletter-app:v39": 12 * _DAY_MS,
            "newsletter-app:v40": 5 * _DAY_MS,
            "newsletter-app:v41": 25 * _MINUTE_MS,
            "postgres:16": 90 * _DAY_MS,
            "redis:7": 80 * _DAY_MS,
        }
        self.images = {reference: Image(reference, now - age) for reference, age in ages.items()}

    def connect(self, service: str, unit: Unit) -> None:
        """Tell what a service's containers stand for."""
        self._units[service] = unit

    def find(self, reference: str) -> Container:
        """The container of this id, unambiguous beginning of an id, or name.

        Raises:
            DockerError: 404, as Docker says it.
        """
        found = [each for each in self.containers.values() if each.name == reference.lstrip("/")]
        found = found or [each for each in self.containers.values() if each.identifier.startswith(reference)]
        if len(found) != 1 or not reference:
            raise DockerError(404, f"No such container: {reference}")
        return found[0]

    def image(self, reference: str) -> Image:
        """The image of this reference.

        Raises:
            DockerError: 404, as Docker says it.
        """
        if reference not in self.images:
            raise DockerError(404, f"No such image: {reference}")
        return self.images[reference]

    def of_service(self, service: str) -> list[Container]:
        """A service's containers by number."""
        return sorted(
            (each for each in self.containers.values() if each.service == service), key=lambda each: each.number
        )

    def healthy(self, container: Container) -> bool:
        """Whether the container's health check passes now."""
        return container.running and self._units[container.service].healthy(container.identifier)

    async def create(self, service: str, image: Image, number: int) -> Container:
        """A new container, not started."""
        container = Container(service, image, number, created=self.clock.now())
        self.containers[container.identifier] = container
        return container

    async def start(self, container: Container) -> bool:
        """Start it; false if it runs already."""
        if container.running:
            return False
        container.running = True
        container.started = self.clock.now()
        container.log.append((container.started, f"{container.service} starting, image {container.image.reference}"))
        await self._units[container.service].start(container.identifier)
        container.log.append((self.clock.now(), f"{container.service} ready"))
        return True

    async def stop(self, container: Container) -> bool:
        """Stop it; false if it has stopped already."""
        if not container.running:
            return False
        container.log.append((self.clock.now(), "received SIGTERM, shutting down"))
        await self._units[container.service].stop(container.identifier)
        container.running = False
        container.finished = self.clock.now()
        return True

    async def restart(self, container: Container) -> None:
        """Stop it where it runs, and start it with the image that it has."""
        await self.stop(container)
        container.restarts += 1
        await self.start(container)

    async def remove(self, container: Container, *, force: bool = False) -> None:
        """Delete it.

        Raises:
            DockerError: 409, if it runs and is not forced.
        """
        if container.running and not force:
            raise DockerError(
                409,
                f'cannot remove container "/{container.name}": container is running: '
                "stop the container before removing or force remove",
            )
        await self.stop(container)
        del self.containers[container.identifier]

    def release(self) -> str:
        """The tag of the app that runs, or ran last."""
        apps = self.of_service("app")
        return apps[0].image.reference.partition(":")[2] if apps else ""
