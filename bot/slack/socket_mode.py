"""Receives Slack's payloads over a WebSocket that the bot opens itself, and hands them the same way as HTTP does.

Known troubles of Socket Mode: a connection that is silently dead, and the same envelope delivered twice. The client
pings every 3 s and reconnects where no pong comes; by the envelope's id the dispatcher knows a repetition.
Source: https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import json

import structlog
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.app import App
from bot.slack.guard import Delivery, Forbidden, Guard

PING_SECONDS = 3
_log = structlog.get_logger(__name__)


class SocketMode:
    """One connection, kept open by slack_sdk's client."""

    def __init__(self, *, app_token: str, client: AsyncWebClient, app: App, guard: Guard) -> None:
        self._app = app
        self._guard = guard
        self._socket = SocketModeClient(app_token=app_token, web_client=client, ping_interval=PING_SECONDS)
        # As with the Web API client: its constructor reads a proxy for any address, loopback included.
        self._socket.proxy = None
        self._socket.socket_mode_request_listeners.append(self._received)
        self._stopping = False

    async def start(self) -> None:
        """Connect; from then on the client reconnects by itself."""
        await self._socket.connect_to_new_endpoint()

    def refuse(self) -> None:
        """Acknowledge nothing more: Slack hands the payload to another replica, or tells the person."""
        self._stopping = True

    async def close(self) -> None:
        """End the connection."""
        await self._socket.close()  # type: ignore[no-untyped-call]  # slack_sdk leaves it untyped
        await self._socket.aiohttp_client_session.close()

    async def _received(self, _: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        if self._stopping:
            return
        try:
            self._guard.check_origin(request.payload)
        except Forbidden as error:
            _log.warning("envelope refused", reason=str(error))
            return
        # An event repeats under a new envelope, so its own id is the better key.
        key = str(request.payload.get("event_id") or f"envelope:{request.envelope_id}")
        answer = await self._app.answer(Delivery(key, request.payload))
        if answer.status != 200:
            return
        payload = json.loads(answer.body) if answer.body.startswith("{") else None
        await self._socket.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload))
