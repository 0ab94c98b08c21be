"""`Restartable` on a Docker Engine, against its stand-in."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from adapters import docker, outgoing
from adapters.docker import DockerEngine
from bot.domain.errors import OutcomeUnknown, Rejected, Unreachable
from bot.local.lab.calls import CallLog
from bot.local.lab.engine_api import Engine
from bot.ports import Restartable, ServiceUnit
from tests.adapters.contracts import RestartableContract
from tests.fakes.clock import FakeClock
from tests.local.lab.dock import Switch, newsletter_host

VERSION = {"ApiVersion": "1.41", "MinAPIVersion": "1.24"}


@pytest.fixture
async def switches() -> dict[str, Switch]:
    """What the containers stand for."""
    return {}


@pytest.fixture
async def vendor(port: int, clock: FakeClock, calls: CallLog, switches: dict[str, Switch]) -> AsyncIterator[Engine]:
    """An Engine that runs the newsletter's project; its containers started a minute ago."""
    host, made = await newsletter_host(clock)
    switches.update(made)
    clock.advance(60_000)
    engine = Engine(port, host, calls)
    await engine.enter("up")
    yield engine
    await engine.close()


@pytest.fixture
async def engine(vendor: Engine) -> AsyncIterator[DockerEngine]:
    """The adapter, as wiring opens it."""
    made = docker.open(docker.Config(docker=vendor.url, project="newsletter"))
    yield made
    await made.close()


class TestRestartable(RestartableContract):
    @pytest.fixture
    def restartable(self, engine: DockerEngine) -> Restartable:
        """The project's containers."""
        return engine


async def test_a_well_project_has_no_unhealthy_container(engine: DockerEngine) -> None:
    """Zero of five."""
    measured = await engine.unhealthy()

    assert (0.0, "all run", 5) == (measured.value, measured.detail, measured.count)


async def test_ill_and_stopped_containers_are_counted_and_named(
    vendor: Engine, engine: DockerEngine, switches: dict[str, Switch]
) -> None:
    """A container that fails its check and one that has exited are both unhealthy."""
    switches["app"].sick = True
    (redis,) = vendor.host.of_service("redis")
    await vendor.host.stop(redis)

    measured = await engine.unhealthy()

    assert (2.0, "app unhealthy, redis exited") == (measured.value, measured.detail)


async def test_a_project_without_containers_is_down(vendor: Engine) -> None:
    """Nothing runs, which is not the same as nothing being ill."""
    other = docker.open(docker.Config(docker=vendor.url, project="other"))

    with pytest.raises(Unreachable, match="no container of project other"):
        await other.unhealthy()
    await other.close()


async def test_a_service_that_is_named_and_has_no_container_is_unhealthy(engine: DockerEngine) -> None:
    """What the configuration names must run; a container that was removed is not simply one less."""
    engine.expect("app")
    engine.expect("mailer")
    measured = await engine.unhealthy()

    assert (1.0, "mailer has no container", 6) == (measured.value, measured.detail, measured.count)


@pytest.mark.parametrize(
    ("lowest", "newest", "spoken"),
    [
        pytest.param("1.24", "1.41", "1.41", id="an Engine of its age"),
        pytest.param("1.12", "1.40", "1.40", id="an older Engine"),
        pytest.param("1.24", "1.51", "1.41", id="a newer Engine that still takes it"),
        pytest.param("1.44", "1.52", "1.44", id="an Engine that takes it no more"),
    ],
)
async def test_the_version_of_the_api_is_the_engines(
    vendor: Engine, engine: DockerEngine, lowest: str, newest: str, spoken: str
) -> None:
    """Docker 29.0 refuses all below 1.44, older ones what they do not know; a socket proxy allows only these calls."""
    vendor.api, vendor.lowest = newest, lowest
    (unit,) = await engine.units("app")
    await engine.restart(unit)

    paths = [str(call["path"]).replace(unit.id, "ID") for call in vendor.calls()]
    calls = [f"/v{spoken}/containers/{each}" for each in ("json", "ID/json", "ID/restart")]
    assert ["/version", *calls] == paths


