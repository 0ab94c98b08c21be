"""Takes one payload from a person: parse, guard against replays, acknowledge, then run it as tracked work."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from bot.domain.errors import BotError, FieldErrors, Unavailable
from bot.domain.message import Message, Modal
from bot.domain.policy import Risk
from bot.ports import Answers
from bot.requests.inbox import Inbox
from bot.requests.invocation import Incoming, Listener, Reply, Request
from bot.requests.registry import Registry
from bot.requests.runner import Failed, Runner, sorry
from bot.slack.payloads import request_id
from bot.slack.replays import Replays
from bot.slack.tasks import Tasks

# Slack gives up after 3 s; the rest is for the way there and back.
ACKNOWLEDGE_SECONDS = 2.5
_log = structlog.get_logger(__name__)


class Replier(Answers, Protocol):
    """Answers that can also leave what stands there alone."""

    async def tell(self, message: Message) -> None:
        """Show a message of its own, so that an error never takes the place of the message that was pressed."""
        ...


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What goes back at once: nothing, words for the person, a form's errors, or the next form in its place."""

    message: Message | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    modal: Modal | None = None


class Dispatcher:
    """The way of every command, press and form, whether it came by HTTP or by Socket Mode."""

    def __init__(
        self,
        *,
        registry: Registry,
        runner: Runner,
        inbox: Inbox,
        answers: Callable[[Incoming, Listener | None], Replier],
        tasks: Tasks,
    ) -> None:
        self._registry = registry
        self._runner = runner
        self._inbox = inbox
        self._answers = answers
        self._tasks = tasks
        self._replays = Replays()

    async def receive(self, key: str, incoming: Incoming) -> Acknowledgement:
        """Everything that must happen before Slack gets its answer; what takes longer goes on as tracked work."""
        listener = self._registry.find(incoming.kind, incoming.key)
        if listener is None:
            return self._tell(incoming, Message.plain(self._registry.unknown(incoming), "usage"))
        request = self._understood(listener, incoming)
        if isinstance(request, Acknowledgement):
            return request
        if request.risk is not Risk.READ:
            return await self._accept(key, listener, request, incoming)
        if not self._replays.first(key):
            return Acknowledgement()
        if listener.kind == "form":
            return await self._next_form(listener, request, incoming)
        self._tasks.spawn(self.carry_out(listener, request, incoming, None))
        return Acknowledgement()

    async def carry_out(self, listener: Listener, request: Request, incoming: Incoming, receipt: str | None) -> None:
        """Run one request to its end and show the reply."""
        answers = self._answers(incoming, listener)
        reply = await self._runner.reply(listener, request, incoming, answers, receipt)
        await self._deliver(incoming, answers, reply)
        if receipt is not None:
            try:
                await self._inbox.finish(receipt)
            except Unavailable:
                # The entry comes back as abandoned; its receipt or its handler's own state keeps it from a second run.
                _log.warning("request could not be marked as done", key=incoming.key, request_id=incoming.request_id)

    def help(self, slack_user: str, now: int) -> None:
        """Answer a direct message, whatever it says: which commands there are."""
        incoming = Incoming("command", "", "", slack_user, received_at=now, request_id=request_id())
        self._tasks.spawn(self._answers(incoming, None).tell(self._registry.help()))

    async def resume(self, key: str, incoming: Incoming, *, lost: bool) -> None:
        """Take over a request whose replica died: run it, or where it is too old ask for it again."""
        listener = self._registry.find(incoming.kind, incoming.key)
        if lost or listener is None:
            await self._answers(incoming, None).tell(Message.plain("I lost this; please type it again."))
            await self._inbox.finish(key)
            return
        await self.carry_out(listener, listener.parse(incoming), incoming, key)

    def _understood(self, listener: Listener, incoming: Incoming) -> Request | Acknowledgement:
        """The parsed request, or what to say because it could not be parsed."""
        try:
            return listener.parse(incoming)
        except FieldErrors as error:
            return Acknowledgement(errors=error.fields)
        except BotError as error:
            return self._misunderstood(listener, incoming, str(error))
        except Exception:  # noqa: BLE001 - an edge: a parser's defect is told to the person like a handler's
            _log.exception("request could not be parsed", key=incoming.key, request_id=incoming.request_id)
            return self._tell(incoming, sorry(incoming))

    async def _accept(self, key: str, listener: Listener, request: Request, incoming: Incoming) -> Acknowledgement:
        try:
            async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
                new = await self._inbox.accept(key, incoming)
        except (Unavailable, TimeoutError):
            _log.warning("request was not accepted", key=incoming.key, request_id=incoming.request_id)
            return self._tell(
                incoming,
                Message.plain("My ledger does not answer, so I did nothing; type it again in a minute.", "refused"),
            )
        if new:
            self._tasks.spawn(self.carry_out(listener, request, incoming, key))
        return Acknowledgement()

    async def _next_form(self, listener: Listener, request: Request, incoming: Incoming) -> Acknowledgement:
        """A form that only reads leads to another form, and only the acknowledgement can put that in its place."""
        answers = self._answers(incoming, listener)
        try:
            async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
                reply = await self._runner.reply(listener, request, incoming, answers, None)
        except TimeoutError:
            return self._tell(incoming, Message.plain("This took too long; type the command again.", "refused"))
        if isinstance(reply, Modal):
            return Acknowledgement(modal=reply)
        self._tasks.spawn(self._deliver(incoming, answers, reply))
        return Acknowledgement()

    def _misunderstood(self, listener: Listener, incoming: Incoming, problem: str) -> Acknowledgement:
        if incoming.kind == "form" and incoming.fields:
            return Acknowledgement(errors={next(iter(incoming.fields)): problem})
        usage = f"\nUsage: {listener.usage}" if listener.usage and listener.usage not in problem else ""
        return self._tell(incoming, Message.plain(problem + usage, "usage"))

    def _tell(self, incoming: Incoming, message: Message) -> Acknowledgement:
        """Words for the person: a command's go with the acknowledgement, a press or a form has none that is shown."""
        if incoming.kind == "command":
            return Acknowledgement(message=message)
        self._tasks.spawn(self._answers(incoming, None).tell(message))
        return Acknowledgement()

    async def _deliver(self, incoming: Incoming, answers: Replier, reply: Reply | Failed) -> None:
        try:
            if isinstance(reply, Modal):
                await answers.open(reply)
            elif isinstance(reply, Message):
                await answers.show(reply)
            elif isinstance(reply, Failed):
                await answers.tell(reply.message)
        except BotError as error:
            await answers.tell(Message.plain(str(error), "refused"))
        except Exception:  # noqa: BLE001 - an edge: what cannot be rendered must neither stay silent nor stay open
            _log.exception("reply failed", key=incoming.key, request_id=incoming.request_id)
            await answers.tell(sorry(incoming))
