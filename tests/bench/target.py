"""Targets of health checks, a process of its own: `GET /50` answers after 50 ms."""

import asyncio
import os

from aiohttp import web


async def answer(request: web.Request) -> web.Response:
    """Healthy, after as many milliseconds as the path says."""
    await asyncio.sleep(int(request.match_info["delay"]) / 1000)
    return web.json_response({"status": "ok"})


def main() -> None:
    """Serve until the process is ended."""
    app = web.Application()
    app.router.add_get("/{delay}", answer)
    web.run_app(app, host="127.0.0.1", port=int(os.environ["STEWARD_PORT"]), access_log=None, print=None)


if __name__ == "__main__":
    main()
