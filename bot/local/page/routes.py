"""The page's HTTP routes: the page, its live part, its static files, under a policy that loads nothing from outside."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web

from bot.local.page.place import parse_place
from bot.local.page.screen import render_screen
from bot.local.workspace.state import Workspace

_STATIC: Final = Path(__file__).parent / "static"
_KINDS: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def page_routes(workspace: Workspace, zone: ZoneInfo | None = None) -> list[web.RouteDef]:
    """The routes of the page; times are written in `zone` (UTC without one), which is also where "9:00" is."""
    where = zone or ZoneInfo("UTC")
    return [
        web.get("/", _screen(workspace, where, "page.html")),
        web.get("/page/view", _screen(workspace, where, "app.html")),
        web.get("/page/static/{name}", _static),
    ]


def _screen(workspace: Workspace, zone: ZoneInfo, template: str) -> Handler:
    async def show(request: web.Request) -> web.Response:
        place = parse_place(request.query, workspace)
        html = render_screen(template, place, workspace, zone)
        return web.Response(text=html, content_type="text/html", headers=_HEADERS)

    return show


async def _static(request: web.Request) -> web.Response:
    # Only names that lie in the folder are served, so no path can leave it.
    known = {path.name: path for path in _STATIC.iterdir() if path.suffix in _KINDS}
    path = known.get(request.match_info["name"])
    if path is None:
        raise web.HTTPNotFound
    return web.Response(text=path.read_text(), content_type=_KINDS[path.suffix], headers=_HEADERS)
