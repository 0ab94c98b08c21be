"""A small app behind the workspace: keeps what it is sent, checks the signature, answers what a test wants."""

import asyncio
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from bot.clock import MovableClock


@dataclass(slots=True)
class ToyApp:
    """Answers with `answers` in turn (status, body), then with an empty 200; `delay` holds every answer back."""

    secret: str
    clock: MovableClock
    received: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    answers: list[tuple[int, Any]] = field(default_factory=list)
    delay: asyncio.Event | None = None
    url: str = ""
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application()
        app.add_routes([web.post("/slack/events", self._handle)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/slack/events"

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        stamp = request.headers["X-Slack-Request-Timestamp"]
        expected = hmac.new(self.secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        if request.headers["X-Slack-Signature"] != f"v0={expected}" or abs(self.clock.now() / 1000 - int(stamp)) > 300:
            return web.Response(status=401)
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        self.received.append(_payload(request.content_type, body))
        if self.delay is not None:
            await self.delay.wait()
        status, answer = self.answers.pop(0) if self.answers else (200, "")
        return web.json_response(answer, status=status) if answer != "" else web.Response(status=status)


def _payload(content_type: str, body: bytes) -> dict[str, Any]:
    if content_type == "application/json":
        payload: dict[str, Any] = json.loads(body)
        return payload
    form: dict[str, Any] = dict(parse_qsl(body.decode(), keep_blank_values=True))
    interactive: dict[str, Any] = json.loads(form["payload"]) if "payload" in form else form
    return interactive
