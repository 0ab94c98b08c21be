"""A few commands, buttons and forms that behave in every way that the dispatcher must handle."""

import asyncio
from dataclasses import dataclass
from typing import Any

from bot.domain.errors import Conflict, FieldErrors, UsageError
from bot.domain.message import Button, Buttons, Message, Modal, TextField, lines
from bot.domain.policy import Risk
from bot.requests.invocation import Incoming, Invocation, Listener, button, command, form
from bot.requests.services import Services

RAN: list[tuple[str, str]] = []


class Gate:
    """An event that every test has anew, since an event belongs to the loop that first waited for it."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._opened = asyncio.Event()

    def set(self) -> None:
        self._opened.set()

    async def wait(self) -> None:
        await self._opened.wait()


GATE = Gate()
"""What `change wait` waits for."""


@dataclass(frozen=True, slots=True)
class Words:
    """What was typed; `change …` changes something, `nonsense` is no request."""

    text: str
    risk: Risk = Risk.READ

    @classmethod
    def parse(cls, incoming: Incoming) -> "Words":
        if incoming.text == "nonsense":
            raise UsageError("There is no system nonsense; did you mean newsletter?")
        if incoming.text == "defect":
            raise ZeroDivisionError
        return cls(incoming.text, Risk.CHANGE if incoming.text.startswith("change") else Risk.READ)

    @classmethod
    def parse_p0(cls, incoming: Incoming) -> "Words":
        return cls(incoming.text, Risk.P0)

    @classmethod
    def parse_form(cls, incoming: Incoming) -> "Words":
        if incoming.fields["title"] == "short":
            raise FieldErrors({"title": "Say what people notice, in a sentence."})
        if incoming.fields["title"] == "odd":
            raise UsageError("This cannot be.")
        risk = Risk.READ if incoming.fields["title"] == "next" else Risk.CHANGE
        return cls(f"{incoming.fields['title']}|{incoming.fields['owner']}|{incoming.private}", risk)


@command("/echo", usage="/echo WORDS", description="Says it again", parse=Words.parse)
async def echo(call: Invocation[Words], _: Services) -> Message | Modal:
    """Says it again, or fails in the way that is asked for."""
    text = call.request.text
    RAN.append((call.actor.person, text))
    match text:
        case "boom":
            raise RuntimeError("secret detail")
        case "conflict":
            raise Conflict("Already decided by @lead at 03:08.")
        case "change wait":
            await GATE.wait()
        case "slow":
            await call.show(Message.plain("Looking …"))
        case "form":
            return Modal(
                "Open an incident",
                "echo.form",
                (TextField("title", "Title"), TextField("owner", "Owner")),
                private="INC",
            )
        case "change unrenderable":
            return Modal("Too much", "echo.form", (TextField("title", "Title"),), private="x" * 4_000)
        case "buttons":
            again = (Button("Again", "echo.again", "again"), Button("Other", "echo.again", "other"))
            return Message("Press", (lines("Press"), Buttons((*again, Button("Gone", "echo.gone", "x")))))
    return Message.plain(f"You said {text}")


@command("/danger", usage="/danger", description="Only for those who may", parse=Words.parse_p0)
async def danger(call: Invocation[Words], _: Services) -> None:
    """Nobody here may ask for it."""
    RAN.append((call.actor.person, "danger"))


@button("echo.again", parse=Words.parse, in_place=True)
async def again(call: Invocation[Words], _: Services) -> Message:
    """Says what was pressed."""
    return Message.plain(f"Pressed {call.request.text}")


@form("echo.form", parse=Words.parse_form)
async def sent(call: Invocation[Words], _: Services) -> Message | Modal:
    """Says what was sent, or asks on."""
    RAN.append((call.actor.person, call.request.text))
    if call.request.risk is Risk.READ:
        return Modal("And now", "echo.form", (TextField("title", "Title"), TextField("owner", "Owner")), private="2")
    return Message.plain(f"Sent {call.request.text}")


LISTENERS: tuple[Listener, ...] = (echo, danger, again, sent)
POLICY: dict[str, Any] = {"read": {"ask": ["engineer"]}, "change": {"ask": ["engineer"]}, "p0": {"ask": ["nobody"]}}
