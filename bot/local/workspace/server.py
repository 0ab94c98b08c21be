"""Serves a workspace on the loopback: Web API, response addresses, uploads, Socket Mode, local calls, page."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

from bot.local.workspace.delivery import HttpDelivery
from bot.local.workspace.events import RETRY_AFTER_S, Events
from bot.local.workspace.faults import Faults
from bot.local.workspace.lab_calls import LabCalls
from bot.local.workspace.limits import Limits
from bot.local.workspace.local_calls import LocalCalls
from bot.local.workspace.responses import respond
from bot.local.workspace.socket_mode import SocketDelivery
from bot.local.workspace.state import Workspace
from bot.local.workspace.values import Misuse, Refusal
from bot.local.workspace.web import WebApi, struck

LARGEST_BODY = 16 * 1024 * 1024
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Routes = Callable[[Workspace], Sequence[web.RouteDef]]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """How strict and which way: `limits` off lets everything pass at once; `socket_mode` instead of HTTP."""

    port: int = 0
    limits: bool = True
    socket_mode: bool = False
    retry_after_s: tuple[float, ...] = RETRY_AFTER_S


class Server:
    """A workspace that answers. `app_url` is where the app takes deliveries over HTTP; it may change while it runs."""

    def __init__(self, workspace: Workspace, options: Options, pages: Routes | None = None) -> None:
        self.workspace = workspace
        self.faults = Faults()
        self._options, self._pages = options, pages
        self._http = HttpDelivery(workspace)
        self.socket = SocketDelivery(workspace)
        self._events = Events(workspace, self.socket if options.socket_mode else self._http, options.retry_after_s)
        self._runner: web.AppRunner | None = None

    @property
    def app_url(self) -> str:
        """Where the app takes deliveries: its `/slack/events`."""
        return self._http.url

    @app_url.setter
    def app_url(self, url: str) -> None:
        self._http.url = url

    async def start(self) -> str:
        """Listen; returns the address."""
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._options.port)
        await site.start()
        port = self._runner.addresses[0][1]
        self.workspace.url = f"http://127.0.0.1:{port}"
        return self.workspace.url

    async def stop(self) -> None:
        """Listen no more."""
        await self._events.close()
        await self.socket.close()
        await self._http.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def _application(self) -> web.Application:
        workspace, faults = self.workspace, self.faults
        delivery = self.socket if self._options.socket_mode else self._http
        api = WebApi(workspace, Limits(enabled=self._options.limits), faults)
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[_loopback_only, _misuse])
        app.add_routes(
            [
                web.route("*", "/api/{method}", api.handle),
                web.post("/response/{path:.+}", self._respond),
                web.post("/upload/{file_id}", self._upload),
                web.get("/files/{file_id}", self._file),
                web.get("/link", self.socket.handle),
                *LocalCalls(workspace, delivery, self._events, faults).routes(),
                *LabCalls(workspace).routes(),
                *(self._pages(workspace) if self._pages else ()),
            ]
        )
        return app

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults.take("response_url")
        if fault is not None and fault.kind != "drop":
            return await struck(request, fault)
        try:
            respond(self.workspace, request.match_info["path"], await request.json())
        except ValueError:
            return web.json_response({"ok": False, "error": "invalid_payload"}, status=400)
        except Refusal as refusal:
            gone = refusal.code in {"expired_url", "used_url"}
            return web.json_response(refusal.answer(), status=404 if gone else 400)
        return web.Response(text="ok") if fault is None else await struck(request, fault)

    async def _upload(self, request: web.Request) -> web.Response:
        upload = self.workspace.uploads.files.get(request.match_info["file_id"])
        if upload is None or upload.content is not None:
            return web.Response(status=404, text="no such upload")
        content = await request.read()
        if request.content_type == "multipart/form-data":
            part = next((each for each in (await request.post()).values() if isinstance(each, web.FileField)), None)
            content = part.file.read() if part else b""
        if len(content) != upload.length:
            return web.Response(status=400, text=f"announced {upload.length} bytes, got {len(content)}")
        upload.content = content
        return web.Response(text=f"OK - {upload.length}")

    async def _file(self, request: web.Request) -> web.Response:
        upload = self.workspace.uploads.files.get(request.match_info["file_id"])
        if upload is None or upload.content is None or not upload.completed:
            return web.Response(status=404, text="no such file")
        headers = {"X-Content-Type-Options": "nosniff", "Content-Disposition": "inline"}
        return web.Response(body=upload.content, content_type="text/plain", charset="utf-8", headers=headers)


@web.middleware
async def _loopback_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what a foreign page could send: a host name that only resolves to here, or another site's origin."""
    origin = request.headers.get("Origin")
    try:
        ours = urlsplit(f"//{request.host}").hostname in LOOPBACK
        ours = ours and (origin is None or urlsplit(origin).netloc == request.host)
    except ValueError:  # A bracket that is never closed, and the like.
        ours = False
    if not ours:
        return web.json_response({"error": "This workspace answers on the loopback only."}, status=403)
    return await handler(request)


@web.middleware
async def _misuse(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A local call that cannot be done answers 4xx with the reason."""
    try:
        return await handler(request)
    except Misuse as misuse:
        return web.json_response({"error": str(misuse)}, status=misuse.status)
    except web.HTTPException as answer:
        if not request.path.startswith("/local/"):
            raise
        return web.json_response({"error": f"{request.method} {request.path}: {answer.reason}"}, status=answer.status)
