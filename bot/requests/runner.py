"""Runs one parsed request: asks the policy, calls the handler, turns every failure into words for the person."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from bot.audit import service as audit
from bot.domain.errors import BotError, Refused, Unavailable, UsageError
from bot.domain.message import Message, Outcome
from bot.domain.people import Access, Actor, Via
from bot.domain.policy import Policy, Verdict
from bot.ports import Answers
from bot.requests.invocation import Incoming, Invocation, Listener, Reply, Request
from bot.requests.services import Services
from bot.store.ledger import AlreadyHandled

ACCESS_SECONDS = 2.0
AGAIN = (0.5, 1.0, 2.0)
"""Pauses, s, before a change that was acknowledged is tried again where another transaction holds the ledger."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no reply, in words for the person; `error` tells the caller which kind of failure it was."""

    message: Message
    error: Exception


class Runner:
    """The policy before the handler, and the one place where a handler's error ends. Knows no transport."""

    def __init__(
        self, services: Services, policy: Policy, via: Via = "slack", *, again: Sequence[float] = AGAIN
    ) -> None:
        self._services = services
        self._again = again
        self._policy = policy
        self._via = via

    async def reply(
        self, listener: Listener, request: Request, incoming: Incoming, answers: Answers, receipt: str | None
    ) -> Reply | Failed:
        """The handler's reply, or why there is none. Raises nothing but a cancellation."""
        actor = self._services.directory.actor(incoming.slack_user, self._via)
        try:
            access = await self._allowed(actor, listener, request, incoming, receipt)
            return await self._handled(listener, Invocation(request, actor, access, incoming, answers, receipt))
        except AlreadyHandled:
            # A replica that died after its decision was committed: the person has seen the outcome in the channel.
            _log.info("request was carried out before", key=incoming.key, request_id=incoming.request_id)
            return None
        except BotError as error:
            _log.info("request refused", key=incoming.key, request_id=incoming.request_id, error=type(error).__name__)
            outcome: Outcome = "usage" if isinstance(error, UsageError) else "refused"
            return Failed(Message.plain(str(error), outcome), error)
        except Exception as error:  # noqa: BLE001 - the edge: a handler's defect must not stay silent for the person
            _log.exception("request failed", key=incoming.key, request_id=incoming.request_id)
            return Failed(sorry(incoming), error)

    async def _handled(self, listener: Listener, call: Invocation[Any]) -> Reply:
        """The handler's reply. Nothing is done twice: the receipt is used up in the transaction that decides."""
        for pause in self._again if call.receipt is not None else ():
            try:
                return await listener.handler(call, self._services)
            except Unavailable as error:
                _log.info("tried again in a moment", request_id=call.incoming.request_id, error=str(error))
                await asyncio.sleep(pause)
        return await listener.handler(call, self._services)

    async def _allowed(
        self, actor: Actor, listener: Listener, request: Request, incoming: Incoming, receipt: str | None
    ) -> Access:
        """The person's access, if it is enough; raises `Refused` with the policy's reason."""
        access = await self._access(actor)
        may = self._policy.may_take_part if listener.decides else self._policy.may_ask
        verdict = may(access, request.risk)
        if not verdict.allowed:
            await self._record_refusal(actor, incoming, request, verdict, receipt)
            raise Refused(f"Not allowed: {verdict.reason}.")
        return access

    async def _access(self, actor: Actor) -> Access:
        try:
            async with asyncio.timeout(ACCESS_SECONDS):
                return await self._services.directory.access(actor)
        except TimeoutError:
            raise Unavailable(
                "I cannot read who holds which role, so I did nothing; type it again in a minute."
            ) from None

    async def _record_refusal(
        self, actor: Actor, incoming: Incoming, request: Request, verdict: Verdict, receipt: str | None
    ) -> None:
        await self._services.ledger.write(
            lambda tx: audit.refuse(
                tx,
                at=self._services.clock.now(),
                actor=actor,
                kind="request.refused",
                subject=incoming.key,
                detail={"risk": request.risk.value, "reason": verdict.reason},
            ),
            receipt=receipt,
        )


def sorry(incoming: Incoming) -> Message:
    """What a person sees where the trouble is a defect of ours."""
    return Message.plain(
        f"Something went wrong on our side; whoever runs me finds it in the log (request {incoming.request_id}).",
        "refused",
    )
