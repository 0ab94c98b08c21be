"""`Pager` in memory: the events that were accepted."""

from bot.ports import Page


class FakePager:
    """Accepts events; `faults` are raised first, one per call."""

    def __init__(self) -> None:
        self.sent: list[Page] = []
        self.faults: list[Exception] = []

    async def send(self, page: Page) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.sent.append(page)

    async def answers(self) -> None:
        if self.faults:
            raise self.faults.pop(0)
