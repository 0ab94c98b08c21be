"""The retention duty: forgets what the outbox has sent after a month, so that the ledger does not grow for ever."""

from bot.domain.timing import DAY, HOUR
from bot.outbox import service as outbox
from bot.store import Ledger

KEPT = 30 * DAY
_AT_ONCE = 500


class Retention:
    """Looks once an hour. Incidents, operations and the audit are history and stay; so does what they still edit."""

    name = "retention"

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._again_at = 0

    async def run(self, now: int) -> bool:
        """Forget one batch; True while there may be more."""
        if now < self._again_at:
            return False
        forgotten = await self._ledger.write(lambda tx: outbox.forget(tx, before=now - KEPT, most=_AT_ONCE))
        if forgotten == _AT_ONCE:
            return True
        self._again_at = now + HOUR
        return False

    async def next_due(self) -> int | None:
        """Nobody waits for it; the engine's regular cycle is often enough."""
        return None
