"""From configuration to the running systems: opens each connection once and builds checks, queues and components."""

import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters import bullmq, command, compose, docker, http, netlify, postgres, redis, resend, s3, sorted_sets
from adapters.kind import Kind
from bot.config.loader import Configuration, Connection
from bot.config.models import CheckModel, ComponentModel, LimitsModel, QueueModel, SystemModel
from bot.domain.reading import Status, Thresholds
from bot.ports import Measurement
from bot.systems import Check, Component, QueueLimits, System, Systems, WatchedQueue

KINDS: Mapping[str, Kind] = {
    "http": http,
    "postgres": postgres,
    "redis": redis,
    "s3": s3,
    "docker": docker,
    "netlify": netlify,
    "resend": resend,
    "command": command,
}


@dataclass(slots=True)
class Assembly:
    """The running systems and every open client, to be closed when the bot stops."""

    systems: Systems
    clients: list[Any] = field(default_factory=list)

    async def close(self) -> None:
        """Close every client."""
        for client in self.clients:
            await client.close()


def assemble(configuration: Configuration) -> Assembly:
    """Open every connection (nothing connects yet) and build the systems."""
    built = Assembly(Systems({}))
    systems = {}
    for name, model in configuration.systems.items():
        clients = {}
        for each, connection in configuration.connections[name].items():
            clients[each] = KINDS[connection.kind].open(connection.config)
        built.clients += clients.values()
        for component in model.components.values():
            _expect(component, clients)
        systems[name] = _system(model, configuration.connections[name], clients)
    built.systems = Systems(systems)
    return built


def programs(configuration: Configuration) -> dict[str, list[str]]:
    """The programs that this configuration runs on the bot's own machine, and what each of them is for."""
    needed: dict[str, list[str]] = {}
    for name, model in configuration.systems.items():
        kinds = {each: connection.kind for each, connection in configuration.connections[name].items()}
        for check, described in model.checks.items():
            connection, _, measure = described.measure.partition(".")
            if kinds.get(connection) == command.KIND:
                needed.setdefault(command.PROGRAMS[measure], []).append(f"{name}/{check}")
        for component, made in model.components.items():
            if made.deployment is not None and made.deployment.compose:
                needed.setdefault(compose.PROGRAM, []).append(f"{name}/{component}")
    return needed


def _system(model: SystemModel, connections: Mapping[str, Connection], clients: Mapping[str, Any]) -> System:
    return System(
        model.system,
        model.title,
        {name: _check(name, check, connections, clients) for name, check in model.checks.items()},
        {name: _queue(name, queue, clients) for name, queue in model.queues.items()},
        {name: _component(name, component, clients) for name, component in model.components.items()},
    )


def _check(name: str, model: CheckModel, connections: Mapping[str, Connection], clients: Mapping[str, Any]) -> Check:
    thresholds = Thresholds.parse(warning=model.warning, critical=model.critical)
    measure: Callable[[], Awaitable[Measurement]]
    connection, _, what = model.measure.partition(".")
    if model.get:
        arguments = {"path": model.path, "expect": model.expect, "contains": model.contains}
        measure = functools.partial(http.MEASURES["status"], clients[model.get], **arguments)
    else:
        found = KINDS[connections[connection].kind].MEASURES[what]
        measure = functools.partial(found, clients[connection], **model.args)
    return Check(
        name,
        model.title or name,
        measure,
        thresholds,
        model.timeout,
        model.expect if model.get else None,
        model.get or connection,
    )


def _queue(name: str, model: QueueModel, clients: Mapping[str, Any]) -> WatchedQueue:
    limits = QueueLimits(
        waiting=_limits(model.depth),
        failed=_limits(model.failed),
        stuck=_limits(model.stuck),
        oldest=_limits(model.oldest),
        paused=Status(model.paused),
    )
    key = model.key or name
    if model.bullmq:
        queue = bullmq.BullmqQueue(clients[model.bullmq].client, name=key, generation=model.generation)
        return WatchedQueue(name, queue, limits, retriable=queue, workers=model.workers, target=model.bullmq)
    sets = sorted_sets.SortedSetQueue(
        clients[model.sorted_sets].client,
        key=key,
        processing=model.processing or f"{key}:processing",
        stuck_after=model.stuck_after,
        expire_after=model.expire_after,
    )
    return WatchedQueue(
        name,
        sets,
        limits,
        clearable=sets,
        stuck_after=model.stuck_after,
        expire_after=model.expire_after,
        workers=model.workers,
        target=model.sorted_sets,
    )


def _expect(model: ComponentModel, clients: Mapping[str, Any]) -> None:
    """Tell the Engine of each service that the component names: it must run, whatever else does."""
    restarter, _, service = model.restart.partition(".")
    if restarter:
        clients[restarter].expect(service)
    if model.deployment is not None and model.deployment.engine:
        clients[model.deployment.engine].expect(model.deployment.service)


def _limits(model: LimitsModel) -> Thresholds:
    return Thresholds.parse(warning=model.warning, critical=model.critical)


def _component(name: str, model: ComponentModel, clients: Mapping[str, Any]) -> Component:
    restarter, _, service = model.restart.partition(".")
    deployment = model.deployment
    deployments = publishing = None
    if deployment is not None and deployment.netlify:
        deployments = publishing = clients[deployment.netlify]
    elif deployment is not None:
        deployments = compose.ComposeDeployments(
            clients[deployment.compose],
            clients[deployment.engine],
            file=deployment.file,
            service=deployment.service,
            image_variable=deployment.image_variable,
        )
    return Component(
        name,
        deployments=deployments,
        publishing=publishing,
        restarter=clients[restarter] if restarter else None,
        service=service,
        database=model.database,
        verify=model.verify,
    )
