"""What every simulated part has in common: an address, states it can be in, keys that can be set, calls it received."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

MOST_JOBS = 200_000
"""How many jobs a queue of the lab can be told to hold."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One settable key: what it means, and how its value is read (raises ValueError on a bad one)."""

    meaning: str
    parse: Callable[[object], object]


class Component(ABC):
    """A part of a simulated system that can be broken, set and asked."""

    states: ClassVar[Mapping[str, str]]
    settings: ClassVar[Mapping[str, Setting]]

    @property
    @abstractmethod
    def url(self) -> str:
        """Address or DSN for any client; empty for a part without one."""

    @property
    @abstractmethod
    def state(self) -> str:
        """Which of `states` it is in now."""

    @abstractmethod
    def values(self) -> dict[str, object]:
        """The present value of each settable key."""

    @abstractmethod
    async def enter(self, state: str) -> None:
        """Go into one of `states`."""

    @abstractmethod
    async def put(self, key: str, value: object) -> None:
        """Set one key of `settings` to a value that its `parse` returned."""

    def calls(self) -> list[dict[str, object]]:
        """The calls a vendor stand-in received, oldest first; other parts have none."""
        return []

    def describe(self) -> dict[str, object]:
        """The part as JSON: address, what it can be, what it is."""
        return {
            "url": self.url,
            "states": list(self.states),
            "state": self.state,
            "set": {key: setting.meaning for key, setting in self.settings.items()},
            "values": self.values(),
        }

    async def apply(self, body: Mapping[str, object]) -> None:
        """Do what a body such as `{"state": "down"}` or `{"set": {"depth": 40}}` says; nothing if any of it is wrong.

        Raises:
            ValueError: an unknown word, state, key or value; the text names what is possible.
        """
        unknown = sorted(set(body) - {"state", "set"})
        if unknown or not body:
            raise ValueError(f'a body takes "state" or "set", not {", ".join(unknown) or "nothing"}')
        state = body.get("state")
        if state is not None and (not isinstance(state, str) or state not in self.states):
            raise ValueError(f"no state {state!r}; it can be {', '.join(self.states)}")
        wanted = body.get("set", {})
        if not isinstance(wanted, Mapping):
            raise ValueError('"set" takes an object of keys and values')  # noqa: TRY004 - callers answer 400 to ValueError
        parsed = {key: self._parse(key, value) for key, value in wanted.items()}
        for key, value in parsed.items():
            await self.put(key, value)
        if isinstance(state, str):
            await self.enter(state)

    def _parse(self, key: str, value: object) -> object:
        if key not in self.settings:
            raise ValueError(f"no key {key!r}; settable are {', '.join(self.settings) or 'none'}")
        try:
            return self.settings[key].parse(value)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from error


def whole(low: int, high: int) -> Callable[[object], int]:
    """A parser of whole numbers between two bounds, both allowed; digits as text count."""

    def parse(value: object) -> int:
        if isinstance(value, str) and value.strip().removeprefix("-").isdecimal():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"give a whole number from {low} to {high}, not {value!r}")
        return value

    return parse


def flag(value: object) -> bool:
    """A parser of true and false."""
    named = {"true": True, "false": False, "on": True, "off": False}
    if isinstance(value, str) and value.lower() in named:
        return named[value.lower()]
    if not isinstance(value, bool):
        raise ValueError(f"give true or false, not {value!r}")  # noqa: TRY004 - callers answer 400 to ValueError
    return value


def one_of(*choices: str) -> Callable[[object], str]:
    """A parser of one of a few words."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"give one of {', '.join(choices)}, not {value!r}")
        return value

    return parse


def text(value: object) -> str:
    """A parser of non-empty text."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"give a text, not {value!r}")
    return value
