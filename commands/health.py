"""`/health`: what is wrong now, worst first; to the person who typed, with a button to share."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from bot.domain.message import Message
from bot.domain.policy import Risk
from bot.health.messages import health_message, overview_message, table_message
from bot.health.service import FIRST_ANSWER, rows_of
from bot.outbox import service as outbox
from bot.requests.invocation import Incoming, Invocation, button, command
from bot.requests.services import Services

USAGE = "/health [SYSTEM] [CHECK]"


@dataclass(frozen=True, slots=True)
class HealthRequest:
    """The words that name a system and one of its checks or tables; none for everything."""

    words: tuple[str, ...] = ()
    risk: Risk = Risk.READ

    @classmethod
    def parse(cls, incoming: Incoming) -> "HealthRequest":
        """`newsletter db connections` → a request; which of the words name the system is known to the handler."""
        return cls(tuple(incoming.text.split()))


@command("/health", usage=USAGE, description="What is wrong now, worst first", parse=HealthRequest.parse)
async def health(call: Invocation[HealthRequest], services: Services) -> Message:
    """Read the checks; what is known within a second is shown while slow targets are still answering."""
    return await _answer(call, services)


@button("health.refresh", parse=HealthRequest.parse, in_place=True)
async def refresh(call: Invocation[HealthRequest], services: Services) -> Message:
    """Read again, in place."""
    return await _answer(call, services)


@button("health.table", parse=HealthRequest.parse)
async def table(call: Invocation[HealthRequest], services: Services) -> Message:
    """Read a table of the system whose health stands above; that stays."""
    return await _answer(call, services)


@button("health.share", parse=HealthRequest.parse)
async def share(call: Invocation[HealthRequest], services: Services) -> None:
    """Read once more and post it where the person stands, for everybody; their own copy stays."""
    message = [it async for it in _messages(call.request, services, first=None, private=False)][-1]
    channel = call.incoming.channel or services.config.channel
    key = f"share:{call.incoming.request_id}"

    now = services.clock.now()
    await services.ledger.write(lambda tx: outbox.post(tx, key=key, channel=channel, message=message, now=now))


async def _answer(call: Invocation[HealthRequest], services: Services) -> Message:
    async for message in _messages(call.request, services, first=FIRST_ANSWER, private=True):
        if message.outcome == "pending":
            await call.show(message)
    return message


async def _messages(
    request: HealthRequest, services: Services, *, first: float | None, private: bool
) -> AsyncIterator[Message]:
    """The message, or first an unfinished one and then the whole one."""
    system, check = services.systems.named_in(request.words) if request.words else (None, "")
    found = system.table(check) if system and check else None
    if system and found:
        yield table_message(system.name, found, await rows_of(found), services.clock.now(), private=private)
        return
    systems = [system.name] if system else [each.name for each in services.systems.all()]
    async for reports in services.health.reports(systems, (check,) if check else (), first=first):
        told = [await services.situation.around(report) for report in reports]
        if system:
            yield health_message(told[0], private=private, check=check)
        else:
            yield overview_message(told, private=private)


LISTENERS = (health, refresh, table, share)
