"""`Deployments` of a docker compose service: a release is an image tag; rolling back runs `up` with an earlier one.

Compose has no rollback of its own: restarting keeps the image. The tag comes from a variable of the compose file.
"""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from adapters.command import LocalCommands
from adapters.docker import DockerEngine
from adapters.kind import Entry, Options, Provides, Provisions
from adapters.redaction import redacted
from bot.domain.errors import BadAnswer, OutcomeUnknown, Rejected
from bot.domain.timing import SECOND
from bot.ports import Call, Deployments, Release

KIND = "compose"
PROGRAM = "docker"
_UP_SECONDS = 115.0
_SETTLES = 30 * SECOND
"""How long the Engine may still work on what it was asked before the program ended: it stops a container for 10 s."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")


class ComposeDeployments:
    """One service of a compose file. `image_variable` is the variable that holds the image's tag."""

    patience = 240 * SECOND

    def __init__(
        self, runner: LocalCommands, engine: DockerEngine, *, file: str, service: str, image_variable: str
    ) -> None:
        self._runner = runner
        self._engine = engine
        self._file = file
        self._service = service
        self._variable = image_variable

    async def releases(self) -> Sequence[Release]:
        repository, current, broken = await self._running()
        tags = await self._engine.images(repository)
        releases = [
            Release(tag, tag, created, current=True, note=broken, running=not broken)
            if tag == current
            else Release(tag, tag, created)
            for tag, created in tags
            if tag != "<none>"
        ]
        if all(not release.current for release in releases):
            # Its image was pruned while it runs: it is still what runs.
            note = "; ".join(filter(None, ("its image is no longer on the machine", broken)))
            releases.insert(0, Release(current, current, current=True, note=note, running=not broken))
        return releases

    def calls(self, target: Release) -> Sequence[Call]:
        return (Call(f"{self._variable}={target.id} {' '.join(self._up())}"),)

    async def roll_back(self, target: Release) -> None:
        what = f"run {self._service} as {target.id}"
        if not _TAG.match(target.id):
            raise Rejected(f"{what}: that is not an image tag")
        # The runner and the Engine must mean the same machine.
        extra = {self._variable: target.id, **({"DOCKER_HOST": self._engine.address} if self._engine.address else {})}
        done = await self._runner.run(self._up(), seconds=_UP_SECONDS, extra=extra, changing=True)
        if done.code != 0:
            lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
            said = redacted(lines[-1]) if lines else "it says nothing"
            # It may have removed the old container before it failed: only a look tells.
            raise OutcomeUnknown(f"{what}: docker compose failed with exit code {done.code}: {said}", lasts=_SETTLES)

    def not_reverted(self) -> Sequence[str]:
        return ("database migrations", "environment variables", "volumes", "other services of the project")

    def _up(self) -> list[str]:
        project = ["-f", self._file, "-p", self._engine.project]
        return [PROGRAM, "compose", *project, "up", "-d", "--no-deps", self._service]

    async def _running(self) -> tuple[str, str, str]:
        """Repository and tag of the service's first container, and what speaks against calling that its release."""
        containers = await self._engine.containers(self._service)
        if not containers:
            raise Rejected(f"there is no container of {self._service}; has it ever been deployed?")
        repository, colon, tag = containers[0].image.partition("@")[0].rpartition(":")
        if not colon or "/" in tag:
            raise BadAnswer(f"the container of {self._service} runs an image without a tag")
        ill = [
            f"{it.name} is {it.state} with {it.image}"
            for it in containers
            if it.image != containers[0].image or it.state != "running"
        ]
        return repository, tag, ", ".join(ill)


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise ValueError("must be the name of an environment variable, such as NEWSLETTER_TAG")
    return name


class ComposeOptions(Options):
    """`{compose: shell, engine: host, file: …, service: …, image_variable: …}`."""

    engine: str = Field(description="The docker connection that tells images and containers")
    file: str = Field(min_length=1, description="The compose file")
    # Without its service, `up` would start the whole project; without its variable, the same image again.
    service: str = Field(min_length=1)
    image_variable: Annotated[str, AfterValidator(_variable)] = Field(
        min_length=1, description="The environment variable that holds the image's tag"
    )


def _service(runner: LocalCommands, options: ComposeOptions, entry: Entry) -> Deployments:
    engine: DockerEngine = entry.connection(options.engine)
    engine.expect(options.service)
    return ComposeDeployments(
        runner, engine, file=options.file, service=options.service, image_variable=options.image_variable
    )


PROVIDES: Provisions = {
    "deployment": Provides(_service, ComposeOptions, on="command", also={"engine": "docker"}, program=PROGRAM)
}
