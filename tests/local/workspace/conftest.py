"""A workspace with a toy app behind it, driven over real sockets."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.local.clock import DemoClock
from bot.local.workspace.server import Options, Server
from bot.local.workspace.state import Workspace
from tests.local.workspace.toy_app import ToyApp

BUTTON = {
    "type": "actions",
    "block_id": "row",
    "elements": [
        {
            "type": "button",
            "action_id": "approve",
            "text": {"type": "plain_text", "text": "Approve"},
            "value": "OP-1",
            "style": "primary",
        }
    ],
}


@dataclass(slots=True)
class World:
    """The workspace, the app behind it, the app's client, and the local calls."""

    workspace: Workspace
    server: Server
    app: ToyApp
    slack: AsyncWebClient
    session: aiohttp.ClientSession

    async def call(self, method: str, path: str, body: object = None, **query: str) -> tuple[int, Any]:
        """One local call: its status and its JSON."""
        async with self.session.request(method, self.workspace.url + path, json=body, params=query) as answer:
            return answer.status, await answer.json()

    async def does(self, path: str, **body: object) -> dict[str, Any]:
        """A local call that must succeed."""
        status, answer = await self.call("POST", f"/local/{path}", body)
        assert 200 == status, answer
        found: dict[str, Any] = answer
        return found

    async def messages(self, user: str = "sre", channel: str = "#production-alerts") -> list[dict[str, Any]]:
        """What a person sees."""
        status, answer = await self.call("GET", "/local/messages", user=user, channel=channel)
        assert 200 == status, answer
        found: list[dict[str, Any]] = answer["messages"]
        return found

    async def views(self, user: str = "sre") -> list[dict[str, Any]]:
        """A person's open views."""
        _, answer = await self.call("GET", "/local/views", user=user)
        found: list[dict[str, Any]] = answer["views"]
        return found

    async def post(self, **arguments: object) -> str:
        """The app posts to the alerts channel; returns the timestamp."""
        answer = await self.slack.api_call(
            "chat.postMessage", json={"channel": "C0ALERTS", "text": "hello"} | arguments
        )
        return str(answer["ts"])


@pytest.fixture
def options() -> Options:
    """How the workspace is set up; a test module may say otherwise."""
    return Options(limits=False, retry_after_s=(0.0, 0.0, 0.0))


@pytest.fixture
def manifest() -> dict[str, Any] | None:
    """The app's manifest; none allows everything."""
    return None


@pytest.fixture
async def world(options: Options, manifest: dict[str, Any] | None) -> AsyncIterator[World]:
    """A running workspace."""
    workspace = Workspace(clock := DemoClock(), manifest=manifest)
    server = Server(workspace, options)
    url = await server.start()
    app = ToyApp(workspace.credentials.signing_secret, clock)
    await app.start()
    server.app_url = app.url
    async with aiohttp.ClientSession() as session:
        slack = AsyncWebClient(workspace.credentials.bot_token, base_url=f"{url}/api/", timeout=5, session=session)
        slack.retry_handlers.clear()
        yield World(workspace, server, app, slack, session)
    await server.stop()
    await app.stop()
