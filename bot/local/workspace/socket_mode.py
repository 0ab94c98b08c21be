"""Deliveries to the app over Socket Mode: WebSocket connections, envelopes and their acknowledgements."""

import asyncio
import json
import secrets
import time
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from bot.local.workspace.delivery import ACK_WITHIN_S, NOT_IN_TIME, NOT_REACHED, Delivered, Envelope
from bot.local.workspace.directory import APP
from bot.local.workspace.state import Workspace
from bot.local.workspace.values import Json, Misuse

CONNECTIONS = 10
PING_S = 10.0
REASONS = ("warning", "refresh_requested", "link_disabled")


@dataclass(slots=True)
class _Waiting:
    acknowledged: asyncio.Future[object] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class SocketDelivery:
    """The app's connections, `most` at once; a payload goes to any one of them."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._links: list[web.WebSocketResponse] = []
        self._waiting: dict[str, _Waiting] = {}
        self._last: Json | None = None
        self.most = CONNECTIONS
        self.turned_away = 0

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._links)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection, from its ticket to its end."""
        if not self._workspace.tickets.take_link(request.query.get("ticket", "")):
            return web.Response(status=404, text="no such link")
        link = web.WebSocketResponse(heartbeat=PING_S)
        await link.prepare(request)
        if len(self._links) >= self.most:
            self.turned_away += 1
            await link.send_json(_disconnect("too_many_websockets"))
            await link.close()
            return link
        self._links.append(link)
        try:
            await link.send_json(self._hello())
            async for message in link:
                if message.type is WSMsgType.TEXT:
                    self._acknowledge(message.data)
        finally:
            self._links.remove(link)
        return link

    async def send(self, envelope: Envelope) -> Delivered:
        """Send one envelope and wait for its acknowledgement."""
        message: Json = {
            "envelope_id": secrets.token_hex(16),
            "type": envelope.kind,
            "payload": envelope.payload,
            "accepts_response_payload": envelope.kind != "events_api",
        }
        if envelope.kind == "events_api":
            message |= {"retry_attempt": envelope.retry, "retry_reason": envelope.retry_reason}
        self._last = message
        return await self._deliver(message)

    async def repeat(self) -> Delivered | None:
        """Send the last envelope again under the same id."""
        return None if self._last is None else await self._deliver(self._last)

    async def disconnect(self, reason: str) -> None:
        """Tell every connection that it will end, as Slack does; all but a `warning` end it too."""
        if reason not in REASONS:
            raise Misuse(f"There is no reason {reason!r}; choose one of {', '.join(REASONS)}.")
        for link in list(self._links):
            await link.send_json(_disconnect(reason))
            if reason != "warning":
                await link.close()

    async def close(self) -> None:
        """End every connection."""
        for link in list(self._links):
            await link.close()

    async def _deliver(self, message: Json) -> Delivered:
        started = time.perf_counter()
        open_links = [link for link in self._links if not link.closed]
        if not open_links:
            return Delivered(NOT_REACHED, 0.0, "dispatch_failed")
        waiting = self._waiting[message["envelope_id"]] = _Waiting()
        try:
            await secrets.choice(open_links).send_json(message)
            body = await asyncio.wait_for(waiting.acknowledged, ACK_WITHIN_S)
            return Delivered(200, (time.perf_counter() - started) * 1000, body)
        except TimeoutError:
            return Delivered(NOT_IN_TIME, (time.perf_counter() - started) * 1000, "operation_timeout")
        except ConnectionError:
            return Delivered(NOT_REACHED, (time.perf_counter() - started) * 1000, "dispatch_failed")
        finally:
            self._waiting.pop(message["envelope_id"], None)

    def _acknowledge(self, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            return  # Slack ignores what it cannot read.
        waiting = self._waiting.get(str(message.get("envelope_id"))) if isinstance(message, dict) else None
        if waiting is not None and not waiting.acknowledged.done():
            waiting.acknowledged.set_result(message.get("payload") or "")

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._links),
            "connection_info": {"app_id": APP},
            "debug_info": {"host": "applink-local", "build_number": 1, "approximate_connection_time": 18060},
        }


def _disconnect(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-local"}}
