"""Queues, deployments and restarts of a system: which adapter makes each, over which connection, with which options."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from bot.config.models import QueueModel, SystemModel
from bot.config.problems import Findings, Measure, known_names
from bot.config.source import Place, Problem, Source
from bot.config.validation_errors import explained
from bot.domain.nearest import did_you_mean, nearest


class Provides(Protocol):
    """How an adapter makes one thing."""

    @property
    def build(self) -> Any:  # noqa: ANN401 - called by the composition root alone
        """Makes it."""
        ...

    @property
    def options(self) -> type[BaseModel]:
        """The model of the further keys."""
        ...

    @property
    def on(self) -> str:
        """The kind of the connection that it needs; empty: the adapter's own."""
        ...

    @property
    def also(self) -> Mapping[str, str]:
        """Options that name further connections, with the kind of each."""
        ...

    @property
    def program(self) -> str:
        """What it runs on the bot's own machine."""
        ...


class Kind(Protocol):
    """An adapter, as the configuration sees it."""

    @property
    def config(self) -> type[BaseModel] | None:
        """The model of an entry under `connections`; None where it opens none."""
        ...

    @property
    def measures(self) -> Mapping[str, Measure]:
        """What a check may name after the dot."""
        ...

    @property
    def tables(self) -> Mapping[str, Any]:
        """What a table may name after the dot."""
        ...

    @property
    def provides(self) -> Mapping[str, Any]:
        """What a part of a system can be made of, by the part's name."""
        ...


@dataclass(frozen=True, slots=True)
class Provided:
    """One thing to make: by which adapter, over which connection, under which name, with which options."""

    provides: Provides
    connection: str
    name: str
    options: BaseModel


class _Reader:
    """Reads the entries of one system."""

    def __init__(self, source: Source, kinds: Mapping[str, Kind], connections: Mapping[str, str]) -> None:
        self._source = source
        self._kinds = kinds
        self._connections = connections
        self.found = Findings(source)
        self.made: dict[tuple[str, str], Provided] = {}

    def entry(self, part: str, name: str, place: Place, entry: Mapping[str, Any], own: Mapping[str, Any]) -> None:
        """`{KEY: connection, option: …}`. `own`: keys of the part itself, which are known and no options."""
        ways = {key: kind.provides[part] for key, kind in self._kinds.items() if part in kind.provides}
        named = [key for key in entry if key in ways]
        if len(named) != 1:
            unknown = [key for key in entry if key not in ways and nearest(key, ways)]
            if unknown and not named:
                self.found.add((*place, unknown[0]), f"unknown key {unknown[0]}; {did_you_mean(unknown[0], ways, '')}")
            else:
                self.found.add(place, f"a {part} needs either {' or '.join(ways)}")
            return
        key = named[0]
        provides: Provides = ways[key]
        connection = entry[key]
        if not isinstance(connection, str):
            self.found.add((*place, key), f"{key} names a connection of this system; write its name")
            return
        self.found.connection((*place, key), connection, {provides.on or key}, self._connections)
        options = self._options(
            f"a {part} by {key}", provides, place, {k: v for k, v in entry.items() if k != key}, own
        )
        if options is None:
            return
        for option, kind in provides.also.items():
            self.found.connection((*place, option), getattr(options, option), {kind}, self._connections)
        self.made[part, name] = Provided(provides, connection, name, options)

    def restart(self, name: str, place: Place, text: str) -> None:
        """`connection.service`."""
        offered = {key: kind.provides["restart"] for key, kind in self._kinds.items() if "restart" in kind.provides}
        ways: dict[str, Provides] = {way.on or key: way for key, way in offered.items()}
        connection, _, service = text.partition(".")
        self.found.connection(place, connection, set(ways), self._connections)
        if not service:
            self.found.add(place, f"restart names no service; write it as {connection}.SERVICE")
            return
        way = ways.get(self._connections.get(connection, ""))
        if way is not None:
            self.made["restart", name] = Provided(way, connection, service, way.options())

    def _options(
        self, what: str, provides: Provides, place: Place, given: Mapping[str, Any], own: Mapping[str, Any]
    ) -> BaseModel | None:
        try:
            return provides.options.model_validate(given)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                key = str(detail["loc"][-1]) if detail["loc"] else ""
                where: Place = (*place, *detail["loc"])
                if detail["type"] == "extra_forbidden":
                    valid = [*provides.options.model_fields, *own]
                    self.found.add(where, f"unknown key {key}; {known_names(key, valid, 'known keys: ')}")
                elif detail["type"] == "missing" or (
                    detail["type"] == "string_too_short" and where not in self._source.secret
                ):
                    self.found.add(place, f"{what} needs {key}; add it")
                elif detail["type"] == "value_error" and where not in self._source.secret:
                    self.found.add(where, f"{key} {detail['msg'].removeprefix('Value error, ')}")
                else:
                    self.found.problems.append(explained(detail, place, provides.options, self._source))
            return None


def provided_by(
    system: SystemModel, source: Source, kinds: Mapping[str, Kind], connections: Mapping[str, str]
) -> tuple[dict[tuple[str, str], Provided], list[Problem]]:
    """What makes each queue, deployment and restart, and every problem. `connections`: connection → kind."""
    reader = _Reader(source, kinds, connections)
    for name, queue in system.queues.items():
        reader.entry("queue", name, ("queues", name), queue.model_extra or {}, QueueModel.model_fields)
    for name, component in system.components.items():
        if component.deployment is not None:
            reader.entry("deployment", name, ("components", name, "deployment"), component.deployment, {})
        if component.restart:
            reader.restart(name, ("components", name, "restart"), component.restart)
    return reader.made, reader.found.problems
