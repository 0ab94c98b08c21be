"""What a slash command, a button or a form becomes: a registered listener, a purely parsed request, an invocation.

The registry (Slack) and `steward ask` (command line) both run listeners: they parse, ask the policy, run the handler,
show its reply and turn a `BotError` into text. A handler has no acknowledgement, no client, no try and no log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from bot.domain.errors import NotFound, Refused, UsageError
from bot.domain.forbidden import refusal
from bot.domain.message import Message, Modal
from bot.domain.people import Access, Actor
from bot.domain.policy import Risk
from bot.ports import Answers

if TYPE_CHECKING:
    from bot.requests.services import Services

Kind = Literal["command", "button", "form"]


@dataclass(frozen=True, slots=True)
class Incoming:
    """One payload from a person, as stored in the inbox. `key` is `/health`, `health.refresh` or a form's name.

    `text` is a command's text or a button's value; `fields` a form's values by field id; `private` its private text.
    `view_id` and `view_hash`: the form that was pressed in, as it stood then. `ephemeral`: the button stood in a
    message that only this person sees, so the reply may replace it.
    """

    kind: Kind
    key: str
    text: str
    slack_user: str
    channel: str = ""
    message_ts: str = ""
    thread_ts: str = ""
    trigger: str = ""
    response_url: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    private: str = ""
    view_id: str = ""
    view_hash: str = ""
    received_at: int = 0
    request_id: str = ""
    ephemeral: bool = False


class Request(Protocol):
    """A parsed request: a frozen dataclass that knows its own risk (`/incident list` only reads)."""

    @property
    def risk(self) -> Risk:
        """What the person needs to be allowed to ask for. Anything but `read` goes through the inbox."""
        ...


R = TypeVar("R", bound=Request)


@dataclass(frozen=True, slots=True)
class Invocation(Generic[R]):
    """One request of one person, allowed by the policy. Hand `receipt` to the first `ledger.write` that decides."""

    request: R
    actor: Actor
    access: Access
    incoming: Incoming
    answers: Answers
    receipt: str | None = None

    async def show(self, message: Message) -> None:
        """Show an interim reply; the handler's return value replaces it."""
        await self.answers.show(message)


Reply = Message | Modal | None
Handler = Callable[[Invocation[Any], "Services"], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Listener:
    """One registered command, button or form. `parse` is pure and raises `UsageError` (forms: `FieldErrors`).

    `in_place`: a button whose reply takes the place of the message that it stood in, where only this person sees that.
    `decides`: it decides on somebody's request, so who may approve may press it without being allowed to ask; whether
    they may decide on this very request is up to the service behind it.
    """

    kind: Kind
    key: str
    parse: Callable[[Incoming], Request]
    handler: Handler
    usage: str = ""
    description: str = ""
    in_place: bool = False
    decides: bool = False


def command(key: str, *, usage: str, description: str, parse: Callable[[Incoming], R]) -> Callable[[_Run[R]], Listener]:
    """Register a slash command: `@command("/rollback", usage=USAGE, description=…, parse=RollbackRequest.parse)`.

    Where a line that cannot be followed names a command that loses data, the answer says why and what is safe instead.
    Titles and reasons may name one: they are people's words.
    """

    def parse_or_help(incoming: Incoming) -> R:
        if incoming.text.strip().lower() == "help":
            raise UsageError(f"{description}.\nUsage: {usage}")
        try:
            return parse(incoming)
        except UsageError as error:
            forbidden = refusal(incoming.text)
            if forbidden is None:
                raise
            raise UsageError(f"I do not run {forbidden}\n{error}") from error

    def register(handler: _Run[R]) -> Listener:
        async def run(call: Invocation[R], services: Services) -> Reply:
            try:
                return await handler(call, services)
            except (NotFound, UsageError) as error:
                forbidden = refusal(call.incoming.text)
                if forbidden is None:
                    raise
                raise Refused(f"I do not run {forbidden}\n{error}") from error

        return Listener("command", key, parse_or_help, run, usage=usage, description=description)

    return register


def button(
    key: str, *, parse: Callable[[Incoming], R], in_place: bool = False, decides: bool = False
) -> Callable[[_Run[R]], Listener]:
    """Register a button or select by its action name; `in_place` where it refreshes or settles what it stands in."""
    return lambda handler: Listener("button", key, parse, handler, in_place=in_place, decides=decides)


def form(key: str, *, parse: Callable[[Incoming], R], decides: bool = False) -> Callable[[_Run[R]], Listener]:
    """Register a form's submission by the form's name."""
    return lambda handler: Listener("form", key, parse, handler, decides=decides)


_Run = Callable[[Invocation[R], "Services"], Awaitable[Reply]]
