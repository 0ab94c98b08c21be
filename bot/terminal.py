"""Steward on the command line: the same parser, policy, services and audit, for when Slack is down."""

import logging
import os
import pwd
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from bot import logs
from bot.domain.errors import UsageError
from bot.domain.message import EXIT_CODES, Message, Modal
from bot.domain.operation import Decision, State
from bot.domain.plain_text import plain
from bot.services.audit_export import export_audit as export_to
from bot.services.audit_export import verify_audit as verify_chain
from bot.services.invocation import Incoming, Listener
from bot.settings import Settings
from bot.slack.runner import Failed, Runner
from bot.slack.wording import typed
from bot.wiring import LISTENERS, Core, SystemClock, core

DONE, UNHEALTHY, USAGE, WAITING = 0, 1, 2, 3
_COMMANDS = {listener.key: listener for listener in LISTENERS if listener.kind == "command"}


class TerminalAnswers:
    """Interim replies are printed; a form cannot be shown, so the missing words are named."""

    async def show(self, message: Message) -> None:
        """Print what is known so far, apart from the answer."""
        click.echo(plain(message), err=True)

    async def open(self, modal: Modal) -> None:
        """A terminal has no forms."""
        raise UsageError(f"Here every word must be given: {', '.join(field.label for field in modal.fields)}.")


def os_user() -> str:
    """Whose process this is, as the kernel says it: LOGNAME and USER name whomever the caller writes there."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # A container's user without a line in passwd.
        return f"uid {os.getuid()}"


@asynccontextmanager
async def _here() -> AsyncIterator[Core]:
    """The bot without its server; only warnings are logged, so that the answer stands alone."""
    logs.set_up(logging.WARNING)
    async with core(Settings(), SystemClock()) as bot:
        yield bot


async def ask(line: str) -> int:
    """Run one command line as the person whom the OS user maps to; the exit code."""
    name, _, text = line.strip().partition(" ")
    listener = _COMMANDS.get("/" + name.lstrip("/"))
    if listener is None:
        click.echo(f"There is no command {name}; there are {', '.join(_COMMANDS)}.", err=True)
        return USAGE
    async with _here() as bot:
        actor = bot.services.directory.actor_of_os_user(os_user())
        incoming = Incoming(
            kind="command",
            key=listener.key,
            text=typed(text),
            slack_user=actor.slack,
            received_at=bot.clock.now(),
            request_id=secrets.token_hex(6),
        )
        return await _run(listener, incoming, Runner(bot.services, bot.policy, "cli"))


async def _run(listener: Listener, incoming: Incoming, runner: Runner) -> int:
    answers = TerminalAnswers()
    try:
        request = listener.parse(incoming)
    except UsageError as error:
        click.echo(str(error), err=True)
        if listener.usage not in str(error):
            click.echo(f"Usage: {listener.usage}", err=True)
        return USAGE
    reply = await runner.reply(listener, request, incoming, answers, None)
    if isinstance(reply, Failed):
        click.echo(plain(reply.message), err=True)
        return EXIT_CODES[reply.message.outcome]
    if isinstance(reply, Modal):
        missing = ", ".join(field.label for field in reply.fields if not getattr(field, "optional", False))
        click.echo(f"Say it in one line; missing: {missing}. Usage: {listener.usage}", err=True)
        return USAGE
    if reply is None:
        return DONE
    click.echo(plain(reply))
    return EXIT_CODES[reply.outcome]


async def decide(operation: str, verdict: str, reason: str) -> int:
    """Approve, deny or cancel as the person whom the OS user maps to; the exit code."""
    decisions: dict[str, Decision] = {"approve": "approve", "deny": "deny", "cancel": "cancel"}
    async with _here() as bot:
        actor = bot.services.directory.actor_of_os_user(os_user())
        decided = await bot.services.operations.decide(operation, actor, decisions[verdict], reason)
        click.echo(f"{decided.id} is {decided.state.value}.")
        return WAITING if decided.state is State.PENDING else DONE


async def verify_audit() -> int:
    """Recompute the chain; 0 where it holds."""
    async with _here() as bot:
        report = await verify_chain(bot.ledger)
    click.echo(str(report))
    return DONE if report.intact else UNHEALTHY


async def export_audit(file: Path) -> int:
    """Write the audit to an SQLite file."""
    async with _here() as bot:
        count = await export_to(bot.ledger, file)
    click.echo(f"{count} rows written to {file}")
    return DONE
