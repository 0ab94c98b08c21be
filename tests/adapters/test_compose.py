"""`Deployments` of a compose service: a real command line on the lab's Engine."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters import docker, outgoing
from adapters.command import LocalCommands
from adapters.compose import ComposeDeployments
from adapters.docker import Container, DockerEngine
from bot.domain.errors import BadAnswer, NotDone, OutcomeUnknown, Rejected
from bot.domain.timing import SECOND
from bot.local.lab.calls import CallLog
from bot.local.lab.engine_api import Engine
from bot.local.lab.host import Machine
from bot.ports import Deployments, Release
from tests.adapters.contracts import DeploymentsContract
from tests.fakes.clock import FakeClock
from tests.local.lab.dock import COMPOSE_FILE, Switch, newsletter_host


@pytest.fixture
async def switches() -> dict[str, Switch]:
    """What the containers stand for."""
    return {}


@pytest.fixture
async def vendor(port: int, clock: FakeClock, calls: CallLog, switches: dict[str, Switch]) -> AsyncIterator[Engine]:
    """An Engine that runs the newsletter's project."""
    host, made = await newsletter_host(clock)
    switches.update(made)
    engine = Engine(port, host, calls)
    await engine.enter("up")
    yield engine
    await engine.close()


@pytest.fixture
def runner(tmp_path: Path, vendor: Engine) -> LocalCommands:
    """A runner that finds the lab's `docker` first."""
    del vendor
    # The executable knows another Engine: the one meant must be told by DOCKER_HOST.
    programs = Machine(tmp_path, "http://127.0.0.1:1")
    return LocalCommands(search=f"{programs.path}{os.pathsep}{os.defpath}")


@pytest.fixture
async def engine(vendor: Engine) -> AsyncIterator[DockerEngine]:
    """The adapter's Engine."""
    made = docker.open(docker.Config(docker=vendor.url, project="newsletter"))
    yield made
    await made.close()


def compose(runner: LocalCommands, engine: DockerEngine, service: str = "app") -> ComposeDeployments:
    """A service, as wiring builds it."""
    return ComposeDeployments(runner, engine, file=COMPOSE_FILE, service=service, image_variable="NEWSLETTER_TAG")


class TestDeployments(DeploymentsContract):
    @pytest.fixture
    def deployments(self, runner: LocalCommands, engine: DockerEngine) -> Deployments:
        """The app."""
        return compose(runner, engine)


async def test_releases_are_the_images_of_the_running_repository(runner: LocalCommands, engine: DockerEngine) -> None:
    """Tags of the same repository, newest first; PostgreSQL's images are none of them."""
    releases = await compose(runner, engine).releases()

    assert ["v41", "v40", "v39", "v38"] == [release.id for release in releases]


async def test_only_the_service_is_rolled_back(
    vendor: Engine, runner: LocalCommands, engine: DockerEngine, switches: dict[str, Switch]
) -> None:
    """Not what it depends on, and not the workers that share its image."""
    await compose(runner, engine).roll_back(Release("v40", "v40"))

    assert ["newsletter-app:v40"] == [it.image.reference for it in vendor.host.of_service("app")]
    assert ["newsletter-app:v41"] * 2 == [it.image.reference for it in vendor.host.of_service("worker")]
    assert [] == switches["postgres"].done + switches["redis"].done


def test_the_plan_shows_the_whole_command_line(runner: LocalCommands, engine: DockerEngine) -> None:
    """What the approver reads is what runs."""
    (call,) = compose(runner, engine).calls(Release("v40", "v40"))

    assert f"NEWSLETTER_TAG=v40 docker compose -f {COMPOSE_FILE} -p newsletter up -d --no-deps app" == call.text


@pytest.mark.parametrize(
    ("service", "tag", "text"),
    [
        pytest.param("app", "v40 --privileged", "not an image tag", id="an argument in disguise"),
        pytest.param("app", "v40\n", "not an image tag", id="a line end behind it"),
        pytest.param("app", "-v40", "not an image tag", id="an option in disguise"),
    ],
)
async def test_what_docker_refuses_is_final(
    runner: LocalCommands, engine: DockerEngine, service: str, tag: str, text: str
) -> None:
    """It never becomes a command line."""
    with pytest.raises(Rejected, match=text):
        await compose(runner, engine, service).roll_back(Release(tag, tag))


