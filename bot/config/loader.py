"""Loads a configuration folder: every problem at once, each with file, line, the nearest valid name and what to do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from pydantic import BaseModel, SecretStr, ValidationError

from bot.config import rules
from bot.config.models import StewardModel, SystemModel
from bot.config.providers import Kind, Provided, provided_by
from bot.config.source import Place, Problem, Source, read
from bot.config.validation_errors import explained
from bot.domain.nearest import did_you_mean, nearest
from bot.domain.redaction import passwords_of

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection of a system: its kind and the adapter's own frozen `Config`."""

    kind: str
    config: BaseModel


@dataclass(frozen=True, slots=True)
class Configuration:
    """A whole valid configuration. `connections`: system → connection name → connection.

    `provided`: system → part and name (`queue`, `mails`) → what makes it.
    """

    steward: StewardModel
    systems: Mapping[str, SystemModel]
    connections: Mapping[str, Mapping[str, Connection]] = field(default_factory=dict)
    provided: Mapping[str, Mapping[tuple[str, str], Provided]] = field(default_factory=dict)

    @property
    def secrets(self) -> list[str]:
        """Every secret value in it, wherever it came from; of an address only the password."""
        models = [connection.config for each in self.connections.values() for connection in each.values()]
        models += [thing.options for each in self.provided.values() for thing in each.values()]
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

    `kinds`: every adapter by its key. `environment=None` checks without secrets.
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
    provided: dict[str, dict[tuple[str, str], Provided]] = {}
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
        offered = {name: kinds[it.kind] for name, it in opened.items()}
        problems += rules.of_system(system, source, kinds_here, offered)
        provided[system.system], wrong = provided_by(system, source, kinds, kinds_here)
        problems += wrong
    if not systems and not problems:
        problems.append(Problem(str(folder / "systems"), 1, "no system is described; add one file per system"))
    if steward is not None:
        problems += rules.of_steward(steward, steward_source, described, actions)
    if problems:
        raise ConfigurationError(sorted(set(problems)))
    return Configuration(cast("StewardModel", steward), systems, connections, provided)


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
        problems += [explained(detail, (), model, source) for detail in error.errors(include_url=False)]
        return None


def _connections(
    system: SystemModel, source: Source, kinds: Mapping[str, Kind], problems: list[Problem]
) -> dict[str, Connection]:
    found = {}
    configs = {name: kind.config for name, kind in kinds.items() if kind.config is not None}
    for name, entry in system.connections.items():
        place: Place = ("connections", name)
        named = [key for key in entry if key in configs] if isinstance(entry, dict) else []
        if len(named) != 1:
            given = ", ".join(map(str, entry)) if isinstance(entry, dict) else str(type(entry).__name__)
            mistyped = [str(key) for key in entry if nearest(str(key), configs)] if isinstance(entry, dict) else []
            hint = did_you_mean(mistyped[0] if mistyped else "", configs, f"name exactly one of {', '.join(configs)}")
            problems.append(source.problem(place, f"connection {name} has no known kind among: {given}; {hint}"))
            continue
        model = configs[named[0]]
        try:
            found[name] = Connection(named[0], model.model_validate(entry))
        except ValidationError as error:
            details = error.errors(include_url=False)
            problems += [explained(detail, place, model, source) for detail in details]
    return found
