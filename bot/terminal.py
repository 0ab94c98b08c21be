"""Steward on the command line: through the running bot's socket, or alone where no bot runs."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from bot import logs
from bot.audit.export import export_audit as export_to
from bot.audit.export import verify_audit as verify_chain
from bot.audit.seal import AuditSeal
from bot.clock import SystemClock
from bot.console import ownership
from bot.console.line import DONE, UNHEALTHY, Console, Stream
from bot.console.os_user import os_user
from bot.domain.errors import Unavailable
from bot.outbox import service as outbox
from bot.settings import Settings
from bot.wiring import LISTENERS, Core, core

_LINE_BYTES = 1024 * 1024


async def ask(line: str) -> int:
    """Run one command line as the person whom the OS user maps to; the exit code."""
    return await _typed(["ask", line])


async def decide(operation: str, verdict: str, reason: str) -> int:
    """Approve, deny or cancel as the person whom the OS user maps to; the exit code."""
    return await _typed(["decide", operation, verdict, reason])


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


async def _typed(request: list[str]) -> int:
    path = Settings().console
    if path is not None:
        code = await _by_the_bot(path, request)
        if code is not None:
            return code
    return await _alone(request)


async def _by_the_bot(path: Path, request: list[str]) -> int | None:
    """Have the running bot do it; None where none listens."""
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=_LINE_BYTES)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        return None
    except OSError as error:
        raise Unavailable(f"The bot's socket {path} cannot be used: {error.strerror or error}.") from error
    try:
        writer.write(json.dumps(request).encode() + b"\n")
        async for line in reader:
            kind, said = json.loads(line)
            if kind == "code":
                return int(said)
            _say(kind, said)
    except (ConnectionError, ValueError) as error:
        raise Unavailable(f"The bot at {path} broke off; look in Slack what came of it.") from error
    finally:
        writer.close()
    raise Unavailable(f"The bot at {path} broke off; look in Slack what came of it.")


async def _alone(request: list[str]) -> int:
    """Without a bot: as the bot's own OS user, with its configuration; what is recorded is sealed before the end."""
    settings, user = Settings(), os_user()
    async with _here() as bot:
        config = bot.configuration.steward
        # Another STEWARD_SOCKET leads past no bot that runs.
        noted = await ownership.socket_of(bot.ledger)
        if noted is not None and (code := await _by_the_bot(noted, request)) is not None:
            return code
        digest = ownership.digest(bot.configuration, settings.slack_api_url)
        await ownership.check(bot.ledger, os_user=user, configuration=digest)
        console = Console(LISTENERS, bot.services, bot.policy)
        try:
            return await console.answer(user, request, _say)
        finally:
            seal = AuditSeal(bot.ledger, outbox.post, channel=config.audit_channel or config.channel)
            while await seal.run(bot.clock.now()):
                pass


@asynccontextmanager
async def _here() -> AsyncIterator[Core]:
    """The bot without its server; only warnings are logged, so that the answer stands alone."""
    logs.set_up(logging.WARNING)
    async with core(Settings(), SystemClock(), serves=False) as bot:
        yield bot


def _say(stream: Stream, text: str) -> None:
    click.echo(text, err=stream == "err")
