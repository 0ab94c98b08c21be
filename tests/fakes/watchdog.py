"""A watch outside, which the bot tells that it works."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from bot.local.lab.child import free_ports

PATH = "/ping/steward"


@asynccontextmanager
async def watchdog() -> AsyncIterator[tuple[str, list[str]]]:
    """Its address, and the path of every request that has come so far."""
    beats: list[str] = []

    async def beat(request: web.Request) -> web.Response:
        beats.append(request.path)
        return web.Response()

    application = web.Application()
    application.router.add_get(PATH, beat)
    runner = web.AppRunner(application)
    await runner.setup()
    [port] = free_ports(1)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}{PATH}", beats
    finally:
        await runner.cleanup()
