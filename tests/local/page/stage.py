"""Serves a workspace with its page, and a small app that answers what people do there."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.local.page import page_routes
from bot.local.workspace.blockkit.surfaces import accepted_blocks, accepted_view
from bot.local.workspace.server import Options, Server
from bot.local.workspace.state import Workspace
from bot.local.workspace.values import Json
from tests.local.page.scene import ALERTS, health_blocks, incident_modal, say, section


@dataclass
class App:
    """Stands for the bot: answers commands, clicks and forms at once, and keeps what it received."""

    workspace: Workspace
    received: list[Json] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        """Take one delivery and do what the bot would."""
        payload = await _payload(request)
        self.received.append(payload)
        body: Json | None = None
        if payload.get("command") == "/health":
            body = {"text": "Newsletter", "blocks": health_blocks()}
        elif payload.get("command") == "/incident":
            view = accepted_view(incident_modal(), ("modal",))
            self.workspace.views.open(payload["user_id"], view, self.workspace.clock.now())
            self.workspace.touch()
        elif payload.get("type") == "block_actions" and "message" in payload:
            self._decide(payload)
        elif payload.get("type") == "view_submission":
            body = self._open_incident(payload["view"]["state"]["values"]["title"]["title"]["value"])
        return web.json_response(body) if body else web.Response()

    def actions(self) -> list[tuple[str, str]]:
        """Who used what: `(user name, action id)`."""
        clicks = [each for each in self.received if each.get("type") == "block_actions"]
        return [(each["user"]["username"], each["actions"][0]["action_id"]) for each in clicks]

    def _open_incident(self, title: str) -> Json | None:
        if len(title) < 8:
            return {"response_action": "errors", "errors": {"title": "Say what people notice, please."}}
        say(self.workspace, ALERTS, f"🚨 P0 INC-13 {title}")
        return None

    def _decide(self, payload: Json) -> None:
        post = self.workspace.timeline.find(payload["channel"]["id"], payload["container"]["message_ts"])
        assert post is not None
        if payload["actions"][0]["action_id"] == "approve":
            post.blocks = accepted_blocks([post.blocks[0], section(f"→ ✅ <@{payload['user']['id']}> approved it")])
            post.edited = {"user": "U0STEWARD", "ts": self.workspace.now_ts()}
            self.workspace.touch()


async def _payload(request: web.Request) -> Json:
    if request.content_type == "application/json":
        event: Json = await request.json()
        return event
    form = {key: str(value) for key, value in (await request.post()).items()}
    interaction: Json = json.loads(form["payload"]) if "payload" in form else form
    return interaction


@dataclass(frozen=True, slots=True)
class Stage:
    """A served workspace."""

    workspace: Workspace
    app: App
    url: str


@asynccontextmanager
async def served(workspace: Workspace) -> AsyncIterator[Stage]:
    """The workspace and its page on free ports of the loopback."""
    app = App(workspace)
    application = web.Application()
    application.router.add_post("/slack/events", app.take)
    server = Server(workspace, Options(), page_routes)
    async with TestServer(application) as listening:
        server.app_url = str(listening.make_url("/slack/events"))
        try:
            yield Stage(workspace, app, await server.start())
        finally:
            await server.stop()