@pytest.mark.parametrize(
    ("service", "tag", "text"),
    [
        pytest.param("app", "v99", "exit code 1: .*manifest unknown", id="an image that nobody has"),
        pytest.param("web", "v40", "exit code 1: no such service: web", id="a service that the file lacks"),
    ],
)
async def test_an_error_of_docker_proves_nothing(
    runner: LocalCommands, engine: DockerEngine, service: str, tag: str, text: str
) -> None:
    """Compose may fail half way, so a look must tell; the last line of its words is the reason."""
    with pytest.raises(OutcomeUnknown, match=text) as caught:
        await compose(runner, engine, service).roll_back(Release(tag, tag))

    assert 30 * SECOND == caught.value.lasts


def wrapped(tmp_path: Path, inner: str, then: str) -> LocalCommands:
    """A `docker` that does its work and then ends otherwise."""
    program = tmp_path / "wrapped" / "docker"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPATH={inner} docker "$@"\n{then}\n')
    program.chmod(0o755)
    return LocalCommands(search=f"{program.parent}{os.pathsep}{os.defpath}")


@pytest.mark.parametrize(
    "then",
    [
        pytest.param("echo 'unexpected EOF token=hunter2hunter2' >&2; exit 1", id="an error after the work"),
        pytest.param("kill -9 $$", id="killed after the work"),
    ],
)
async def test_an_end_after_the_work_is_unknown_and_can_be_seen(
    vendor: Engine, tmp_path: Path, engine: DockerEngine, then: str
) -> None:
    """The Engine tells what came of it; no secret of the program's words is shown."""
    programs = Machine(tmp_path, vendor.url)
    deployments = compose(wrapped(tmp_path, f"{programs.path}:{os.defpath}", then), engine)

    with pytest.raises(OutcomeUnknown) as caught:
        await deployments.roll_back(Release("v40", "v40"))

    assert "hunter2" not in str(caught.value)
    assert ["v40"] == [each.id for each in await deployments.releases() if each.current and each.running]


async def test_a_machine_without_docker_did_nothing(engine: DockerEngine) -> None:
    """A program that could not be started is named, and proves that nothing was done."""
    with pytest.raises(NotDone, match="this machine has no program docker; nothing was run"):
        await compose(LocalCommands(search="/nowhere"), engine).roll_back(Release("v40", "v40"))


async def test_a_container_that_was_made_and_never_started_is_half_the_work(
    vendor: Engine, runner: LocalCommands, engine: DockerEngine
) -> None:
    """A look does not take it for the release that runs."""
    (container,) = vendor.host.of_service("app")
    await vendor.host.stop(container)

    (current, *_) = await compose(runner, engine).releases()

    assert ("v41", True, False) == (current.id, current.current, current.running)
    assert "newsletter-app-1 is exited" in current.note


async def test_an_image_that_was_pruned_while_it_runs_is_still_current(
    vendor: Engine, runner: LocalCommands, engine: DockerEngine
) -> None:
    """What runs is told by the container, not by the list of images."""
    del vendor.host.images["newsletter-app:v41"]

    (current, *rest) = await compose(runner, engine).releases()

    assert ("v41", True) == (current.id, current.current)
    assert "no longer" in current.note
    assert not any(release.current for release in rest)


async def test_a_service_that_was_never_deployed_has_no_releases(runner: LocalCommands, engine: DockerEngine) -> None:
    """The text says which service."""
    with pytest.raises(Rejected, match="there is no container of web"):
        await compose(runner, engine, "web").releases()


async def test_a_container_without_a_tag_cannot_be_rolled_back(
    vendor: Engine, runner: LocalCommands, engine: DockerEngine
) -> None:
    """An image named by its digest alone has no earlier tag."""
    (container,) = vendor.host.of_service("app")
    vendor.host.images["localhost:5000/app"] = type(container.image)("localhost:5000/app", 1)
    container.image = vendor.host.images["localhost:5000/app"]

    with pytest.raises(BadAnswer, match="without a tag"):
        await compose(runner, engine).releases()


class Looping(DockerEngine):
    """An Engine that restarts what exits at once."""

    async def containers(self, service: str | None = None) -> list[Container]:
        return [it.model_copy(update={"state": "restarting"}) for it in await super().containers(service)]


async def test_a_container_that_is_started_again_and_again_does_not_run(vendor: Engine, runner: LocalCommands) -> None:
    """Its release is there, and does not run."""
    looping = Looping(outgoing.client(vendor.url), project="newsletter", address=vendor.url)

    (current, *_) = await compose(runner, looping).releases()
    await looping.close()

    assert ("v41", False) == (current.id, current.running)
    assert "newsletter-app-1 is restarting" in current.note
