"""The bot's HTTP endpoints: Slack's payloads, PagerDuty's webhooks, and what watches the bot itself."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from bot.http.body import MAX_BODY, Forbidden, body
from bot.http.connections import Connections, most_connections
from bot.http.log_limit import Seldom

KEEP_SECONDS = 75.0
"""How long an idle connection is kept: longer than proxies keep theirs, so that they never use a closed one."""
LINGERING_SECONDS = 2.0
CLOSE_SECONDS = 10.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Admit = Callable[[Mapping[str, str], bytes], Callable[[], Awaitable[web.Response]]]
"""Takes headers and body of a genuine request and gives what answers it; raises `Forbidden`."""

_REFUSED = Seldom("request refused")


@dataclass(frozen=True, slots=True)
class HttpHooks:
    """What wiring hands in for the endpoints that are not Slack's.

    `ready` gives an empty text, or the reason why not; `metrics` Prometheus' text format; `webhook` takes headers and
    body of a PagerDuty webhook and gives the status.
    """

    ready: Callable[[], Awaitable[str]]
    metrics: Callable[[], Awaitable[bytes]]
    webhook: Callable[[dict[str, str], bytes], Awaitable[int]] | None = None


class _OneLine(logging.Filter):
    """What is no HTTP leaves one line a minute; aiohttp would log a traceback, with the request's own bytes in it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace a record about broken HTTP by a line of ours."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError):
            return True
        _REFUSED.tell("the request is no HTTP", status=error.code)
        return False


def http_logger() -> logging.Logger:
    """The logger for aiohttp's server."""
    logger = logging.getLogger("bot.slack.http")
    if not logger.filters:
        logger.addFilter(_OneLine())
    return logger


class Endpoints:
    """The routes. While the bot stops, new work is refused so that Slack shows the person that it was not taken.

    `trouble`: why Slack cannot reach the bot; empty where it can.
    """

    def __init__(self, hooks: HttpHooks, trouble: Callable[[], str]) -> None:
        self._hooks = hooks
        self._trouble = trouble
        self._runner: web.AppRunner | None = None
        self._connections: Connections | None = None
        self._slack: Admit | None = None
        self._webhook_refused = Seldom("webhook refused")
        self.stopping = False

    def connect(self, admit: Admit) -> None:
        """From now on, take Slack's payloads by HTTP."""
        self._slack = admit

    async def listen(self, host: str, port: int) -> int:
        """Serve every route at this address; the real port. Raises `OSError`."""
        self._runner = web.AppRunner(
            self._application(),
            access_log=None,
            logger=http_logger(),
            handle_signals=False,
            # Nobody compresses what they send here; unpacking would come before the signature, and fails with a 500.
            auto_decompress=False,
            keepalive_timeout=KEEP_SECONDS,
            lingering_time=LINGERING_SECONDS,
            shutdown_timeout=CLOSE_SECONDS,
        )
        await self._runner.setup()
        if self._runner.server is None:
            raise RuntimeError("aiohttp has made no server")
        self._connections = Connections(self._runner.server, most_connections())
        return await self._connections.listen(host, port)

    async def close(self) -> None:
        """Listen no more, and close every connection."""
        if self._connections is not None:
            await self._connections.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=MAX_BODY, middlewares=[self._served])
        application.router.add_post("/slack/events", self._events)
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/readyz", self._readyz)
        application.router.add_get("/metrics", self._metrics)
        application.router.add_post("/pagerduty/webhook", self._webhook)
        return application

    @web.middleware
    async def _served(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._connections is None:
            return await handler(request)
        with self._connections.serving(request.transport):
            if request.method != "POST":
                self._admitted(request)
            return await handler(request)

    def _admitted(self, request: web.Request) -> None:
        if self._connections is not None:
            self._connections.admitted(request.transport)

    async def _events(self, request: web.Request) -> web.Response:
        if self._slack is None or self.stopping:
            # Starting, stopping, or listening by Socket Mode: who we are is not known, so nothing can be verified.
            return web.Response(status=503, headers={"Retry-After": "5"})
        try:
            answer = self._slack(request.headers, await body(request))
        except Forbidden as error:
            # Seldom, and without the body: whoever forges requests does not get to write into the log.
            _REFUSED.tell(str(error), status=error.status)
            return web.Response(status=error.status)
        self._admitted(request)
        return await answer()

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        reason = "stopping" if self.stopping else self._trouble() or await self._hooks.ready()
        return web.Response(status=503 if reason else 200, text=f"{reason or 'ready'}\n")

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(
            body=await self._hooks.metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    async def _webhook(self, request: web.Request) -> web.Response:
        if self._hooks.webhook is None:
            return web.Response(status=404)
        if self.stopping:
            return web.Response(status=503, headers={"Retry-After": "5"})
        try:
            raw = await body(request)
        except Forbidden as error:
            self._webhook_refused.tell(str(error), status=error.status)
            return web.Response(status=error.status)
        self._admitted(request)
        status = await self._hooks.webhook(dict(request.headers), raw)
        if 400 <= status < 500:
            reason = "the signature does not match" if status == 401 else "the body is no event of an incident"
            self._webhook_refused.tell(reason, status=status)
        return web.Response(status=status)
