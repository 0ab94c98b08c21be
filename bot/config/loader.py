"""Loads a configuration folder: every problem at once, each with file, line, the nearest valid name and what to do."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from bot.config import rules
from bot.config.models import StewardModel, SystemModel
from bot.config.source import Place, Problem, Source, read
from bot.domain.redaction import passwords_of

M = TypeVar("M", bound=BaseModel)


class Kind(Protocol):
    """A kind of connection, as an adapter module offers it."""

    @property
    def Config(self) -> type[Any]:  # noqa: N802 - a module's class
        """The model of an entry under `connections`."""
        ...

    @property
    def MEASURES(self) -> Mapping[str, rules.Measure]:  # noqa: N802 - a module's constant
        """What a check may name after the dot."""
        ...


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection of a system: its kind and the adapter's own frozen `Config`."""

    kind: str
    config: BaseModel


@dataclass(frozen=True, slots=True)
class Configuration:
    """A whole valid configuration. `connections`: system → connection name → connection."""

    steward: StewardModel
    systems: Mapping[str, SystemModel]
    connections: Mapping[str, Mapping[str, Connection]] = field(default_factory=dict)

    @property
    def secrets(self) -> list[str]:
        """Every secret value in it, wherever it came from; of an address only the password."""
        models = [connection.config for each in self.connections.values() for connection in each.values()]
        found = [value.get_secret_value() for model in models for _, value in model if isinstance(value, SecretStr)]
        pagerduty = self.steward.pagerduty
        if pagerduty is not None:
            found += [pagerduty.routing_key, pagerduty.webhook_secret, *pagerduty.routing_keys.values()]
        return [secret for value in found for secret in (passwords_of(value) if "://" in value else [value])]


class ConfigurationError(Exception):
    """The configuration has problems; `problems` lists all of them."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def load(
    folder: Path, kinds: Mapping[str, Kind], actions: Iterable[rules.Action], environment: Mapping[str, str] | None
) -> Configuration:
    """Load `steward.yaml` and `systems/*.yaml`.

    `kinds`: connection kind → the adapter module. `environment=None` checks without secrets.
    Raises `ConfigurationError` with every problem found.
    """
    problems: list[Problem] = []
    main = folder / "steward.yaml"
    if not main.is_file():
        raise ConfigurationError([Problem(str(main), 1, "the file is missing; copy the shipped config/steward.yaml")])
    steward_source = read(main, str(main), environment)
    steward = _validated(StewardModel, steward_source, problems)
    systems: dict[str, SystemModel] = {}
    connections: dict[str, dict[str, Connection]] = {}
    described: set[str] = set()  # Also by files with mistakes, so that one mistake is told once.
    for path in sorted((folder / "systems").glob("*.yaml")):
        source = read(path, str(path), environment)
        described.add(str(source.data.get("system")) if isinstance(source.data, dict) else path.stem)
        system = _validated(SystemModel, source, problems)
        if system is None:
            continue
        if system.system in systems:
            problems.append(source.problem(("system",), f"a second file describes {system.system}; remove one"))
        systems[system.system] = system
        connections[system.system] = _connections(system, source, kinds, problems)
        opened = connections[system.system]
        kinds_here = {name: opened[name].kind if name in opened else "" for name in system.connections}
        offered = {name: kinds[it.kind].MEASURES for name, it in opened.items()}
        problems += rules.of_system(system, source, kinds_here, offered)
    if not systems and not problems:
        problems.append(Problem(str(folder / "systems"), 1, "no system is described; add one file per system"))
    if steward is not None:
        problems += rules.of_steward(steward, steward_source, described, actions)
    if problems:
        raise ConfigurationError(sorted(set(problems)))
    return Configuration(cast("StewardModel", steward), systems, connections)


def _validated(model: type[M], source: Source, problems: list[Problem]) -> M | None:
    problems += source.problems
    if source.data is None:
        if not source.problems:
            problems.append(Problem(source.file, 1, "the file is empty"))
        return None
    problems += rules.of_every_file(source)
    try:
        return model.model_validate(source.data)
    except ValidationError as error:
        problems += [_problem(detail, (), model, source) for detail in error.errors(include_url=False)]
        return None


def _connections(
    system: SystemModel, source: Source, kinds: Mapping[str, Kind], problems: list[Problem]
) -> dict[str, Connection]:
    found = {}
    for name, entry in system.connections.items():
        place: Place = ("connections", name)
        named = [key for key in entry if key in kinds] if isinstance(entry, dict) else []
        if len(named) != 1:
            given = ", ".join(map(str, entry)) if isinstance(entry, dict) else str(type(entry).__name__)
            near = (
                [match for key in entry for match in difflib.get_close_matches(str(key), kinds, n=1)]
                if isinstance(entry, dict)
                else []
            )
            hint = f"did you mean {near[0]}?" if near else "name exactly one of " + ", ".join(kinds)
            problems.append(source.problem(place, f"connection {name} has no known kind among: {given}; {hint}"))
            continue
        try:
            found[name] = Connection(named[0], kinds[named[0]].Config.model_validate(entry))
        except ValidationError as error:
            details = error.errors(include_url=False)
            problems += [_problem(detail, place, kinds[named[0]].Config, source) for detail in details]
    return found


def _problem(detail: ErrorDetails, above: Place, model: type[BaseModel], source: Source) -> Problem:
    """A pydantic error in our words, at its line; a value that came from the environment is never repeated."""
    place = (*above, *detail["loc"])
    key = str(detail["loc"][-1]) if detail["loc"] else ""
    if detail["type"] == "extra_forbidden":
        valid = _keys_at(model, detail["loc"][:-1])
        near = difflib.get_close_matches(key, valid, n=1)
        hint = f"did you mean {near[0]}?" if near else "known keys: " + ", ".join(sorted(valid))
        return source.problem(place, f"unknown key {key}; {hint}")
    if detail["type"] == "missing":
        return source.problem(place, f"the key {key} is missing; add it")
    name = ".".join(str(part) for part in place if part != "[key]")
    if detail["type"] == "too_short":
        return source.problem(place, f"{name} is empty; name at least one")
    if any(place[:length] in source.secret for length in range(len(place) + 1)):
        return source.problem(
            place, f"the value of {name}, read from the environment, is not valid ({detail['type']}); correct it"
        )
    return source.problem(place, f"{name}: {detail['msg'].removeprefix('Value error, ')}")


def _keys_at(model: type[BaseModel], place: Place) -> list[str]:
    """The keys that the model allows at a place, found by walking the JSON Schema."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})

    def resolved(node: dict[str, object]) -> dict[str, object]:
        for option in cast("list[dict[str, object]]", node.get("anyOf", [])):
            if "$ref" in option:
                node = option
        while "$ref" in node:
            node = definitions[str(node["$ref"]).rsplit("/", 1)[-1]]
        return node

    node = resolved(schema)
    for part in place:
        properties = cast("dict[str, dict[str, object]]", node.get("properties", {}))
        onward = (
            properties.get(str(part))
            or node.get("items")
            or node.get("additionalProperties")
            or node.get("patternProperties")
        )
        if isinstance(onward, dict) and "patternProperties" in node and onward is node["patternProperties"]:
            onward = next(iter(onward.values()), {})
        if not isinstance(onward, dict):
            return []
        node = resolved(onward)
    return list(cast("dict[str, object]", node.get("properties", {})))