async def test_an_engine_that_was_updated_is_asked_anew(vendor: Engine, engine: DockerEngine) -> None:
    """The call that finds it out says so; the next one speaks the new version."""
    await engine.units()
    vendor.api, vendor.lowest = "1.52", "1.44"

    with pytest.raises(Rejected, match="too old"):
        await engine.units()
    assert 5 == len(await engine.units())


async def test_restarting_really_restarts(engine: DockerEngine, switches: dict[str, Switch]) -> None:
    """Stopped, and started again; nothing else is touched."""
    (unit,) = await engine.units("app")
    await engine.restart(unit)

    assert ["stop", "start"] == switches["app"].done
    assert [] == switches["worker"].done + switches["redis"].done


async def test_a_container_that_is_gone_is_refused(engine: DockerEngine) -> None:
    """It was replaced since the plan; the plan is made anew."""
    with pytest.raises(Rejected, match="restart app: the Docker Engine refused with 404: No such container"):
        await engine.restart(ServiceUnit("0" * 64, "app", "running"))


async def test_a_restart_whose_answer_is_lost_is_unknown(
    vendor: Engine, switches: dict[str, Switch], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The container did restart; only its start time can tell."""
    monkeypatch.setattr(docker, "_RESTART_SECONDS", 0.3)
    engine = DockerEngine(outgoing.client(vendor.url), project="newsletter")
    (unit,) = await engine.units("app")
    await vendor.enter("timeout_after")

    with pytest.raises(OutcomeUnknown, match="restart app: gave no answer within"):
        await engine.restart(unit)
    await vendor.enter("up")
    (after,) = await engine.units("app")

    assert ["stop", "start"] == switches["app"].done
    assert (after.started or 0) > (unit.started or 0)
    await engine.close()


async def test_a_container_of_compose_run_is_left_out() -> None:
    """One-off containers belong to a person's command."""
    labels = {"com.docker.compose.service": "app"}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/version":
            return httpx.Response(200, json=VERSION)
        wanted = json.loads(request.url.params["filters"])
        assert {"label": ["com.docker.compose.project=p"]} == wanted
        lasting = {"Id": "a" * 64, "Labels": {**labels, "com.docker.compose.oneoff": "False"}}
        once = {"Id": "b" * 64, "Labels": {**labels, "com.docker.compose.oneoff": "True"}}
        return httpx.Response(200, json=[lasting, once])

    client = httpx.AsyncClient(base_url="http://docker", transport=httpx.MockTransport(answer))
    containers = await DockerEngine(client, project="p").containers()

    assert ["a" * 64] == [container.id for container in containers]
    await client.aclose()


async def test_a_container_that_vanishes_between_list_and_look_is_left_out() -> None:
    """Compose replaces containers at any time."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/version":
            return httpx.Response(200, json=VERSION)
        if request.url.path.endswith("/containers/json"):
            return httpx.Response(200, json=[{"Id": "a" * 64}])
        return httpx.Response(404, json={"message": "No such container"})

    client = httpx.AsyncClient(base_url="http://docker", transport=httpx.MockTransport(answer))

    assert [] == await DockerEngine(client, project="p").units()
    await client.aclose()


async def test_the_engine_is_reached_by_its_socket(tmp_path: Path) -> None:
    """The usual address of an Engine on the same machine."""
    path = tmp_path / "docker.sock"

    async def empty(_: web.Request) -> web.Response:
        return web.json_response([])

    async def version(_: web.Request) -> web.Response:
        return web.json_response(VERSION)

    application = web.Application()
    application.router.add_get("/version", version)
    application.router.add_get("/v1.41/containers/json", empty)
    runner = web.AppRunner(application, handle_signals=False)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    engine = docker.open(docker.Config(docker=f"unix://{path}", project="p"))

    units = await engine.units()

    assert ([], f"unix://{path}") == (units, engine.address)
    await engine.close()
    await runner.cleanup()


@pytest.mark.parametrize("address", ["/var/run/docker.sock", "tcp://host:2375", "unix://", ""])
def test_only_an_engines_address_is_accepted(address: str) -> None:
    """The configuration's error tells the form."""
    with pytest.raises(ValueError, match=r"unix:///var/run/docker\.sock"):
        docker.Config(docker=address, project="p")
