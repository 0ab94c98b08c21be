"""A bot as the demo starts one: ready, on a following clock, answering every command with its time and process id."""

import asyncio
import os
import signal
from pathlib import Path

from aiohttp import web

from bot.clock import ClockControl, FollowerClock


async def main() -> None:
    """Serve until SIGTERM."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    socket = Path(os.environ["STEWARD_CLOCK_SOCKET"])
    clock = FollowerClock.started(socket)
    settled: list[int] = []

    async def settle() -> None:
        settled.append(clock.offset)

    async def ready(_request: web.Request) -> web.Response:
        return web.Response(text="ready")

    async def events(_request: web.Request) -> web.Response:
        told = {"pid": os.getpid(), "offset": clock.offset, "settled": settled, "names": sorted(os.environ)}
        return web.json_response({"told": told})

    control = ClockControl(clock, settle)
    await control.start(socket)
    app = web.Application()
    app.add_routes([web.get("/readyz", ready), web.post("/slack/events", events)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, os.environ["STEWARD_HOST"], int(os.environ["STEWARD_PORT"])).start()
    await ended.wait()
    await control.stop()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
