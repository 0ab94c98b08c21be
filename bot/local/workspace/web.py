"""Serves the Web API: token, scope, limits and arguments of each call; faults strike before or after the work."""

import asyncio
import json
import logging

from aiohttp import web

from bot.local.workspace.api import METHODS
from bot.local.workspace.api.call import Call, Limited, Method
from bot.local.workspace.faults import Fault, Faults
from bot.local.workspace.limits import Limits
from bot.local.workspace.state import Workspace
from bot.local.workspace.values import Json, Refusal

NO_ANSWER_S = 60
_LOOK_S = 0.1
HTML = "<!DOCTYPE html><html><head><title>Server Error</title></head><body>Something went wrong.</body></html>"
_log = logging.getLogger(__name__)


class WebApi:
    """`/api/{method}` for one workspace."""

    def __init__(self, workspace: Workspace, limits: Limits, faults: Faults) -> None:
        self._workspace, self._limits, self._faults = workspace, limits, faults

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call."""
        name = request.match_info["method"]
        fault = self._faults.take(name)
        if fault is not None and fault.kind != "drop":
            return await struck(request, fault)
        answer = await self._answer(request, name)
        if fault is not None:
            return await struck(request, fault)
        return answer

    async def _answer(self, request: web.Request, name: str) -> web.Response:
        try:
            arguments = await _arguments(request)
            return web.json_response({"ok": True, **self._run(request, name, arguments)})
        except Limited as limited:
            return too_many(limited.seconds)
        except Refusal as refusal:
            _log.debug("%s refused: %s", name, refusal.code)
            return web.json_response(refusal.answer())

    def _run(self, request: web.Request, name: str, arguments: Json) -> Json:
        method = METHODS.get(name)
        if method is None:
            raise Refusal("unknown_method", extra={"req_method": name})
        scopes = self._scopes(request, arguments, method)
        call = Call(self._workspace, self._limits, arguments, scopes)
        call.require(method.scope)
        wait = self._limits.call(name, method.tier)
        if wait:
            raise Limited(wait)
        return method.run(call)

    def _scopes(self, request: web.Request, arguments: Json, method: Method) -> frozenset[str]:
        if method.token == "none":  # noqa: S105 - It is the kind of token.
            return frozenset()
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        token = token.strip() if kind.lower() == "bearer" else str(arguments.get("token") or "")
        if not token:
            raise Refusal("not_authed")
        known = self._workspace.credentials
        granted = {known.bot_token: "bot", known.app_token: "app"}.get(token)
        if granted is None:
            raise Refusal("invalid_auth")
        if granted != method.token:
            raise Refusal("not_allowed_token_type")
        return self._workspace.manifest.scopes if granted == "bot" else frozenset({"connections:write"})


async def _arguments(request: web.Request) -> Json:
    arguments: Json = dict(request.query)
    if request.method == "POST" and request.content_type == "application/json":
        try:
            body = json.loads(await request.text() or "{}")
        except ValueError as error:
            raise Refusal("invalid_json") from error
        if not isinstance(body, dict):
            raise Refusal("json_not_object")
        arguments |= body
    elif request.method == "POST":
        arguments |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    return arguments


def too_many(seconds: int) -> web.Response:
    """429: wait so many seconds."""
    headers = {"Retry-After": str(seconds)}
    return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)


async def struck(request: web.Request, fault: Fault) -> web.StreamResponse:
    """What the caller sees of a fault."""
    if fault.kind == "429":
        return too_many(fault.retry_after)
    if fault.kind == "500":
        return web.json_response({"ok": False, "error": "internal_error"}, status=500)
    if fault.kind == "revoked":
        return web.json_response({"ok": False, "error": "token_revoked"})
    if fault.kind == "html":
        return web.Response(text=HTML, content_type="text/html")
    if fault.kind == "timeout":
        await _given_up(request)
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _given_up(request: web.Request) -> None:
    """Keep the caller waiting until it gives up; a handler that outlived its connection would outlive the workspace."""
    for _ in range(round(NO_ANSWER_S / _LOOK_S)):
        if request.transport is None:
            return
        await asyncio.sleep(_LOOK_S)
