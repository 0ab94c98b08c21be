"""The Slack side of the bot, whole, against the local workspace: real sockets both ways."""

import asyncio
import hashlib
import hmac
import io
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.config.models import StewardModel
from bot.domain.message import Button, Buttons, Message, lines
from bot.domain.people import Actor
from bot.domain.policy import Policy, Risk, Rule
from bot.http.server import HttpHooks
from bot.local.clock import DemoClock
from bot.local.workspace.server import Options, Server
from bot.local.workspace.state import Workspace
from bot.oncall.directory import Directory
from bot.requests.inbox import Inbox
from bot.requests.registry import Registry
from bot.requests.services import Services
from bot.slack.client import SlackGroups, open_client
from bot.slack.manifest import app_manifest
from bot.slack.service import Address, SlackService
from bot.store import Ledger
from tests.slack.listeners import GATE, LISTENERS, RAN

PATIENCE = 5.0


@dataclass(slots=True)
class SlackWorld:
    """Type, press and send as a person; see what a person sees.

    `ahead`: by how many seconds the machine's clock was moved.
    """

    workspace: Workspace
    server: Server
    service: SlackService
    inbox: Inbox
    client: AsyncWebClient
    ledger: Ledger
    clock: DemoClock
    ahead: list[float]
    http: aiohttp.ClientSession
    bot: str
    ready: list[str]

    async def does(self, path: str, **body: object) -> dict[str, Any]:
        """A local call that must succeed."""
        async with self.http.post(f"{self.workspace.url}/local/{path}", json=body) as answer:
            found: dict[str, Any] = await answer.json()
            assert 200 == answer.status, found
            return found

    async def types(self, text: str, user: str = "sre", command: str = "/echo") -> dict[str, Any]:
        """A slash command in the alerts channel; the acknowledgement."""
        return await self.does("command", user=user, channel="#production-alerts", command=command, text=text)

    async def sees(self, text: str, user: str = "sre") -> dict[str, Any]:
        """Wait until this person sees a message with this text; the message."""
        return await self.until(lambda: self._message(text, user), f"{user} sees {text!r}")

    async def messages(self, user: str = "sre", channel: str = "#production-alerts") -> list[dict[str, Any]]:
        """What this person sees in a channel."""
        query = {"channel": channel, "user": user}
        async with self.http.get(f"{self.workspace.url}/local/messages", params=query) as answer:
            return list((await answer.json())["messages"])

    async def views(self, user: str = "sre") -> list[dict[str, Any]]:
        """This person's open forms and home tab."""
        async with self.http.get(f"{self.workspace.url}/local/views", params={"user": user}) as answer:
            return list((await answer.json())["views"])

    async def view(self, kind: str, user: str = "sre") -> dict[str, Any]:
        """Wait until this person has a form or the home tab open."""

        async def found() -> dict[str, Any] | None:
            return next((view for view in reversed(await self.views(user)) if view["type"] == kind), None)

        return await self.until(found, f"{user} has a {kind} open")

    async def until(self, look: Callable[[], Awaitable[dict[str, Any] | None]], what: str) -> dict[str, Any]:
        """Look again and again, for 5 s at most."""
        async with asyncio.timeout(PATIENCE):
            while (found := await look()) is None:  # noqa: ASYNC110 - what a person sees comes from another process
                await asyncio.sleep(0.01)
        assert found is not None, what
        return found

    async def open_requests(self) -> int:
        """How many requests the inbox still holds."""
        row = await self.ledger.read(lambda tx: tx.one("count_open_inbox"))
        assert row is not None
        return int(row["n"])

    async def nothing_open(self) -> dict[str, Any] | None:
        """For `until`: something once the inbox holds nothing."""
        return None if await self.open_requests() else {"open": 0}

    async def send(
        self, body: bytes, *, kind: str = "application/x-www-form-urlencoded", **headers: str
    ) -> tuple[int, str]:
        """A raw request to the bot, signed as Slack signs unless headers say otherwise."""
        stamp = str(self.clock.now() // 1000)
        signed = {"Content-Type": kind, **signature(self.workspace.credentials.signing_secret, stamp, body)} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        async with self.http.post(f"{self.bot}/slack/events", data=io.BytesIO(body), headers=signed) as answer:
            return answer.status, await answer.text()

    async def _message(self, text: str, user: str) -> dict[str, Any] | None:
        return next((it for it in await self.messages(user) if text in it["text"]), None)


def signature(secret: str, stamp: str, body: bytes) -> dict[str, str]:
    """Slack's two headers."""
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


def slash(**changes: str) -> bytes:
    """The body of a slash command."""
    fields = {"team_id": "T0STEWARD", "api_app_id": "A0STEWARD", "channel_id": "C0ALERTS", "user_id": "U0SRE"}
    return urlencode({**fields, "command": "/echo", "text": "raw", "trigger_id": "1.1"} | changes).encode()


def configuration() -> StewardModel:
    """People, one role from a group; nobody holds the role `nobody`."""
    people = ("engineer", "sre", "lead", "manager", "cto")
    return StewardModel.model_validate(
        {
            "channel": "C0ALERTS",
            "people": {name: {"slack": [f"U0{name.upper()}"]} for name in people},
            "roles": {"engineer": {"group": "S0ENGINEERS"}, "nobody": {"group": "S0APPROVERS"}},
            "policy": {risk: {"ask": ["engineer"]} for risk in ("read", "change", "p0")},
            "severities": {},
            "oncall": {"primary": {"rotation": ["sre"]}},
        }
    )


POLICY = Policy(
    {
        Risk.READ: Rule(frozenset({"engineer"})),
        Risk.CHANGE: Rule(frozenset({"engineer"})),
        Risk.P0: Rule(frozenset({"nobody"})),
    },
    {},
)


async def home(actor: Actor) -> Message:
    """A home tab that says whose it is."""
    pressed = Buttons((Button("Again", "echo.again", "home"), Button("Change", "echo.again", "change it")))
    return Message("Home", (lines(f"Hello {actor.person}"), pressed))


@asynccontextmanager
async def slack_world(
    ledger: Ledger, *, socket_mode: bool = False, down: int = 0, revoked: int = 0, refused: str = ""
) -> AsyncIterator[SlackWorld]:
    """A workspace and the bot's Slack side, connected.

    `down`: so many times Slack fails to say who we are; `revoked`: so many times after that it refuses our token.
    `refused`: the method whose token is wrong from the start.
    """
    RAN.clear()
    GATE.clear()
    ahead = [0.0]
    clock = DemoClock(real=lambda: time.time() + ahead[0])
    manifest = app_manifest(Registry(LISTENERS), url="https://bot.example", socket_mode=socket_mode)
    workspace = Workspace(clock, manifest=manifest)
    server = Server(workspace, Options(limits=False, socket_mode=socket_mode, retry_after_s=(0.0, 0.0, 0.0)))
    async with AsyncExitStack() as stack:
        url = await server.start()
        stack.push_async_callback(server.stop)
        tokens = workspace.credentials
        bot_token = "xoxb-wrong" if refused == "auth.test" else tokens.bot_token
        app_token = "xapp-wrong" if refused == "apps.connections.open" else tokens.app_token
        client = await stack.enter_async_context(open_client(token=bot_token, url=f"{url}/api/"))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        for kind, times in (("500", down), ("revoked", revoked)):
            if not times:
                continue
            fault = {"method": "auth.test", "kind": kind, "times": times}
            async with http.post(f"{url}/local/faults", json=fault) as answer:
                assert 200 == answer.status
        address = Address("127.0.0.1", 0, tokens.signing_secret, app_token if socket_mode else "", "A0STEWARD")
        inbox, ready = Inbox(ledger, clock, owner="test"), [""]
        service = _service(client, address, inbox, _services(client, clock, ledger), ready)
        stack.push_async_callback(service.stop)
        await service.start()
        bot = f"http://127.0.0.1:{service.port}"
        server.app_url = f"{bot}/slack/events"
        yield SlackWorld(workspace, server, service, inbox, client, ledger, clock, ahead, http, bot, ready)


def _services(client: AsyncWebClient, clock: DemoClock, ledger: Ledger) -> Services:
    """What the Slack side itself uses; the handlers of these tests use nothing."""
    config, unused = configuration(), cast("Any", None)
    directory = Directory(config, SlackGroups(client), clock, ledger)
    return Services(clock, ledger, config, unused, directory, unused, unused, unused, unused, unused, unused)


def _service(
    client: AsyncWebClient, address: Address, inbox: Inbox, services: Services, ready: list[str]
) -> SlackService:
    async def readiness() -> str:
        return ready[0]

    async def metrics() -> bytes:
        return b"steward_up 1\n"

    async def webhook(headers: dict[str, str], raw: bytes) -> int:
        return 202 if headers.get("X-PagerDuty-Signature") == "v1=good" and raw == b"{}" else 401

    return SlackService(
        client=client,
        address=address,
        listeners=LISTENERS,
        services=services,
        policy=POLICY,
        inbox=inbox,
        home=home,
        hooks=HttpHooks(readiness, metrics, webhook),
        zone=ZoneInfo("UTC"),
    )
