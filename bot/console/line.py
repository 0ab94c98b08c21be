"""One command line or decision of a person at the machine: the same parser, policy, services and audit as in Slack."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from bot.domain.errors import BotError, UsageError
from bot.domain.message import EXIT_CODES, Message, Modal
from bot.domain.plain_text import plain
from bot.domain.policy import Policy
from bot.operations.model import Decision, State
from bot.requests.invocation import Incoming, Listener
from bot.requests.runner import Failed, Runner
from bot.requests.services import Services
from bot.requests.typed_text import typed

DONE, UNHEALTHY, USAGE, WAITING = 0, 1, 2, 3
Stream = Literal["out", "err"]
Say = Callable[[Stream, str], None]
_DECISIONS: dict[str, Decision] = {"approve": "approve", "deny": "deny", "cancel": "cancel"}


@dataclass(frozen=True, slots=True)
class _Answers:
    """Interim replies stand apart from the answer; a form cannot be shown, so the missing words are named."""

    say: Say
    zone: ZoneInfo

    async def show(self, message: Message) -> None:
        self.say("err", plain(message, self.zone))

    async def open(self, modal: Modal) -> None:
        raise UsageError(f"Here every word must be given: {', '.join(field.label for field in modal.fields)}.")


class Console:
    """Runs what is typed. `os_user` is who typed it, as the kernel says; the result is the exit code."""

    def __init__(self, listeners: Iterable[Listener], services: Services, policy: Policy) -> None:
        self._commands = {listener.key: listener for listener in listeners if listener.kind == "command"}
        self._services = services
        self._runner = Runner(services, policy, "cli")
        self._zone = ZoneInfo(services.config.timezone)

    async def answer(self, os_user: str, request: object, say: Say) -> int:
        """Do what a request of `console_socket` says; raises `ValueError` where it is none."""
        match request:
            case ["ask", str(line)]:
                return await self._ask(os_user, line, say)
            case ["decide", str(operation), str(verdict), str(reason)]:
                return await self._decide(os_user, operation, verdict, reason, say)
            case _:
                raise ValueError("no request")

    async def _ask(self, os_user: str, line: str, say: Say) -> int:
        """Run one command line as the person whom the OS user maps to."""
        name, _, text = line.strip().partition(" ")
        listener = self._commands.get("/" + name.lstrip("/"))
        if listener is None:
            say("err", f"There is no command {name}; there are {', '.join(self._commands)}.")
            return USAGE
        try:
            actor = self._services.directory.actor_of_os_user(os_user)
        except BotError as error:
            return _refused(error, say)
        incoming = Incoming(
            kind="command",
            key=listener.key,
            text=typed(text),
            slack_user=actor.slack,
            received_at=self._services.clock.now(),
            request_id=secrets.token_hex(6),
        )
        return await self._run(listener, incoming, say)

    async def _decide(self, os_user: str, operation: str, verdict: str, reason: str, say: Say) -> int:
        """Approve, deny or cancel as the person whom the OS user maps to."""
        if verdict not in _DECISIONS:
            say("err", f"There is no decision {verdict}; there are {', '.join(_DECISIONS)}.")
            return USAGE
        try:
            actor = self._services.directory.actor_of_os_user(os_user)
            decided = await self._services.operations.decide(operation, actor, _DECISIONS[verdict], reason)
        except BotError as error:
            return _refused(error, say)
        say("out", f"{decided.id} is {decided.state.value}.")
        return WAITING if decided.state is State.PENDING else DONE

    async def _run(self, listener: Listener, incoming: Incoming, say: Say) -> int:
        try:
            request = listener.parse(incoming)
        except UsageError as error:
            say("err", str(error))
            if listener.usage not in str(error):
                say("err", f"Usage: {listener.usage}")
            return USAGE
        reply = await self._runner.reply(listener, request, incoming, _Answers(say, self._zone), None)
        if isinstance(reply, Failed):
            say("err", plain(reply.message, self._zone))
            return EXIT_CODES[reply.message.outcome]
        if isinstance(reply, Modal):
            missing = ", ".join(field.label for field in reply.fields if not getattr(field, "optional", False))
            say("err", f"Say it in one line; missing: {missing}. Usage: {listener.usage}")
            return USAGE
        if reply is None:
            return DONE
        say("out", plain(reply, self._zone))
        return EXIT_CODES[reply.outcome]


def _refused(error: BotError, say: Say) -> int:
    say("err", str(error))
    return USAGE if isinstance(error, UsageError) else UNHEALTHY
