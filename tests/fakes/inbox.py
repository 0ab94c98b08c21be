"""The inbox in memory, with the switches that tests of the request path need."""

from collections.abc import Sequence

from bot.domain.errors import Unavailable
from bot.services.invocation import Incoming


class MemoryInbox:
    """Remembers what was accepted; `down` is a ledger that does not answer."""

    def __init__(self) -> None:
        self.accepted: dict[str, Incoming] = {}
        self.finished: list[str] = []
        self.abandoned: list[tuple[str, Incoming, int]] = []
        self.down = False

    async def accept(self, key: str, incoming: Incoming) -> bool:
        if self.down:
            raise Unavailable("the ledger does not answer")
        if key in self.accepted:
            return False
        self.accepted[key] = incoming
        return True

    async def finish(self, key: str) -> None:
        self.finished.append(key)

    async def claim_abandoned(self) -> Sequence[tuple[str, Incoming, int]]:
        claimed, self.abandoned = self.abandoned, []
        return claimed
