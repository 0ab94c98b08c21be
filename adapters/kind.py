"""The shape of a connection kind: what every adapter module offers to wiring.

A module of a kind holds `KIND` (the key that names it in `connections:` and holds its address), `Config` (the validated
entry), `open(config)` (the client; connects lazily, so it never fails) and `MEASURES` (what checks may measure).
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict

from bot.ports import Measurement


@dataclass(frozen=True, slots=True)
class Measure:
    """`await measure(client, **args)`: one value now, or a `TargetError`.

    `unit` as `parse_quantity` writes it, empty for a count, None where no threshold fits: it judges itself.
    """

    take: Callable[..., Awaitable[Measurement]]
    unit: str | None = ""

    def __call__(self, client: Any, **args: Any) -> Awaitable[Measurement]:  # noqa: ANN401 - as the kind declares them
        """Measure now."""
        return self.take(client, **args)

    @property
    def args(self) -> Mapping[str, type]:
        """The arguments that it takes, with the type of each."""
        parameters = list(inspect.signature(self.take).parameters.values())[1:]
        return {parameter.name: parameter.annotation for parameter in parameters}


class Connection(BaseModel):
    """An entry of `connections:`, frozen; an unknown key is an error, and no error repeats what was given."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Client(Protocol):
    """What `open` returns: something to close when the bot stops."""

    async def close(self) -> None:
        """Let go of every connection; closing twice is harmless."""
        ...


class Kind(Protocol):
    """An adapter module, as wiring's table of kinds sees it."""

    @property
    def KIND(self) -> str:  # noqa: N802 - a module's constant
        """The key in `connections:`."""
        ...

    @property
    def Config(self) -> type[Any]:  # noqa: N802 - a module's class
        """The model of the entry, a `Connection`."""
        ...

    @property
    def open(self) -> Callable[[Any], Any]:
        """`open(config)` returns a `Client`; nothing is connected yet."""
        ...

    @property
    def MEASURES(self) -> Mapping[str, Measure]:  # noqa: N802 - a module's constant
        """What a check may name after the dot: `db.connections_used`."""
        ...


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
