"""An HTTP service of the lab that can be up, down, slow, broken in several ways, or hang after it did the work."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar

from aiohttp import web

from bot.local.lab.calls import CallLog
from bot.local.lab.component import Component, Setting, one_of, text, whole

HUGE_BYTES = 10 * 1024 * 1024

PLAIN_STATES: Mapping[str, str] = {
    "up": "answers",
    "down": "refuses the connection",
    "slow": "answers after slow_seconds",
    "error": "answers 503",
    "auth": "answers 401",
    "garbage": "answers bytes that are not HTTP",
    "huge": "answers 10 MB",
    "html": "answers 200 with an HTML page",
    "redirect_loop": "redirects to itself for ever",
}
VENDOR_STATES: Mapping[str, str] = {
    **PLAIN_STATES,
    "rate_limited": "answers 429 with Retry-After",
    "timeout": "does nothing and never answers",
    "timeout_after": "does the work and never answers",
    "drop": "does the work and closes the connection",
}


class WebService(Component):
    """One HTTP server on a port of its own; what it answers when up is given by its routes."""

    states: ClassVar[Mapping[str, str]] = PLAIN_STATES
    settings: ClassVar[Mapping[str, Setting]] = {
        "slow_seconds": Setting("how long the state slow takes to answer", whole(1, 120)),
        "strikes": Setting("which calls its state strikes: all, or only changes (not GET)", one_of("all", "changes")),
        "error_text": Setting("what it says in the state error", text),
    }

    def __init__(self, port: int, *, calls: CallLog | None = None) -> None:
        """Describe the service; start nothing."""
        self.port = port
        self.slow_seconds = 10
        self.strikes = "all"
        self.error_text = "Service Unavailable"
        self._state = "down"
        self._log = calls
        self._runner: web.AppRunner | None = None
        self._stopping = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        """What it answers when nothing is wrong."""
        return []

    def tls(self) -> ssl.SSLContext | None:
        """The context to serve with; none for plain HTTP."""
        return None

    def refusal(self, request: web.Request) -> web.Response | None:
        """What it refuses before any route is looked at, such as a wrong token."""
        del request
        return None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def state(self) -> str:
        """Which of `states` it is in now."""
        return self._state

    @property
    def listening(self) -> bool:
        """Whether it accepts connections."""
        return self._runner is not None

    def values(self) -> dict[str, object]:
        """The settable keys that it keeps itself."""
        return {"slow_seconds": self.slow_seconds, "strikes": self.strikes, "error_text": self.error_text}

    def calls(self) -> list[dict[str, object]]:
        """The calls received, oldest first."""
        return self._log.entries() if self._log is not None else []

    async def enter(self, state: str) -> None:
        """Change how it answers; "down" closes its port and every connection."""
        self._state = state
        if state == "down":
            await self.close()
        elif self._runner is None:
            await self.open()

    async def put(self, key: str, value: object) -> None:
        """Set one key."""
        setattr(self, key, value)

    async def open(self) -> None:
        """Listen."""
        self._stopping = asyncio.Event()

        @web.middleware
        async def misbehaving(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            return await self._misbehave(request, handler)

        application = web.Application(middlewares=[misbehaving], client_max_size=1024 * 1024)
        application.add_routes(self.routes())
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2, handle_signals=False)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port, ssl_context=self.tls(), reuse_address=True).start()
        self._runner = runner

    async def close(self) -> None:
        """Stop listening and end every connection; closing twice is harmless."""
        runner, self._runner = self._runner, None
        self._stopping.set()
        if runner is not None:
            await runner.cleanup()

    async def reopen(self) -> None:
        """Close and open, as a restarted process does; a service that is down stays down."""
        if self._runner is not None:
            await self.close()
            await self.open()

    async def _misbehave(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        if self._log is not None:
            await self._log.note(request)
        struck = self.strikes == "all" or request.method != "GET"
        if struck and self._state == "slow":
            await self._wait(self.slow_seconds)
        if struck and self._state == "timeout":
            await self._wait(None)
        if struck and self._state in {"garbage", "drop", "timeout_after"}:
            return await self._break_off(request, handler)
        wrong = (self._wrong_answer(request) if struck else None) or self.refusal(request)
        return wrong if wrong is not None else await handler(request)

    def _wrong_answer(self, request: web.Request) -> web.Response | None:
        if self._state == "error":
            return _problem(503, self.error_text)(request)
        make = _WRONG_ANSWERS.get(self._state)
        return None if make is None else make(request)

    async def _break_off(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        if self._state == "garbage":
            transport = request.transport
            if transport is not None:
                transport.write(b"\x00\xff\xfe garbage, not HTTP\r\n\r\n")
                transport.close()
            return web.Response()
        refused = self.refusal(request)
        answer = refused if refused is not None else await handler(request)
        if self._state == "timeout_after":
            await self._wait(None)
        elif request.transport is not None:
            request.transport.abort()
        return answer

    async def _wait(self, seconds: float | None) -> None:
        """Wait so long, or until the service closes."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return


def _problem(status: int, message: str, **headers: str) -> Callable[[web.Request], web.Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: web.json_response({"code": status, "message": message}, status=status, headers=named)


_WRONG_ANSWERS: Mapping[str, Callable[[web.Request], web.Response]] = {
    "auth": _problem(401, "Access Denied"),
    "rate_limited": _problem(429, "Too many requests", Retry_After="2"),
    "huge": lambda _: web.Response(body=b"x" * HUGE_BYTES, content_type="application/json"),
    # With what a message must show as text, not obey.
    "html": lambda _: web.Response(
        text="<!doctype html><title>Just a moment</title><p>Checking your browser <!channel>",
        content_type="text/html",
    ),
    "redirect_loop": lambda request: web.Response(status=302, headers={"Location": str(request.rel_url)}),
}
