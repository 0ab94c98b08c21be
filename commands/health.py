"""`/health`: what is wrong now, worst first; to the person who typed, with a button to share."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from bot.domain.errors import UsageError
from bot.domain.health import health_message, overview_message
from bot.domain.message import Message
from bot.domain.policy import Risk
from bot.services import outbox
from bot.services.container import Services
from bot.services.health import FIRST_ANSWER
from bot.services.invocation import Incoming, Invocation, button, command

USAGE = "/health [SYSTEM] [CHECK]"


@dataclass(frozen=True, slots=True)
class HealthRequest:
    """Which system and check; both empty for everything."""

    system: str = ""
    check: str = ""
    risk: Risk = Risk.READ

    @classmethod
    def parse(cls, incoming: Incoming) -> "HealthRequest":
        """`newsletter campaign-emails` → a request; more words are an error."""
        words = incoming.text.split()
        if len(words) > 2:
            raise UsageError(f"/health takes a system and a check, not {len(words)} words. Usage: {USAGE}")
        system, check = (*(word.lower() for word in words), "", "")[:2]
        return cls(system, check)


@dataclass(frozen=True, slots=True)
class _Shown:
    """One state of the answer; `pending` while targets are still answering."""

    message: Message
    pending: bool


@command("/health", usage=USAGE, description="What is wrong now, worst first", parse=HealthRequest.parse)
async def health(call: Invocation[HealthRequest], services: Services) -> Message:
    """Read the checks; what is known within a second is shown while slow targets are still answering."""
    return await _answer(call, services)


@button("health.refresh", parse=HealthRequest.parse, in_place=True)
async def refresh(call: Invocation[HealthRequest], services: Services) -> Message:
    """Read again, in place."""
    return await _answer(call, services)


@button("health.share", parse=HealthRequest.parse)
async def share(call: Invocation[HealthRequest], services: Services) -> None:
    """Read once more and post it where the person stands, for everybody; their own copy stays."""
    message = [it.message async for it in _messages(call.request, services, first=None, private=False)][-1]
    channel = call.incoming.channel or services.config.channel
    key = f"share:{call.incoming.request_id}"

    now = services.clock.now()
    await services.ledger.write(lambda tx: outbox.post(tx, key=key, channel=channel, message=message, now=now))


async def _answer(call: Invocation[HealthRequest], services: Services) -> Message:
    async for message in _messages(call.request, services, first=FIRST_ANSWER, private=True):
        shown = message
        if message.pending:
            await call.show(replace(message.message, outcome="pending"))
    return shown.message


async def _messages(
    request: HealthRequest, services: Services, *, first: float | None, private: bool
) -> AsyncIterator[_Shown]:
    """The message, or first an unfinished one and then the whole one."""
    systems = [request.system] if request.system else [system.name for system in services.systems.all()]
    names = (request.check,) if request.check else ()
    context = asyncio.gather(*(services.situation.context(services.systems[system].name) for system in systems))
    async for reports in services.health.reports(systems, names, first=first):
        pending = any(report.pending for report in reports)
        told = (
            reports
            if pending
            else [replace(report, context=lines) for report, lines in zip(reports, await context, strict=True)]
        )
        message = (
            health_message(told[0], private=private) if request.system else overview_message(told, private=private)
        )
        yield _Shown(message, pending=pending)


LISTENERS = (health, refresh, share)
