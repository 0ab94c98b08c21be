"""Everything outside the bot, slow and never killed: Slack, one Netlify site and PagerDuty, on one port."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from bot.local.workspace.values import Json

DEPLOYS = 400


@dataclass(frozen=True, slots=True)
class Seen:
    """One message that Slack posted. `arrived`: epoch ms of its request, which is before the slow part."""

    key: str
    channel: str
    ts: str
    thread: str
    text: str
    blocks: str
    arrived: int


@dataclass(slots=True)
class Outside:
    """What was said and done, as the outside knows it; a client that dies in mid-request changes nothing here.

    `late`: how many of the next restores take longer than their client waits; `came_late`: how many have.
    """

    slowness: float
    late: int = 0
    came_late: int = 0
    posts: list[Seen] = field(default_factory=list)
    updates: dict[str, str] = field(default_factory=dict)
    restored: list[str] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)
    url: str = ""
    _runner: web.AppRunner | None = None
    _published: str = "dep-0"
    _number: int = 0

    async def start(self) -> None:
        """Listen on a free port of the loopback."""
        app = web.Application()
        app.router.add_post("/api/{method}", self._api)
        app.router.add_get("/api/{method}", self._api)
        app.router.add_post("/netlify/sites/shop/deploys/{deploy}/restore", self._restore)
        app.router.add_post("/netlify/deploys/{deploy}/lock", self._lock)
        app.router.add_get("/netlify/sites/shop/deploys", self._deploys)
        app.router.add_get("/netlify/sites/shop", self._site)
        app.router.add_post("/pagerduty/v2/enqueue", self._enqueue)
        app.router.add_post("/answers/{id}", self._answer)
        # The default: a handler goes on when its client is gone, as a server elsewhere would.
        self._runner = web.AppRunner(app, handler_cancellation=False, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _api(self, request: web.Request) -> web.Response:
        given = await _arguments(request)
        methods: dict[str, Callable[[Json], Awaitable[Json]]] = {
            "auth.test": self._who,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "conversations.history": self._history,
            "conversations.replies": self._history,
            "conversations.open": self._direct,
            "conversations.create": self._create,
        }
        method = methods.get(request.match_info["method"])
        return web.json_response({"ok": True} | (await method(given) if method else {}))

    async def _who(self, _: Json) -> Json:
        return {"team_id": "T0STEWARD", "user_id": "U0STEWARD", "bot_id": "B0STEWARD", "url": self.url}

    async def _post(self, given: Json) -> Json:
        arrived = _now()
        # Half of the slow part before the message stands there, half after: both kinds of lost answer occur.
        await self._slow()
        self._number += 1
        ts = f"{time.time():.0f}.{self._number:06d}"
        key = _parsed(given["metadata"])["event_payload"]["key"]
        blocks = given.get("blocks", "")
        self.posts.append(
            Seen(
                key=key,
                channel=given["channel"],
                ts=ts,
                thread=given.get("thread_ts") or "",
                text=given.get("text", ""),
                blocks=blocks if isinstance(blocks, str) else json.dumps(blocks),
                arrived=arrived,
            )
        )
        await self._slow()
        return {"channel": given["channel"], "ts": ts}

    async def _update(self, given: Json) -> Json:
        await self._slow()
        self.updates[given["ts"]] = given.get("text", "")
        return {"channel": given["channel"], "ts": given["ts"]}

    async def _history(self, given: Json) -> Json:
        thread = given.get("ts", "")
        found = [
            {
                "ts": seen.ts,
                "text": seen.text,
                "metadata": {"event_type": "steward_message", "event_payload": {"key": seen.key}},
            }
            for seen in self.posts
            if seen.channel == given["channel"] and seen.thread == thread
        ]
        return {"messages": found[::-1], "has_more": False}

    async def _direct(self, given: Json) -> Json:
        return {"channel": {"id": "D" + given["users"].removeprefix("U")}}

    async def _create(self, given: Json) -> Json:
        await self._slow()
        return {"channel": {"id": "C" + given["name"].upper().replace("-", "")[:30]}}

    async def _site(self, _: web.Request) -> web.Response:
        return web.json_response({"id": "shop", "published_deploy": _deploy(self._published)})

    async def _deploys(self, request: web.Request) -> web.Response:
        # Those around the published one: the next to roll back to is always listed.
        first = int(self._published.removeprefix("dep-"))
        count = int(request.query.get("per_page", "20"))
        return web.json_response([_deploy(f"dep-{number}") for number in range(first, first + count)])

    async def _restore(self, request: web.Request) -> web.Response:
        deploy = request.match_info["deploy"]
        await self._slow()
        if self.late:
            self.late -= 1
            # The client gives up after 10 s.
            await asyncio.sleep(random.uniform(10.5, 16))  # noqa: S311 - load, not a secret
            self.came_late += 1
        self.restored.append(deploy)
        self._published = deploy
        await self._slow()
        return web.json_response(_deploy(deploy))

    async def _lock(self, request: web.Request) -> web.Response:
        return web.json_response(_deploy(request.match_info["deploy"]) | {"locked": True})

    async def _enqueue(self, request: web.Request) -> web.Response:
        self.events.append(await request.json())
        await self._slow()
        return web.json_response({"status": "success", "dedup_key": "x"}, status=202)

    async def _answer(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _slow(self) -> None:
        await asyncio.sleep(random.uniform(0, self.slowness))  # noqa: S311 - load, not a secret


def _now() -> int:
    return time.time_ns() // 1_000_000


def _deploy(name: str) -> Json:
    number = int(name.removeprefix("dep-"))
    # The higher the number, the older: each rollback goes one further back.
    minute, hour = (DEPLOYS - number) % 60, (DEPLOYS - number) // 60
    at = f"2026-01-01T{hour:02d}:{minute:02d}:00Z"
    return {"id": name, "state": "ready", "title": name, "created_at": at, "published_at": at}


def _parsed(value: str | Json) -> Json:
    parsed: Json = json.loads(value) if isinstance(value, str) else value
    return parsed


async def _arguments(request: web.Request) -> Json:
    if request.content_type == "application/json":
        given: Json = await request.json()
        return given
    return dict(request.query) | dict(await request.post())
