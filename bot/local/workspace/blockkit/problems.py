"""Collects what is wrong with a JSON object, each with the JSON pointer that Slack would name."""

from collections.abc import Collection
from typing import Any

from bot.local.workspace.values import Json


class Problems:
    """The problems of one message or view. Methods return what they read, so that checks go on past the first."""

    def __init__(self, surface: str) -> None:
        self.surface = surface  # message | modal | home
        self.found: list[str] = []
        self.block_ids: set[str] = set()
        self.action_ids: set[str] = set()
        self.characters = 0
        self.markdown = 0

    def add(self, text: str, at: str) -> None:
        """One problem at one place."""
        self.found.append(f"{text} [json-pointer:{at}]")

    def mapping(self, value: object, at: str) -> Json | None:
        """The value as an object."""
        if isinstance(value, dict):
            return value
        self.add("must provide an object", at)
        return None

    def keys(self, obj: Json, allowed: Collection[str], at: str) -> None:
        """Only these keys may stand here."""
        for key in obj:
            if key not in allowed:
                self.add(f"invalid additional property: {key}", at)

    def string(
        self, obj: Json, key: str, at: str, limit: int, *, required: bool = False, minimum: int = 1
    ) -> str | None:
        """A string of bounded length."""
        value = obj.get(key)
        if value is None:
            if required:
                self.add(f"missing required field: {key}", at)
            return None
        if not isinstance(value, str):
            self.add("must provide a string", f"{at}/{key}")
            return None
        if len(value) > limit:
            self.add(f"must be less than {limit + 1} characters", f"{at}/{key}")
        if len(value) < minimum:
            self.add(f"must be more than {minimum - 1} characters", f"{at}/{key}")
        return value

    def boolean(self, obj: Json, key: str, at: str) -> None:
        """True or false, nothing else."""
        if key in obj and not isinstance(obj[key], bool):
            self.add("must provide a boolean", f"{at}/{key}")

    def number(self, obj: Json, key: str, at: str, lowest: int, highest: int) -> None:
        """A whole number within bounds."""
        value = obj.get(key)
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest
        ):
            self.add(f"must provide an integer from {lowest} to {highest}", f"{at}/{key}")

    def choice(self, obj: Json, key: str, at: str, allowed: Collection[str]) -> None:
        """One of a few words."""
        if key in obj and obj[key] not in allowed:
            self.add(f"invalid value; must be one of {', '.join(sorted(allowed))}", f"{at}/{key}")

    def items(self, obj: Json, key: str, at: str, limit: int, *, required: bool = True) -> list[Any]:
        """A list of bounded length."""
        value = obj.get(key)
        if value is None:
            if required:
                self.add(f"missing required field: {key}", at)
            return []
        if not isinstance(value, list):
            self.add("must provide an array", f"{at}/{key}")
            return []
        if len(value) > limit:
            self.add(f"no more than {limit} items allowed", f"{at}/{key}")
        if not value:
            self.add("no less than 1 items allowed", f"{at}/{key}")
        return value

    def unique(self, value: str | None, seen: set[str], name: str, at: str) -> None:
        """An id may stand once."""
        if value is None:
            return
        if value in seen:
            self.add(f"`{name}` already exists: {value}", f"{at}/{name}")
        seen.add(value)
