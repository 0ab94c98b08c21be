"""The Docker Engine's HTTP API over the containers of the host: the calls that a chat-ops bot needs, and its refusals.

Source: moby api/swagger.yaml; fields that nobody here reads are left out.
"""

import asyncio
import json
import struct
from collections.abc import Mapping
from typing import ClassVar

from aiohttp import web

from bot.domain.timing import SECOND
from bot.local.lab.calls import CallLog
from bot.local.lab.compose import compose
from bot.local.lab.containers import PROJECT, Container, DockerError, Host, iso
from bot.local.lab.web import VENDOR_STATES, WebService

API = "1.41"
LOWEST = "1.24"
_STDOUT = 1
_FIRST_CHECK = SECOND


class Engine(WebService):
    """`/version`, `/v1.41/containers…`, `/v1.41/images…`; and `/compose`, which the lab's `docker` executable calls."""

    states: ClassVar[Mapping[str, str]] = VENDOR_STATES

    def __init__(self, port: int, host: Host, calls: CallLog) -> None:
        """Serve this host."""
        super().__init__(port, calls=calls)
        self.host = host
        self.api = API
        self.lowest = LOWEST
        self._one_at_a_time = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """With and without the version prefix, as the Engine does."""
        plain = [
            ("GET", "/_ping", self._ping),
            ("GET", "/version", self._version),
            ("GET", "/containers/json", self._list),
            ("GET", "/containers/{id}/json", self._inspect),
            ("GET", "/containers/{id}/logs", self._logs),
            ("POST", "/containers/{id}/restart", self._restart),
            ("POST", "/containers/{id}/start", self._start),
            ("POST", "/containers/{id}/stop", self._stop),
            ("DELETE", "/containers/{id}", self._remove),
            ("GET", "/images/json", self._images),
            ("GET", "/images/{name:.+}/json", self._image),
        ]
        found = [
            web.RouteDef(method, prefix + path, handler, {})
            for prefix in ("", r"/v{api:\d+\.\d+}")
            for method, path, handler in plain
        ]
        return [*found, web.post("/compose", self._compose), web.route("*", "/{other:.*}", _no_page)]

    def refusal(self, request: web.Request) -> web.Response | None:
        """An API version that this Engine does not speak."""
        first = request.path.split("/")[1]
        if not first.startswith("v") or first == "version":
            return None
        try:
            asked, newest, lowest = (_numbers(each) for each in (first[1:], self.api, self.lowest))
        except ValueError:
            return None
        if asked > newest:
            return _refused(400, f"client version {first[1:]} is too new. Maximum supported API version is {self.api}")
        if asked < lowest:
            too_old = f"client version {first[1:]} is too old. Minimum supported API version is {self.lowest}"
            return _refused(400, f"{too_old}, please upgrade your client to a newer version")
        return None

    async def _ping(self, _: web.Request) -> web.Response:
        return web.Response(text="OK", headers={"Api-Version": self.api})

    async def _version(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "Version": "20.10.24",
                "ApiVersion": self.api,
                "MinAPIVersion": self.lowest,
                "Os": "linux",
                "Arch": "amd64",
            }
        )

    async def _list(self, request: web.Request) -> web.Response:
        try:
            filters = _filters(request.query.get("filters", "{}"))
        except ValueError as error:
            return _refused(400, f"invalid filter: {error}")
        everything = request.query.get("all", "").lower() in {"1", "true"} or "status" in filters
        shown = [
            each
            for each in self.host.containers.values()
            if (everything or each.running) and self._matches(each, filters)
        ]
        return web.json_response([self._summary(each) for each in sorted(shown, key=lambda each: each.name)])

    async def _inspect(self, request: web.Request) -> web.Response:
        try:
            container = self.host.find(request.match_info["id"])
        except DockerError as error:
            return _refused(error.status, error.message)
        return web.json_response(self._details(container))

    async def _restart(self, request: web.Request) -> web.Response:
        return await self._act(request, "restart")

    async def _start(self, request: web.Request) -> web.Response:
        return await self._act(request, "start")

    async def _stop(self, request: web.Request) -> web.Response:
        return await self._act(request, "stop")

    async def _remove(self, request: web.Request) -> web.Response:
        return await self._act(request, "remove")

    async def _act(self, request: web.Request, action: str) -> web.Response:
        async with self._one_at_a_time:
            try:
                container = self.host.find(request.match_info["id"])
                done = True
                match action:
                    case "restart":
                        await self.host.restart(container)
                    case "start":
                        done = await self.host.start(container)
                    case "stop":
                        done = await self.host.stop(container)
                    case _:
                        await self.host.remove(container, force=request.query.get("force", "").lower() in {"1", "true"})
            except DockerError as error:
                return _refused(error.status, error.message)
        return web.Response(status=204 if done else 304)

    async def _logs(self, request: web.Request) -> web.Response:
        try:
            container = self.host.find(request.match_info["id"])
        except DockerError as error:
            return _refused(error.status, error.message)
        if request.query.get("stdout", "").lower() not in {"1", "true"} and request.query.get(
            "stderr", ""
        ).lower() not in {"1", "true"}:
            return _refused(400, "Bad parameters: you must choose at least one stream")
        tail = request.query.get("tail", "all")
        lines = container.log[-int(tail) :] if tail.isdecimal() and int(tail) else container.log
        stamped = request.query.get("timestamps", "").lower() in {"1", "true"}
        frames = b"".join(_frame(f"{iso(at)} {line}\n" if stamped else f"{line}\n") for at, line in lines)
        return web.Response(body=frames, content_type="application/vnd.docker.multiplexed-stream")

    async def _images(self, _: web.Request) -> web.Response:
        newest_first = sorted(self.host.images.values(), key=lambda each: -each.created)
        return web.json_response(
            [
                {"Id": each.digest, "RepoTags": [each.reference], "Created": each.created // 1000, "Size": 180_000_000}
                for each in newest_first
            ],
        )

    async def _image(self, request: web.Request) -> web.Response:
        try:
            image = self.host.image(request.match_info["name"])
        except DockerError as error:
            return _refused(error.status, error.message)
        return web.json_response(
            {"Id": image.digest, "RepoTags": [image.reference], "Created": iso(image.created), "Size": 180_000_000}
        )

    async def _compose(self, request: web.Request) -> web.Response:
        body = await request.json()
        async with self._one_at_a_time:
            result = await compose(self.host, body["arguments"], body["environment"])
        return web.json_response({"exit": result.exit, "stdout": result.stdout, "stderr": result.stderr})

    def _matches(self, container: Container, filters: Mapping[str, list[str]]) -> bool:
        labels = self._labels(container)
        facts = {
            "health": self._health(container),
            "status": "running" if container.running else "exited",
            "name": container.name,
        }
        for key, wanted in filters.items():
            if key == "label":
                if not all(_labelled(labels, each) for each in wanted):
                    return False
            elif key == "id":
                if not any(container.identifier.startswith(each) for each in wanted):
                    return False
            elif key == "name":
                if not any(each.lstrip("/") in container.name for each in wanted):
                    return False
            elif facts[key] not in wanted:
                return False
        return True

    def _labels(self, container: Container) -> dict[str, str]:
        return {
            "com.docker.compose.project": PROJECT,
            "com.docker.compose.service": container.service,
            "com.docker.compose.container-number": str(container.number),
            "com.docker.compose.config-hash": container.image.digest[7:39],
            "com.docker.compose.image": container.image.digest,
            "com.docker.compose.oneoff": "False",
            "com.docker.compose.project.config_files": self.host.compose_file,
            "com.docker.compose.project.working_dir": self.host.compose_file.rpartition("/")[0],
            "com.docker.compose.version": "2.24.5",
        }

    def _health(self, container: Container) -> str:
        if not container.running:
            return "none"
        if not self.host.healthy(container):
            return "unhealthy"
        # As after each start, until the check has passed for the first time.
        return "starting" if self.host.clock.now() - container.started < _FIRST_CHECK else "healthy"

    def _summary(self, container: Container) -> dict[str, object]:
        health = self._health(container)
        minutes = (self.host.clock.now() - container.started) // 60_000
        status = f"Up {minutes} minutes ({health})" if container.running else f"Exited ({container.exit_code}) just now"
        return {
            "Id": container.identifier,
            "Names": [f"/{container.name}"],
            "Image": container.image.reference,
            "ImageID": container.image.digest,
            "Created": container.created // 1000,
            "State": "running" if container.running else "exited",
            "Status": status,
            "Labels": self._labels(container),
        }

    def _details(self, container: Container) -> dict[str, object]:
        state: dict[str, object] = {
            "Status": "running" if container.running else "exited",
            "Running": container.running,
            "Paused": False,
            "Restarting": False,
            "OOMKilled": False,
            "ExitCode": container.exit_code,
            "StartedAt": iso(container.started),
            "FinishedAt": iso(container.finished) if container.finished else "0001-01-01T00:00:00Z",
        }
        if container.running:
            state["Health"] = {
                "Status": self._health(container),
                "FailingStreak": 0 if self.host.healthy(container) else 3,
                "Log": [],
            }
        return {
            "Id": container.identifier,
            "Name": f"/{container.name}",
            "Created": iso(container.created),
            "Image": container.image.digest,
            "RestartCount": container.restarts,
            "State": state,
            "Config": {"Image": container.image.reference, "Labels": self._labels(container), "Tty": False},
        }


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


_FILTERS = frozenset({"label", "health", "status", "name", "id"})


def _filters(raw: str) -> dict[str, list[str]]:
    """The filters of a list call, in either of the two shapes that Docker takes.

    Raises:
        ValueError: not JSON, or a filter that Docker does not know.
    """
    parsed = json.loads(raw)
    if not isinstance(parsed, dict):
        raise ValueError("not an object")  # noqa: TRY004 - the caller answers 400 to ValueError
    unknown = set(parsed) - _FILTERS
    if unknown:
        raise ValueError(f"invalid filter '{min(unknown)}'")
    return {key: list(value) for key, value in parsed.items()}


def _labelled(labels: Mapping[str, str], wanted: str) -> bool:
    key, equals, value = wanted.partition("=")
    return labels.get(key) == value if equals else key in labels


def _frame(line: str) -> bytes:
    body = line.encode()
    return struct.pack(">BxxxL", _STDOUT, len(body)) + body


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)


async def _no_page(_: web.Request) -> web.Response:
    return _refused(404, "page not found")
