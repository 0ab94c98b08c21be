"""What an action will do, before it does it: live state, exact calls, what stays as it is, and the way back."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what people read, the exact calls, and the action's own `data` (JSON), kept in the journal."""

    title: str
    calls: tuple[str, ...] = ()
    data: str = "{}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole plan. `material` is what must not change before it runs; counts, ages and health are never in it.

    `emergency`: whether a run alone is offered in an open P0 or P1; the operations service sets it, no action does.
    """

    title: str
    does: str
    steps: tuple[Step, ...]
    before: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    not_reverted: tuple[str, ...] = ()
    undo: str = ""
    undoable: bool = False
    material: tuple[str, ...] = ()
    emergency: bool = True

    def dump(self) -> str:
        """One line of JSON, for the ledger; in ASCII, as a target's text may hold half a character."""
        values = asdict(self)
        if self.emergency:
            del values["emergency"]  # The release before this one does not know it.
        return json.dumps(values, separators=(",", ":"))

    @classmethod
    def load(cls, text: str) -> "Plan":
        """The plan from `dump`'s text. What only a newer release knows is left out: its replicas run beside ours."""
        known = {field.name for field in fields(cls)}
        stored: dict[str, Any] = {name: value for name, value in json.loads(text).items() if name in known}
        steps = tuple(Step(step["title"], tuple(step["calls"]), step["data"]) for step in stored["steps"])
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
        }
        values["steps"] = steps
        return cls(**values)


def fingerprint(action: str, parameters: str, targets: Sequence[str], material: Sequence[str]) -> str:
    """The sha256 that binds an approval to what was shown: action, parameters, targets, material state."""
    canonical = json.dumps([action, json.loads(parameters), sorted(targets), list(material)], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
