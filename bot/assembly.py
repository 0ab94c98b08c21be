"""From configuration to the running systems: opens each connection once and builds checks, queues and components."""

import functools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.kind import Client, Entry, Kind
from bot.config.loader import Configuration
from bot.config.models import CheckModel, ComponentModel, LimitsModel, QueueModel, SystemModel, TableModel
from bot.config.providers import Provided
from bot.domain.reading import Status, Thresholds
from bot.operations.action import OFFERED, ActionKind
from bot.operations.actions import ACTIONS
from bot.operations.actions.restart import Restart
from bot.operations.actions.roll_back import RollBack
from bot.ports import ClearableQueue, Deployments, PublishingLock, Queue, Restartable, RetriableQueue
from bot.systems import Check, Component, Offer, QueueLimits, System, Systems, Table, WatchedQueue


@dataclass(slots=True)
class Assembly:
    """The running systems and every open client, to be closed when the bot stops."""

    systems: Systems
    clients: list[Any] = field(default_factory=list)

    async def close(self) -> None:
        """Close every client."""
        for client in self.clients:
            await client.close()


def assemble(configuration: Configuration, kinds: Mapping[str, Kind]) -> Assembly:
    """Open every connection (nothing connects yet) and build the systems."""
    built = Assembly(Systems({}))
    systems = {}
    for name, model in configuration.systems.items():
        clients = {}
        for each, connection in configuration.connections[name].items():
            clients[each] = kinds[connection.kind].open(connection.config)
        built.clients += clients.values()
        systems[name] = _Builder(model, configuration, kinds, clients).system()
    built.systems = Systems(systems)
    return built


def actions_of(kinds: Mapping[str, Kind]) -> tuple[ActionKind, ...]:
    """Every action: our own, and those that adapters offer."""
    return (*ACTIONS, *(action for kind in kinds.values() for action in kind.actions))


def programs(configuration: Configuration, kinds: Mapping[str, Kind]) -> dict[str, list[str]]:
    """The programs that this configuration runs on the bot's own machine, and what each of them is for."""
    needed: dict[str, list[str]] = {}
    for name, model in configuration.systems.items():
        connections = configuration.connections[name]
        for check, described in model.checks.items():
            connection, _, what = described.measure.partition(".")
            program = kinds[connections[connection].kind].measures[what].program if connection else ""
            if program:
                needed.setdefault(program, []).append(f"{name}/{check}")
        for place, provided in configuration.provided[name].items():
            program = provided.provides.program
            if program:
                needed.setdefault(program, []).append(f"{name}/{place[1]}")
    return needed


class _Builder:
    """Builds one system from its model and its open connections."""

    def __init__(
        self,
        model: SystemModel,
        configuration: Configuration,
        kinds: Mapping[str, Kind],
        clients: Mapping[str, Client],
    ) -> None:
        self._model = model
        self._connections = configuration.connections[model.system]
        self._provided = configuration.provided[model.system]
        self._kinds = kinds
        self._clients = clients

    def system(self) -> System:
        """All of it."""
        model = self._model
        queues = {name: self._queue(name, queue) for name, queue in model.queues.items()}
        components = {name: self._component(name, component) for name, component in model.components.items()}
        return System(
            model.system,
            model.title,
            {name: self._check(name, check) for name, check in model.checks.items()},
            queues,
            components,
            {name: self._table(name, table) for name, table in model.tables.items()},
            self._clients,
            tuple(self._offers(queues, components.values())),
        )

    def _offers(self, queues: Collection[str], components: Collection[Component]) -> Iterator[Offer]:
        """Only what can be done: nobody is offered what is always refused."""
        name = self._model.system
        if queues:
            yield Offer("Queue", "queue.show", name)
        if any(component.deployments is not None for component in components):
            yield Offer(RollBack.label, "rollback.choose", name)
        if any(component.restarter is not None for component in components):
            yield Offer(Restart.label, "restart.choose", name)
        for table, described_table in self._model.tables.items():
            yield Offer(described_table.title or table, "health.table", f"{name} {table}")
        for connection, described in self._connections.items():
            alone = sum(described.kind == other.kind for other in self._connections.values()) == 1
            for action in self._kinds[described.kind].actions:
                label = action.label if alone else f"{connection}: {action.label}"
                yield Offer(label, OFFERED, f"{name} {connection} {action.name}")

    def _check(self, name: str, model: CheckModel) -> Check:
        thresholds = Thresholds.parse(warning=model.warning, critical=model.critical)
        connection, what, arguments = model.measured
        measure = self._kinds[self._connections[connection].kind].measures[what]
        return Check(
            name,
            model.title or name,
            functools.partial(measure, self._clients[connection], **arguments),
            thresholds,
            model.timeout,
            model.expect if model.get else None,
            connection,
        )

    def _table(self, name: str, model: TableModel) -> Table:
        connection, _, what = model.table.partition(".")
        table = self._kinds[self._connections[connection].kind].tables[what]
        read = functools.partial(table, self._clients[connection], **model.args)
        return Table(name, model.title or name, read, model.timeout, connection)

    def _queue(self, name: str, model: QueueModel) -> WatchedQueue:
        limits = QueueLimits(
            waiting=_limits(model.depth),
            failed=_limits(model.failed),
            stuck=_limits(model.stuck),
            oldest=_limits(model.oldest),
            paused=Status(model.paused),
        )
        provided = self._provided["queue", name]
        queue: Queue = self._made(provided)
        return WatchedQueue(
            name,
            queue,
            limits,
            retriable=queue if isinstance(queue, RetriableQueue) else None,
            clearable=queue if isinstance(queue, ClearableQueue) else None,
            workers=model.workers,
            target=provided.connection,
        )

    def _component(self, name: str, model: ComponentModel) -> Component:
        deployments: Deployments | None = None
        if ("deployment", name) in self._provided:
            deployments = self._made(self._provided["deployment", name])
        restarter: Restartable | None = None
        if ("restart", name) in self._provided:
            restarter = self._made(self._provided["restart", name])
        return Component(
            name,
            deployments=deployments,
            publishing=deployments if isinstance(deployments, PublishingLock) else None,
            restarter=restarter,
            service=model.restart.partition(".")[2],
            database=model.database,
            verify=model.verify,
        )

    def _made(self, provided: Provided) -> Any:  # noqa: ANN401 - the loader has found it under its port's own key
        entry = Entry(provided.name, self._clients.__getitem__)
        return provided.provides.build(self._clients[provided.connection], provided.options, entry)


def _limits(model: LimitsModel) -> Thresholds:
    return Thresholds.parse(warning=model.warning, critical=model.critical)
