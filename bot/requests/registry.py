"""Finds the listener of a command, button or form by its key, so that another command costs no time."""

from collections.abc import Iterable, Sequence

from bot.domain.message import Bold, Line, Message, Paragraph
from bot.domain.nearest import did_you_mean
from bot.requests.invocation import Incoming, Kind, Listener


class Registry:
    """Every registered listener by kind and key; a key may be registered once."""

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self._listeners: dict[tuple[Kind, str], Listener] = {}
        for listener in listeners:
            place = (listener.kind, listener.key)
            if place in self._listeners:
                raise ValueError(f"the {listener.kind} {listener.key} is registered twice")
            self._listeners[place] = listener

    def find(self, kind: Kind, key: str) -> Listener | None:
        """The listener, or None where nobody registered this key."""
        return self._listeners.get((kind, key))

    def commands(self) -> Sequence[Listener]:
        """The slash commands, by name."""
        found = (listener for listener in self._listeners.values() if listener.kind == "command")
        return tuple(sorted(found, key=lambda listener: listener.key))

    def help(self) -> Message:
        """Every command with what it does; what somebody writes to the bot is not read."""
        rows: list[Line] = [(Bold(each.key), f" {each.description} · {each.key} help") for each in self.commands()]
        first: Line = ("I take slash commands, here or in any channel:",)
        return Message(
            f"I take slash commands: {', '.join(each.key for each in self.commands())}", (Paragraph((first, *rows)),)
        )

    def unknown(self, incoming: Incoming) -> str:
        """What to tell a person whose command, button or form nobody handles."""
        if incoming.kind != "command":
            thing = "button" if incoming.kind == "button" else "form"
            return f"This {thing} belongs to an earlier version of me; type the command again to get a current one."
        names = [listener.key for listener in self.commands()]
        known = f"I know {', '.join(names) or 'no command yet'}."
        return f"I do not know {incoming.key}; {did_you_mean(incoming.key, names, known)}"
