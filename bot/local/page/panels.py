"""The lab as the page shows it: each component, what it is now, what it can be, what can be set."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.local.workspace.state import Workspace


@dataclass(frozen=True, slots=True)
class Setting:
    """A settable key and what it means; `members` where it is a list of the workspace's people."""

    key: str
    value: str
    meaning: str = ""
    members: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the lab that can be broken."""

    system: str
    name: str
    state: str
    states: Sequence[str]
    settings: Sequence[Setting]

    @property
    def broken(self) -> bool:
        """Whether it is in another state than the one it starts in."""
        return bool(self.states) and self.state != self.states[0]


def lab_of(workspace: Workspace) -> list[tuple[str, list[Component]]]:
    """The systems of the lab in order, with their components."""
    return [
        (system, [_component(system, name, about) for name, about in components.items()])
        for system, components in workspace.lab.describe().items()
    ]


def _component(system: str, name: str, about: Mapping[str, Any]) -> Component:
    states = [str(state) for state in about.get("states") or ()]
    settable, values = about.get("set") or (), about.get("values") or {}
    told = settable if isinstance(settable, Mapping) else {}
    return Component(
        system,
        name,
        state=str(about.get("state") or (states[0] if states else "")),
        states=states,
        settings=[_setting(str(key), values.get(key), str(told.get(key, ""))) for key in settable],
    )


def _setting(key: str, value: object, meaning: str) -> Setting:
    if key == "members" and isinstance(value, list):
        return Setting(key, "", meaning, members=frozenset(str(each) for each in value))
    if value is None or isinstance(value, str):
        return Setting(key, value or "", meaning)
    return Setting(key, json.dumps(value, ensure_ascii=False), meaning)
