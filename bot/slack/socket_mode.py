"""Receives Slack's payloads over WebSockets that the bot opens itself, and hands them the same way as HTTP does.

slack_sdk's client asks for the next socket at once whenever Slack ends one, and tells nobody: where Slack ends each at
once (`too_many_websockets`), that is hundreds of requests a second. A silently dead socket is noticed by pings, and an
envelope that comes twice by its id. Source: https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import structlog
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import Unreachable
from bot.domain.foreign_json import parsed
from bot.http.body import Forbidden
from bot.ports import Clock
from bot.slack.app import App
from bot.slack.dispatch import ACKNOWLEDGE_SECONDS
from bot.slack.failures import as_target_error, translated
from bot.slack.guard import Delivery, Guard
from bot.slack.tasks import Tasks

PING_SECONDS = 6.0
_OPEN_SECONDS = 10.0
_LEAVING_SECONDS = 15.0
_log = structlog.get_logger(__name__)


class SocketMode:
    """Sockets of one app. While Slack replaces one there are two, so that nothing is lost in between."""

    def __init__(
        self, *, app_token: str, client: AsyncWebClient, session: ClientSession, clock: Clock, app: App, guard: Guard
    ) -> None:
        self._app_token = app_token
        self._client = client
        self._session = session
        self._clock = clock
        self._app = app
        self._guard = guard
        self._open: set[ClientWebSocketResponse] = set()
        self._reading = Tasks()
        self._answering = Tasks()
        self._stopping = False
        self.closed_at = clock.wall()  # When the last open socket ended.

    def __len__(self) -> int:
        """How many sockets are open: without one, Slack cannot reach the bot."""
        return len(self._open)

    async def open(self) -> asyncio.Event:
        """Open a socket; the event is set once it needs a successor. Raises a `TargetError`."""
        with as_target_error("apps.connections.open"), translated("apps.connections.open", write=False):
            answer = await self._client.apps_connections_open(app_token=self._app_token)
        with translated("the socket", write=False):
            async with asyncio.timeout(_OPEN_SECONDS):
                socket = await self._session.ws_connect(str(answer["url"]), heartbeat=PING_SECONDS)
                try:
                    hello = _object(await socket.receive_str())
                except TypeError:  # It was closed instead.
                    hello = {}
        if hello.get("type") != "hello":
            await socket.close()
            raise Unreachable(f"Slack opened a socket and ended it ({hello.get('reason') or 'without a reason'}).")
        self._open.add(socket)
        leaving = asyncio.Event()
        self._reading.spawn(self._read(socket, leaving))
        return leaving

    async def drain(self) -> None:
        """Take nothing more; close once what was taken is acknowledged, so that Slack turns to another replica."""
        self._stopping = True
        await self._answering.drain(ACKNOWLEDGE_SECONDS)
        for socket in tuple(self._open):
            await socket.close()
        await self._reading.drain(1)

    async def _read(self, socket: ClientWebSocketResponse, leaving: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(None) as limit:
                async for message in socket:
                    envelope = _object(message.data) if message.type is WSMsgType.TEXT else {}
                    if envelope.get("type") == "disconnect":
                        _log.info("Slack asks for another socket", reason=str(envelope.get("reason"))[:40])
                        leaving.set()
                        # What is on its way may still arrive; then Slack has closed it, or we do.
                        limit.reschedule(asyncio.get_running_loop().time() + _LEAVING_SECONDS)
                    elif "envelope_id" in envelope and not self._stopping:
                        self._answering.spawn(self._answer(socket, envelope))
        except TimeoutError:
            pass
        finally:
            self._open.discard(socket)
            self.closed_at = self._clock.wall()
            leaving.set()
            await socket.close()

    async def _answer(self, socket: ClientWebSocketResponse, envelope: Mapping[str, Any]) -> None:
        payload, number = envelope.get("payload"), str(envelope["envelope_id"])
        if not isinstance(payload, dict):
            _log.warning("envelope refused", reason="the payload is no object")
            return
        try:
            self._guard.check_origin(payload)
        except Forbidden as error:
            _log.warning("envelope refused", reason=str(error))
            return
        # An event repeats under a new envelope, so its own id is the better key.
        key = str(payload.get("event_id") or f"envelope:{number}")
        answer = await self._app.answer(Delivery(key, payload))
        if answer.status != 200:
            return
        acknowledgement: dict[str, Any] = {"envelope_id": number}
        if answer.body.startswith("{"):
            acknowledgement["payload"] = json.loads(answer.body)
        try:
            await socket.send_json(acknowledgement)
        except ConnectionError:
            # Slack delivers an event again; to a person it says that the bot did not answer.
            _log.warning("acknowledgement not sent: the socket was lost", key=key)


def _object(text: str) -> Mapping[str, Any]:
    found = parsed(text)
    return found if isinstance(found, dict) else {}
