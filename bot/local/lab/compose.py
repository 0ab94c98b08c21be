"""`docker compose` for the one project of the lab: `up`, `ps`, `restart`, `stop`, with its messages and exit codes."""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from bot.local.lab.containers import PROJECT, Container, DockerError, Host, Image

SERVICES: Mapping[str, str] = {
    "app": "newsletter-app:${NEWSLETTER_TAG}",
    "worker": "newsletter-app:${NEWSLETTER_TAG}",
    "postgres": "postgres:16",
    "redis": "redis:7",
}
COMPOSE_FILE = """\
name: newsletter
services:
  app:
    image: newsletter-app:${NEWSLETTER_TAG}
    command: node server.js
    depends_on: [postgres, redis]
  worker:
    image: newsletter-app:${NEWSLETTER_TAG}
    command: node worker.js
    depends_on: [redis]
    deploy: {replicas: 2}
  postgres:
    image: postgres:16
  redis:
    image: redis:7
"""
_DEFAULT_REPLICAS = {"worker": 2}


@dataclass(frozen=True, slots=True)
class Result:
    """What a command line answers."""

    exit: int = 0
    stdout: str = ""
    stderr: str = ""


class UsageError(Exception):
    """A refusal of the command line; its text goes to stderr, its code is the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        """Keep both."""
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class _Line:
    """A command line, taken apart."""

    file: str = ""
    project: str = ""
    command: str = ""
    detached: bool = False
    no_deps: bool = False
    everything: bool = False
    form: str = "table"
    timeout: str = ""
    scale: dict[str, int] = field(default_factory=dict)
    services: list[str] = field(default_factory=list)


async def compose(host: Host, arguments: Sequence[str], environment: Mapping[str, str]) -> Result:
    """Run `docker ARGUMENTS` against the host."""
    commands: dict[str, Callable[[Host, _Line, Mapping[str, str]], Awaitable[Result]]] = {
        "up": _up,
        "ps": _ps,
        "restart": _restart,
        "stop": _stop,
        "start": _start,
    }
    try:
        line = _parse(arguments)
        _check(host, line, commands)
        return await commands[line.command](host, line, environment)
    except UsageError as error:
        return Result(error.code, "", f"{error}\n")
    except DockerError as error:
        return Result(1, "", f"Error response from daemon: {error.message}\n")


def _check(host: Host, line: _Line, commands: Collection[str]) -> None:
    if line.command not in commands:
        raise UsageError(f'unknown docker command: "compose {line.command}"')
    if line.file and line.file != host.compose_file:
        raise UsageError(f"open {line.file}: no such file or directory", 14)
    if line.project not in {"", PROJECT}:
        raise UsageError("no configuration file provided: not found", 14)
    for service in [*line.services, *line.scale]:
        if service not in SERVICES:
            raise UsageError(f"no such service: {service}")


def _parse(arguments: Sequence[str]) -> _Line:
    words = list(arguments)
    if not words or words.pop(0) != "compose":
        raise UsageError(
            f"docker: '{arguments[0] if arguments else ''}' is not a docker command.\nSee 'docker --help'", 1
        )
    line = _Line()
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            if line.command:
                line.services.append(word)
            else:
                line.command = word
            continue
        flag, equals, inline = word.partition("=")
        if flag in _SWITCHES and not equals:
            setattr(line, _SWITCHES[flag], True)
        elif flag in _OPTIONS:
            setattr(line, _OPTIONS[flag], inline if equals else _value(words, word))
        elif flag == "--scale":
            _scale(line, inline if equals else _value(words, word))
        else:
            raise UsageError(f"unknown flag: {word}", 16)
    return line


_SWITCHES = {
    **dict.fromkeys(("-d", "--detach"), "detached"),
    **dict.fromkeys(("-a", "--all"), "everything"),
    "--no-deps": "no_deps",
}
_OPTIONS = {
    **dict.fromkeys(("-f", "--file"), "file"),
    **dict.fromkeys(("-p", "--project-name"), "project"),
    **dict.fromkeys(("-t", "--timeout"), "timeout"),
    "--format": "form",
}


def _scale(line: _Line, given: str) -> None:
    service, _, count = given.partition("=")
    if not count.isdecimal():
        raise UsageError(f'invalid --scale option "{given}". Should be SERVICE=NUM')
    line.scale[service] = int(count)


def _value(words: list[str], flag: str) -> str:
    if not words:
        raise UsageError(f"flag needs an argument: {flag}", 16)
    return words.pop(0)


async def _up(host: Host, line: _Line, environment: Mapping[str, str]) -> Result:
    if not line.detached:
        raise UsageError("the lab runs no attached services; use up -d")
    wanted = line.services or list(SERVICES)
    # Every image is looked for before anything is touched, as compose pulls first.
    images = {service: _image(host, service, environment) for service in wanted}
    said = []
    for service in wanted:
        count = line.scale.get(service)
        present = host.of_service(service)
        if count is None:
            count = len(present) or _DEFAULT_REPLICAS.get(service, 1)
        said += await _settle(host, service, images[service], count)
    return Result(0, "", "".join(f" {each}\n" for each in said))


def _image(host: Host, service: str, environment: Mapping[str, str]) -> Image:
    reference = SERVICES[service]
    if "${NEWSLETTER_TAG}" in reference:
        tag = environment.get("NEWSLETTER_TAG", "")
        if not tag:
            # Compose warns, takes the empty string, and the reference is no longer one.
            raise UsageError(
                'level=warning msg="The \\"NEWSLETTER_TAG\\" variable is not set. Defaulting to a blank string."\n'
                f"unable to get image '{reference.partition(':')[0]}:': "
                "Error response from daemon: invalid reference format",
            )
        reference = reference.replace("${NEWSLETTER_TAG}", tag)
    if reference not in host.images:
        name, _, tag = reference.partition(":")
        raise UsageError(
            f"Error response from daemon: manifest for {name}:{tag} not found: manifest unknown: manifest unknown"
        )
    return host.images[reference]


async def _settle(host: Host, service: str, image: Image, count: int) -> list[str]:
    said = []
    present = host.of_service(service)
    for extra in present[count:]:
        await host.remove(extra, force=True)
        said.append(f"Container {extra.name}  Removed")
    for container in present[:count]:
        if container.image != image:
            await host.remove(container, force=True)
            fresh = await host.create(service, image, container.number)
            await host.start(fresh)
            said.append(f"Container {container.name}  Recreated")
        elif await host.start(container):
            said.append(f"Container {container.name}  Started")
        else:
            said.append(f"Container {container.name}  Running")
    for number in range(len(present) + 1, count + 1):
        fresh = await host.create(service, image, number)
        await host.start(fresh)
        said.append(f"Container {fresh.name}  Started")
    return said


async def _ps(host: Host, line: _Line, _: Mapping[str, str]) -> Result:
    chosen = [each for each in _chosen(host, line) if each.running or line.everything]
    if line.form == "json":
        return Result(0, "".join(json.dumps(_row(host, each)) + "\n" for each in chosen))
    rows = [f"{each.name:24}{each.image.reference:24}{_row(host, each)['State']}" for each in chosen]
    return Result(0, "\n".join([f"{'NAME':24}{'IMAGE':24}STATUS", *rows]) + "\n")


def _row(host: Host, container: Container) -> dict[str, object]:
    return {
        "ID": container.identifier[:12],
        "Name": container.name,
        "Image": container.image.reference,
        "Project": PROJECT,
        "Service": container.service,
        "State": "running" if container.running else "exited",
        "Health": ("healthy" if host.healthy(container) else "unhealthy") if container.running else "",
        "ExitCode": container.exit_code,
    }


async def _restart(host: Host, line: _Line, _: Mapping[str, str]) -> Result:
    return await _each(host, line, host.restart, "Started")


async def _stop(host: Host, line: _Line, _: Mapping[str, str]) -> Result:
    return await _each(host, line, host.stop, "Stopped")


async def _start(host: Host, line: _Line, _: Mapping[str, str]) -> Result:
    return await _each(host, line, host.start, "Started")


async def _each(host: Host, line: _Line, act: Callable[[Container], Awaitable[object]], word: str) -> Result:
    chosen = _chosen(host, line)
    for container in chosen:
        await act(container)
    return Result(0, "", "".join(f" Container {each.name}  {word}\n" for each in chosen))


def _chosen(host: Host, line: _Line) -> list[Container]:
    return [each for service in line.services or SERVICES for each in host.of_service(service)]
