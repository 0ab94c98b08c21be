"""Takes over requests that another replica, or this one before a restart, had accepted and not carried out."""

import structlog

from bot.domain.errors import BotError
from bot.requests.inbox import AT_ONCE, Inbox
from bot.requests.invocation import Incoming
from bot.slack.dispatch import Dispatcher
from bot.slack.tasks import Tasks

TOO_OLD = 2 * 60_000
_log = structlog.get_logger(__name__)


class InboxDuty:
    """What is older than 2 minutes is never run: the person has typed it again, or the world has moved on."""

    name = "inbox"

    def __init__(self, inbox: Inbox, dispatcher: Dispatcher, tasks: Tasks) -> None:
        self._inbox = inbox
        self._dispatcher = dispatcher
        self._tasks = tasks
        self.stopping = False

    async def run(self, now: int) -> bool:
        """Start what was abandoned; the work itself does not hold up the engine's cycle.

        While the bot stops, it keeps what it works on, and leaves what was abandoned to others.
        """
        abandoned = await self._inbox.claim_abandoned(most=0 if self.stopping else AT_ONCE)
        for key, incoming, received_at in abandoned:
            self._tasks.spawn(self._resume(key, incoming, lost=now - received_at > TOO_OLD))
        return bool(abandoned)

    async def next_due(self) -> int | None:
        """Leases lapse by the machine's clock; the engine's regular cycle is often enough."""
        return None

    async def _resume(self, key: str, incoming: Incoming, *, lost: bool) -> None:
        try:
            await self._dispatcher.resume(key, incoming, lost=lost)
        except BotError as error:
            _log.warning("abandoned request not resumed", request_id=incoming.request_id, error=str(error))
        except Exception:  # noqa: BLE001 - the edge of a tracked task: nobody else sees its failure
            _log.exception("abandoned request failed", request_id=incoming.request_id)
