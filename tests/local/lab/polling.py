"""Waiting for what a live process does, with a bound."""

import asyncio
from collections.abc import Awaitable, Callable


async def eventually(condition: Callable[[], Awaitable[bool]], *, within: float = 10.0) -> None:
    """Return as soon as the condition holds; fail after `within` seconds."""
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - another process changes it, and sends no event
            await asyncio.sleep(0.02)
