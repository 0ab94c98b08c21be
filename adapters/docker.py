"""`Restartable` on a Docker Engine: the containers of one compose project, their health, and restarting them.

Source: moby api/swagger.yaml; docker/compose pkg/api/labels.go. Old Engines refuse newer versions of the API, new ones
older versions (29.0 all below 1.44), so `GET /version` is asked which to speak.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from pydantic import Field, field_validator

from adapters import outgoing
from adapters.kind import Connection, Entry, Measure, Options, Provides, Provisions
from bot.domain.errors import Rejected, Unreachable
from bot.domain.timing import SECOND
from bot.ports import Call, Measurement, Restartable, ServiceUnit

KIND = "docker"
_SUBJECT = "the Docker Engine"
_WRITTEN_FOR = (1, 41)
_STOP_SECONDS = 10
_RESTART_SECONDS = 30.0
_LABEL = "com.docker.compose"


class Config(Connection):
    """`{docker: "unix:///var/run/docker.sock", project: …}`; better the http:// of a proxy that allows only this."""

    docker: str = Field(description="unix:///path or http://host:port; the socket is as powerful as root")
    project: str = Field(min_length=1, description="The compose project")

    @field_validator("docker")
    @classmethod
    def _is_an_address(cls, address: str) -> str:
        parts = urlsplit(address)
        if not (parts.scheme in {"http", "https"} and parts.hostname) and not (parts.scheme == "unix" and parts.path):
            raise ValueError("is not an Engine's address; write it as unix:///var/run/docker.sock or http://host:port")
        return address.rstrip("/")


class Container(outgoing.Loose):
    """A line of `GET /containers/json`."""

    id: str = Field(alias="Id")
    names: list[str] = Field(alias="Names", default_factory=list)
    image: str = Field(alias="Image", default="")
    state: str = Field(alias="State", default="")
    labels: dict[str, str] = Field(alias="Labels", default_factory=dict)

    @property
    def service(self) -> str:
        """Compose's name of the service."""
        return self.labels.get(f"{_LABEL}.service", "")

    @property
    def name(self) -> str:
        """For people: `newsletter-worker-2`."""
        return self.names[0].lstrip("/") if self.names else self.id[:12]


class Health(outgoing.Loose):
    """`State.Health`, where the image or the compose file has a health check."""

    status: str = Field(alias="Status", default="none")


class State(outgoing.Loose):
    """`State` of `GET /containers/{id}/json`."""

    status: str = Field(alias="Status")
    started: datetime | None = Field(alias="StartedAt", default=None)
    health: Health | None = Field(alias="Health", default=None)


class Details(outgoing.Loose):
    """`GET /containers/{id}/json`."""

    state: State = Field(alias="State")


class Image(outgoing.Loose):
    """A line of `GET /images/json`; `created` in epoch seconds."""

    tags: list[str] | None = Field(alias="RepoTags", default=None)
    created: int = Field(alias="Created", default=0)


class Version(outgoing.Loose):
    """`GET /version`: the newest version of the API that the Engine speaks, and the oldest."""

    newest: str = Field(alias="ApiVersion", pattern=r"^\d+\.\d+$")
    oldest: str = Field(alias="MinAPIVersion", default="1.24", pattern=r"^\d+\.\d+$")

    def nearest(self) -> str:
        """The version to speak: the one that this was written for, or the nearest that the Engine takes."""
        newest, oldest = (tuple(int(part) for part in each.split(".")) for each in (self.newest, self.oldest))
        major, minor = min(max(_WRITTEN_FOR, oldest), newest)
        return f"{major}.{minor}"


