"""What an adapter module offers; everything else of the bot knows no more of it than this.

A module that opens connections holds `KIND` (the key that names it in `connections:` and holds its address), `Config`
(the validated entry) and `open(config)` (the client; connects lazily, so it never fails). Beside these, or alone where
it works over another kind's connection, it holds what it offers:

- `MEASURES`: one value each, for checks: `measure: db.connections_used`
- `TABLES`: a few rows for people: `table: db.slow_queries`
- `PROVIDES`: what a queue or a component of a system can be: `deployment: {netlify: site}`, `{bullmq: cache}`
- `ACTIONS`: changes that a connection offers by itself, each a class as `bot.operations.action` describes it
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Annotated, Any, Generic, Protocol, TypedDict, TypeVar, get_type_hints
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter, ValidationError

from bot.operations.action import ConnectionActionKind
from bot.ports import Deployments, Measurement, Queue, Restartable, Rows

Made_co = TypeVar("Made_co", covariant=True)


class Connection(BaseModel):
    """An entry of `connections:`, frozen; an unknown key is an error, and no error repeats what was given."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Options(BaseModel):
    """The further keys of a provided thing, frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Client(Protocol):
    """What `open` returns: something to close when the bot stops."""

    async def close(self) -> None:
        """Let go of every connection; closing twice is harmless."""
        ...


@dataclass(frozen=True, slots=True)
class _Call:
    """A method of a client that configuration calls by name, with the arguments that it declares."""

    take: Callable[..., Awaitable[Any]]

    @property
    def needed(self) -> frozenset[str]:
        """The arguments that have no default."""
        parameters = list(inspect.signature(self.take).parameters.values())[1:]
        return frozenset(each.name for each in parameters if each.default is inspect.Parameter.empty)

    @property
    def args(self) -> Mapping[str, Any]:
        """The arguments that it takes, with the type of each."""
        hints = get_type_hints(self.take, include_extras=True)
        return {name: hints[name] for name in list(inspect.signature(self.take).parameters)[1:]}

    def wrong(self, name: str, value: object) -> str:
        """What is wrong with an argument's value; empty where nothing is."""
        try:
            TypeAdapter(self.args[name]).validate_python(value, strict=True)
        except ValidationError as error:
            said = error.errors(include_url=False)[0]
            if said["type"] == "value_error":
                return str(said["msg"]).removeprefix("Value error, ")
            if said["type"].endswith("_type"):
                return f"must be {'text' if 'string' in said['type'] else 'a number'}; correct it"
            return f"is not valid: {said['msg'].lower()}; correct it"
        return ""


@dataclass(frozen=True, slots=True)
class Measure(_Call):
    """`await measure(client, **args)`: one value now, or a `TargetError`.

    `unit` as `parse_quantity` writes it, empty for a count, None where no threshold fits: it judges itself.
    `program`: what it runs on the bot's own machine, so that `steward check` can tell that it is missing.
    """

    unit: str | None = ""
    program: str = ""

    def __call__(self, client: Any, **args: Any) -> Awaitable[Measurement]:  # noqa: ANN401 - as the kind declares them
        """Measure now."""
        return self.take(client, **args)


@dataclass(frozen=True, slots=True)
class Table(_Call):
    """`await table(client, **args)`: a few rows for people now, or a `TargetError`."""

    def __call__(self, client: Any, **args: Any) -> Awaitable[Rows]:  # noqa: ANN401 - as the kind declares them
        """Read now."""
        return self.take(client, **args)


@dataclass(frozen=True, slots=True)
class Entry:
    """The entry that something is made for: its name, and the other connections of its system."""

    name: str
    connection: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Provides(Generic[Made_co]):
    """How a thing is made: `build(client, options, entry)`.

    `on`: the kind of the connection that the entry's key names, where it is not the module's own. `also`: options that
    name further connections, with the kind of each. `program`: as in `Measure`.
    """

    build: Callable[[Any, Any, Entry], Made_co]
    options: type[Options] = Options
    on: str = ""
    also: Mapping[str, str] = field(default_factory=dict)
    program: str = ""


class Provisions(TypedDict, total=False):
    """What a module provides, by the part of a system that it can be."""

    queue: Provides[Queue]
    deployment: Provides[Deployments]
    restart: Provides[Restartable]


@dataclass(frozen=True, slots=True)
class Kind:
    """An adapter module, as the composition root's table holds it. Without `config` it opens no connection."""

    name: str
    doc: str
    config: type[Connection] | None
    open: Callable[[Any], Client]
    measures: Mapping[str, Measure]
    tables: Mapping[str, Table]
    provides: Mapping[str, Provides[Any]]
    actions: tuple[ConnectionActionKind, ...]


def kind(module: ModuleType) -> Kind:
    """What a module offers; what it does not hold, it does not offer."""
    return Kind(
        module.KIND,
        (module.__doc__ or "").partition("\n")[0],
        getattr(module, "Config", None),
        getattr(module, "open", _opens_nothing),
        getattr(module, "MEASURES", {}),
        getattr(module, "TABLES", {}),
        getattr(module, "PROVIDES", {}),
        getattr(module, "ACTIONS", ()),
    )


def _opens_nothing(config: object) -> Client:
    raise TypeError(f"{config} is no connection")


def _path(path: str) -> str:
    # A whole address would be asked instead of the connection's.
    if not path.startswith("/") or path.startswith("//"):
        raise ValueError("must be a path that begins with one /, as in /health; the host stands in the connection")
    return path


UrlPath = Annotated[str, AfterValidator(_path)]
"""A path of an HTTP connection."""


def _http_address(address: str) -> str:
    try:
        parts = urlsplit(address)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # A port that is no number, a bracket that is never closed.
        usable = False
    if not usable:
        raise ValueError("is not an address; write it as https://host or http://host:port")
    return address.rstrip("/")


HttpAddress = Annotated[str, AfterValidator(_http_address)]
"""An `http://` or `https://` address without a slash at its end."""
