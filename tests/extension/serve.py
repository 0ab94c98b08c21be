"""`steward serve` with one adapter more."""

import asyncio

from adapters.kind import kind
from adapters.kinds import KINDS
from bot.wiring import serve
from tests.extension import toy

if __name__ == "__main__":
    asyncio.run(serve({**KINDS, toy.KIND: kind(toy)}))
