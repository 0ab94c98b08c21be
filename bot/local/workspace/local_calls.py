"""The `/local` calls: what a person does in the workspace, for its page, for tests and for scripts."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from bot.local.clock import DemoClock, duration_ms
from bot.local.workspace import clicks, events, modals
from bot.local.workspace.api import METHODS
from bot.local.workspace.delivery import Delivered, Delivery
from bot.local.workspace.events import Events
from bot.local.workspace.faults import Faults
from bot.local.workspace.places import entered, find_person, find_post, find_view, open_channel
from bot.local.workspace.slash import type_command
from bot.local.workspace.socket_mode import SocketDelivery
from bot.local.workspace.state import Workspace
from bot.local.workspace.values import Json, Misuse

HEARTBEAT_S = 15
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class LocalCalls:
    """Everything under `/local` but the lab."""

    workspace: Workspace
    delivery: Delivery
    events: Events
    faults: Faults

    def routes(self) -> list[web.RouteDef]:
        """The table of calls."""
        return [
            web.post("/local/command", self.command),
            web.post("/local/click", self.click),
            web.post("/local/submit", self.submit),
            web.post("/local/close", self.close),
            web.post("/local/message", self.message),
            web.post("/local/read", self.read),
            web.post("/local/event", self.event),
            web.post("/local/redeliver", self.redeliver),
            web.post("/local/disconnect", self.disconnect),
            web.get("/local/messages", self.messages),
            web.get("/local/views", self.views),
            web.get("/local/faults", self.show_faults),
            web.post("/local/faults", self.add_fault),
            web.delete("/local/faults", self.clear_faults),
            web.get("/local/clock", self.show_clock),
            web.post("/local/clock", self.move_clock),
            web.get("/local/stream", self.stream),
        ]

    async def command(self, request: web.Request) -> web.Response:
        """Type a slash command."""
        body = await read_body(request)
        user = find_person(self.workspace, needed(body, "user"))
        channel = open_channel(self.workspace, user, needed(body, "channel"))
        text = body.get("text") or ""
        if not isinstance(text, str):
            raise Misuse("`text` must be a text.")
        delivered = await type_command(
            self.workspace, self.delivery, user, channel, command=needed(body, "command"), text=text
        )
        return web.json_response(delivered.shown())

    async def click(self, request: web.Request) -> web.Response:
        """Use an element of a message, or of a view where `view_id` is given."""
        body = await read_body(request)
        user = find_person(self.workspace, needed(body, "user"))
        pressed = clicks.Pressed(needed(body, "action_id"), body.get("value"))
        if body.get("view_id"):
            view = find_view(self.workspace, user, needed(body, "view_id"))
            return shown(await clicks.click_view(self.workspace, self.delivery, user, view, pressed))
        channel = open_channel(self.workspace, user, needed(body, "channel"))
        post = find_post(self.workspace, user, channel, needed(body, "ts"))
        delivered = await clicks.click_message(
            self.workspace, self.delivery, user, channel=channel, post=post, pressed=pressed
        )
        return shown(delivered)

    async def submit(self, request: web.Request) -> web.Response:
        """Submit a modal."""
        body = await read_body(request)
        user = find_person(self.workspace, needed(body, "user"))
        view = find_view(self.workspace, user, needed(body, "view_id"))
        values = body.get("values") or {}
        if not isinstance(values, dict):
            raise Misuse("`values` must be {block_id: {action_id: value}}.")
        try:
            return shown(await modals.submit(self.workspace, self.delivery, user, view, values))
        except modals.Incomplete as incomplete:
            return web.json_response({"error": str(incomplete), "errors": incomplete.errors}, status=422)

    async def close(self, request: web.Request) -> web.Response:
        """Close a modal."""
        body = await read_body(request)
        user = find_person(self.workspace, needed(body, "user"))
        view = find_view(self.workspace, user, needed(body, "view_id"))
        return shown(await modals.close(self.workspace, self.delivery, user, view))

    async def message(self, request: web.Request) -> web.Response:
        """Write a plain message."""
        body = await read_body(request)
        user = find_person(self.workspace, needed(body, "user"))
        channel = open_channel(self.workspace, user, needed(body, "channel"))
        post, heard = await events.write(
            self.workspace,
            self.events,
            user,
            channel,
            text=needed(body, "text"),
            thread_ts=str(body["thread_ts"]) if body.get("thread_ts") else None,
        )
        return web.json_response({"ts": post.ts, "deliveries": [each.shown() for each in heard]})

    async def read(self, request: web.Request) -> web.Response:
        """Mark a channel as read."""
        body = await read_body(request)
        user = find_person(self.workspace, needed(body, "user"))
        channel = entered(self.workspace, user, needed(body, "channel"))
        if self.workspace.timeline.unread(user.id, channel.id):
            self.workspace.timeline.mark_read(user.id, channel.id)
            self.workspace.touch()
        return web.json_response({"unread": self.workspace.timeline.unread(user.id, channel.id)})

    async def event(self, request: web.Request) -> web.Response:
        """Send an event."""
        body = await read_body(request)
        user, kind = find_person(self.workspace, needed(body, "user")), needed(body, "type")
        fields = {key: value for key, value in body.items() if key not in {"user", "type"}}
        return shown(await events.announce(self.workspace, self.events, user, kind, fields))

    async def redeliver(self, request: web.Request) -> web.Response:
        """Repeat the last delivery, byte for byte."""
        body = await read_body(request)
        times = body.get("times", 1)
        if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= 1000:
            raise Misuse("`times` must be a whole number from 1 to 1000.")
        repeated = [await self.delivery.repeat() for _ in range(times)]
        if None in repeated:
            raise Misuse("Nothing was delivered yet; send a command, click or event first.", 409)
        return web.json_response({"deliveries": [each.shown() for each in repeated if each is not None]})

    async def disconnect(self, request: web.Request) -> web.Response:
        """Socket Mode: tell the app that its connections end."""
        body = await read_body(request)
        if not isinstance(self.delivery, SocketDelivery):
            raise Misuse("The app is reached over HTTP; there is no connection to end.", 409)
        await self.delivery.disconnect(str(body.get("reason", "refresh_requested")))
        return web.json_response({"connections": self.delivery.connections})

    async def messages(self, request: web.Request) -> web.Response:
        """What a person sees in a channel."""
        user = find_person(self.workspace, asked(request, "user"))
        channel = entered(self.workspace, user, asked(request, "channel"))
        return web.json_response({"messages": self.workspace.messages_for(user.id, channel.id)})

    async def views(self, request: web.Request) -> web.Response:
        """A person's open modals, then the home tab."""
        user = find_person(self.workspace, asked(request, "user"))
        home = self.workspace.home_for(user.id)
        return web.json_response({"views": self.workspace.views_for(user.id) + ([home] if home else [])})

    async def show_faults(self, _request: web.Request) -> web.Response:
        """The faults that wait."""
        return web.json_response({"faults": self.faults.shown()})

    async def add_fault(self, request: web.Request) -> web.Response:
        """Order a fault."""
        self.faults.add(await read_body(request), frozenset(METHODS))
        return web.json_response({"faults": self.faults.shown()})

    async def clear_faults(self, _request: web.Request) -> web.Response:
        """Forget the faults."""
        self.faults.clear()
        return web.json_response({"faults": []})

    async def show_clock(self, _request: web.Request) -> web.Response:
        """What time it is here."""
        clock = self.workspace.clock
        moment = datetime.fromtimestamp(clock.now() / 1000, UTC)
        offset = clock.now() - clock.wall()
        return web.json_response({"now": clock.now(), "time": moment.isoformat(timespec="seconds"), "offset": offset})

    async def move_clock(self, request: web.Request) -> web.Response:
        """Move time on, for the bot as well."""
        body, clock = await read_body(request), self.workspace.clock
        if not isinstance(clock, DemoClock):
            raise Misuse("This clock cannot be moved.", 409)
        try:
            milliseconds = duration_ms(needed(body, "advance"))
        except ValueError as error:
            raise Misuse(str(error)) from error
        try:
            await clock.move(milliseconds)
        except ConnectionError as error:
            raise Misuse(f"The time has moved, but {error}; is the bot running?", 502) from error
        finally:
            self.workspace.touch()
        return await self.show_clock(request)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: the revision, now and whenever it grows."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        seen = self.workspace.revision
        try:
            await response.write(b"data: %d\n\n" % seen)
            while True:
                try:
                    seen = await asyncio.wait_for(self.workspace.changed(seen), HEARTBEAT_S)
                    await response.write(b"data: %d\n\n" % seen)
                except TimeoutError:
                    await response.write(b": still here\n\n")
        except ConnectionError:  # The browser has left.
            return response


async def read_body(request: web.Request) -> Json:
    """The JSON object that a local call takes."""
    try:
        body = json.loads(await request.text() or "{}")
    except ValueError as error:
        raise Misuse("The body must be a JSON object.") from error
    if not isinstance(body, dict):
        raise Misuse("The body must be a JSON object.")
    return body


def needed(body: Json, name: str) -> str:
    """A text that must be there."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Misuse(f"`{name}` is missing.")
    return value


def asked(request: web.Request, name: str) -> str:
    """A query parameter that must be there."""
    return needed(dict(request.query), name)


def shown(delivered: Delivered | None) -> web.Response:
    """A delivery's answer; an empty one where nothing had to be sent."""
    return web.json_response((delivered or Delivered(200, 0.0)).shown())