class DockerEngine:
    """One compose project's containers on one Engine. `address` is what the docker client calls DOCKER_HOST."""

    patience = 90 * SECOND

    def __init__(self, client: httpx.AsyncClient, *, project: str, address: str = "") -> None:
        self._client = client
        self.project = project
        self.address = address
        self._services: set[str] = set()
        self._version = ""

    def expect(self, service: str) -> None:
        """From now on this service counts as unhealthy while it has no container."""
        self._services.add(service)

    async def unhealthy(self) -> Measurement:
        """How many containers do not run or fail their health check, and services have none; `count`: of how many."""
        units = await self.units()
        if not units:
            raise Unreachable(f"{_SUBJECT} has no container of project {self.project}")
        ill = [f"{unit.service} {unit.state}" for unit in units if unit.state not in {"running", "starting"}]
        missing = [f"{name} has no container" for name in sorted(self._services - {unit.service for unit in units})]
        named = [f"{text} ×{count}" if count > 1 else text for text, count in Counter(ill + missing).items()]
        told = ", ".join(named) or "all run"
        return Measurement(float(len(ill + missing)), "", told, count=len(units) + len(missing))

    async def units(self, service: str | None = None) -> Sequence[ServiceUnit]:
        containers = await self.containers(service)
        # Only the inspection tells the health and when it started.
        found = await asyncio.gather(*(self._unit(container) for container in containers))
        return [unit for unit in found if unit is not None]

    async def restart(self, unit: ServiceUnit) -> None:
        await self._call(
            "POST",
            f"/containers/{quote(unit.id, safe='')}/restart",
            what=f"restart {unit.service}",
            changing=True,
            params={"t": str(_STOP_SECONDS)},
            seconds=_RESTART_SECONDS,
        )

    def calls(self, units: Sequence[ServiceUnit]) -> Sequence[Call]:
        return [
            Call(f"POST /containers/{unit.id[:12]}/restart?t={_STOP_SECONDS}  ({unit.service}, {unit.image})")
            for unit in units
        ]

    async def containers(self, service: str | None = None) -> list[Container]:
        """The project's containers, stopped ones too, without those of `docker compose run`."""
        labels = [f"{_LABEL}.project={self.project}"]
        if service is not None:
            labels.append(f"{_LABEL}.service={service}")
        answer = await self._call(
            "GET",
            "/containers/json",
            params={"all": "true", "filters": json.dumps({"label": labels})},
        )
        found = outgoing.read(answer, list[Container])
        lasting = [it for it in found if it.labels.get(f"{_LABEL}.oneoff", "False").lower() != "true"]
        return sorted(lasting, key=lambda it: (it.service, it.name))

    async def images(self, repository: str) -> list[tuple[str, int]]:
        """Tags of a repository with when they were built (epoch ms), newest first."""
        answer = await self._call("GET", "/images/json", what="list images")
        images = outgoing.read(answer, list[Image], what="list images")
        tags = [
            (reference.removeprefix(f"{repository}:"), image.created * 1000)
            for image in images
            for reference in image.tags or ()
            if reference.startswith(f"{repository}:")
        ]
        return sorted(tags, key=lambda tag: -tag[1])

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.aclose()

    async def _call(self, method: str, path: str, **more: Any) -> outgoing.Answer:  # noqa: ANN401 - as `outgoing.call`
        """One call in the version that the Engine speaks; an Engine that was updated meanwhile is asked anew."""
        if not self._version:
            answer = await outgoing.call(self._client, "GET", "/version", what="ask for the API's version")
            self._version = outgoing.read(answer, Version, what="ask for the API's version").nearest()
        try:
            return await outgoing.call(self._client, method, f"/v{self._version}{path}", **more)
        except Rejected as error:
            if "client version" in str(error):
                self._version = ""
            raise

    async def _unit(self, container: Container) -> ServiceUnit | None:
        path = f"/containers/{quote(container.id, safe='')}/json"
        answer = await self._call("GET", path, fine=frozenset({404}))
        if answer.status == 404:  # It went away between the list and the look.
            return None
        state = outgoing.read(answer, Details).state
        health = state.health.status if state.health is not None else "none"
        shown = health if state.status == "running" and health in {"unhealthy", "starting"} else state.status
        started = None if state.started is None else round(state.started.timestamp() * 1000)
        return ServiceUnit(container.id, container.service, shown, started, container.image)


def open(config: Config) -> DockerEngine:  # noqa: A001 - the shape of every kind, see adapters/kind.py
    """An Engine; nothing is connected yet."""
    parts = urlsplit(config.docker)
    if parts.scheme == "unix":
        client = outgoing.client("http://docker", socket_path=parts.path, subject=_SUBJECT)
        return DockerEngine(client, project=config.project, address=config.docker)
    host = f"tcp://{parts.netloc}"  # As the docker client writes an address of HTTP.
    return DockerEngine(outgoing.client(config.docker, subject=_SUBJECT), project=config.project, address=host)


MEASURES: Mapping[str, Measure] = {"unhealthy": Measure(DockerEngine.unhealthy)}


def _services(engine: DockerEngine, options: Options, entry: Entry) -> Restartable:
    """Every service of the project can be restarted; the one that is named must run, whatever else does."""
    del options
    engine.expect(entry.name)
    return engine


PROVIDES: Provisions = {"restart": Provides(_services)}
