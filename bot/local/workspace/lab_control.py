"""What the workspace needs from the lab: tell the components, break or set one, list the calls it received."""

from typing import Protocol

from bot.local.workspace.values import Json


class LabControl(Protocol):
    """The simulated systems. What is unknown raises `KeyError`, an impossible state `ValueError`."""

    def describe(self) -> Json:
        """`{system: {component: {"url", "states", "set", ...}}}`."""
        ...

    async def apply(self, system: str, component: str, body: Json) -> Json:
        """Put a component into a state (`{"state": "down"}`) or set keys (`{"set": {...}}`); returns what it is now."""
        ...

    def calls(self, system: str, component: str) -> list[Json]:
        """The calls that a vendor stand-in received, oldest first."""
        ...
