"""The shipped bot as `steward serve` runs it, but for one thing: the reply to the person who typed is discarded.

Guard, Bolt, registry, parse, inbox, policy, handler, engine and ledger are the shipped ones.
"""

import asyncio

from bot import logs
from bot.clock import SystemClock
from bot.domain.message import Message, Modal
from bot.requests.invocation import Incoming, Listener
from bot.settings import Settings
from bot.wiring import Server, core


class Discarded:
    """Answers that nobody sees."""

    async def show(self, message: Message) -> None:
        """Nothing is rendered or sent."""

    async def tell(self, message: Message) -> None:
        """Nothing is rendered or sent."""

    async def open(self, modal: Modal) -> None:
        """No form opens."""


async def main() -> None:
    """Serve until the process is ended."""
    settings = Settings()
    logs.set_up()
    answers = Discarded()

    def discard(_: Incoming, __: Listener | None) -> Discarded:
        return answers

    async with core(settings, SystemClock()) as bot:
        server = Server(bot, settings)
        server.slack._dispatcher._answers = discard
        await server.run(settings)


if __name__ == "__main__":
    asyncio.run(main())
