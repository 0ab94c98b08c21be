"""Slack without rate limits: takes everything at once and notes when it arrived. Also a process of its own."""

import asyncio
import json
import os
import time
from dataclasses import dataclass, field

from aiohttp import web

from bot.local.workspace.values import Json

USERS = ("U0ENGINEER", "U0SRE", "U0LEAD", "U0MANAGER", "U0CTO")


@dataclass(slots=True)
class Slack:
    """`groups_held` keeps the question for a group's members open; `posts_held` keeps posts open and undone.

    `arrived`: when each message came, by its key; `held`: keys of posts that were kept open; `replied`: when
    the last whole reply came to a person who typed.
    """

    arrived: dict[str, float] = field(default_factory=dict)
    replied: float = 0.0
    groups_held: asyncio.Event = field(default_factory=asyncio.Event)
    posts_held: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    held: set[str] = field(default_factory=set)
    url: str = ""
    _number: int = 0
    _runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> None:
        """Listen on the loopback."""
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_post("/answers/{id}", self._answer)
        app.router.add_post("/pagerduty/v2/enqueue", self._enqueue)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def hold(self, held: asyncio.Event) -> None:
        """Keep calls open from now on, until `release`; `asked` tells that one has come."""
        self.asked.clear()
        held.set()

    def release(self) -> None:
        """Answer everything at once again; what is held open meanwhile is never answered."""
        self.groups_held.clear()
        self.posts_held.clear()

    async def _api(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        now = time.time()
        given: Json = dict(request.query) | dict(await request.post())
        if request.content_type == "application/json":
            given |= json.loads(await request.text())
        held = {"usergroups.users.list": self.groups_held, "chat.postMessage": self.posts_held}.get(method)
        if held is not None and held.is_set():
            self.held |= {_key(given)} if method == "chat.postMessage" else set()
            self.asked.set()
            await asyncio.sleep(30)  # Nothing is done, and its client dies or gives up before this ends.
        return web.json_response({"ok": True} | self._done(method, given, now))

    def _done(self, method: str, given: Json, now: float) -> Json:
        if method == "auth.test":
            return {"team_id": "T0STEWARD", "user_id": "U0STEWARD", "bot_id": "B0STEWARD", "url": self.url}
        if method == "chat.postMessage":
            self.arrived.setdefault(_key(given), now)
            self._number += 1
            return {"channel": given["channel"], "ts": f"{int(now)}.{self._number:06d}"}
        if method == "conversations.open":
            return {"channel": {"id": "D0" + str(given["users"]).removeprefix("U0")}}
        if method == "conversations.create":
            return {"channel": {"id": f"C{time.time_ns()}"}}
        if method == "usergroups.users.list":
            return {"users": list(USERS)}
        return {"channel": given.get("channel", ""), "ts": given.get("ts", ""), "messages": []}

    async def _answer(self, request: web.Request) -> web.Response:
        if b"still answering" not in await request.read():
            self.replied = time.perf_counter()
        return web.Response(text="ok")

    async def _enqueue(self, request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({"status": "success"}, status=202)


def _key(given: Json) -> str:
    """The key in a message's metadata."""
    metadata = given["metadata"]
    key: str = (json.loads(metadata) if isinstance(metadata, str) else metadata)["event_payload"]["key"]
    return key


async def main() -> None:
    """Serve until the process is ended."""
    slack = Slack()
    await slack.start(int(os.environ["STEWARD_PORT"]))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
