"""The lab as the page shows it: each component, what it is now, what it can be, what can be set."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.local.workspace.state import Workspace

_GROUPS: Final = ("approvers", "engineers")


@dataclass(frozen=True, slots=True)
class Setting:
    """A settable key; `members` where it is a list of the workspace's people."""

    key: str
    value: str
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
    """The systems of the lab in order, with their components; the user groups are the workspace's own."""
    described = dict(workspace.lab.describe()) if workspace.lab else {}
    systems = {
        system: [_component(system, name, about) for name, about in components.items() if name not in _GROUPS]
        for system, components in described.items()
    }
    systems.setdefault("steward", []).extend(_group(workspace, handle) for handle in _GROUPS)
    return list(systems.items())


def _group(workspace: Workspace, handle: str) -> Component:
    group = workspace.directory.group(handle)
    members = group.members if group else []
    names = frozenset(user.name for user in workspace.users if user.id in members)
    return Component("steward", handle, state="", states=(), settings=(Setting("members", "", members=names),))


def _component(system: str, name: str, about: Mapping[str, Any]) -> Component:
    states = [str(state) for state in about.get("states") or ()]
    values = about.get("values") or {}
    return Component(
        system,
        name,
        state=str(about.get("state") or (states[0] if states else "")),
        states=states,
        settings=[_setting(str(key), values.get(str(key))) for key in about.get("set") or ()],
    )


def _setting(key: str, value: object) -> Setting:
    if value is None or isinstance(value, str):
        return Setting(key, value or "")
    return Setting(key, json.dumps(value, ensure_ascii=False))
