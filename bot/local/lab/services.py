"""The plain HTTP services: the newsletter's app and https site, the target list's web app and worker."""

import ssl
from collections.abc import Callable, Mapping
from typing import ClassVar

from aiohttp import web

from bot.local.lab.certificate import Authority
from bot.local.lab.component import Setting, whole
from bot.local.lab.export_queue import ExportQueue
from bot.local.lab.web import PLAIN_STATES, WebService


class App(WebService):
    """A web app whose health depends on the release that runs."""

    states: ClassVar[Mapping[str, str]] = {
        **PLAIN_STATES,
        "bad_release": "the running release answers 503; another one is healthy",
        "wedged": "answers 503 until it is restarted",
    }

    def __init__(self, port: int, release: Callable[[], str]) -> None:
        """Serve health for what `release` says runs now."""
        super().__init__(port)
        self._release = release
        self._bad: str | None = None

    @property
    def state(self) -> str:
        """A bad release shows only while it runs; an app whose container has stopped is down."""
        if not self.listening:
            return "down"
        if self._state == "bad_release":
            return "bad_release" if self._release() == self._bad else "up"
        return self._state

    async def enter(self, state: str) -> None:
        """Change how it answers; "bad_release" blames the release that runs now."""
        self._bad = self._release() if state == "bad_release" else None
        await super().enter(state)

    async def begin(self) -> None:
        """Start as a fresh process: one that hung or had died is well again, any other fault stays."""
        if self._state in {"wedged", "down"}:
            self._state = "up"
        if not self.listening:
            await self.open()

    @property
    def well(self) -> bool:
        """Whether its own health check would pass."""
        return self.listening and self.state in {"up", "slow"}

    def routes(self) -> list[web.RouteDef]:
        """Its health, and a page."""
        return [web.get("/api/health", self._health), web.get("/", _page)]

    async def _health(self, _: web.Request) -> web.Response:
        release = self._release()
        if self.state in {"bad_release", "wedged"}:
            reason = "migration 0032 is missing" if self.state == "bad_release" else "event loop blocked"
            return web.json_response({"status": "error", "version": release, "error": reason}, status=503)
        return web.json_response({"status": "ok", "version": release})


class WorkerService(WebService):
    """The export worker: its `/health`, and the loop that works only while it is well."""

    def __init__(self, port: int, queue: ExportQueue) -> None:
        """Serve what this queue's loop says about itself."""
        super().__init__(port)
        self._queue = queue

    async def enter(self, state: str) -> None:
        """Change how it answers; the loop works while it is up or slow."""
        await super().enter(state)
        self._queue.working = state in {"up", "slow"}

    def routes(self) -> list[web.RouteDef]:
        """Its health."""
        return [web.get("/health", self._health)]

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok", **self._queue.report()})


class SecureSite(WebService):
    """The public https site; what matters is its certificate."""

    states: ClassVar[Mapping[str, str]] = {
        **PLAIN_STATES,
        "bad_certificate": "its certificate comes from an authority that nobody trusts",
    }
    settings: ClassVar[Mapping[str, Setting]] = {
        **WebService.settings,
        "certificate_days": Setting("days until its certificate expires; below 0 it has expired", whole(-30, 400)),
    }

    def __init__(self, port: int, authority: Authority) -> None:
        """Serve with certificates of this authority."""
        super().__init__(port)
        self.certificate_days = 61
        self._authority = authority

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://127.0.0.1:{self.port}"

    def values(self) -> dict[str, object]:
        """The settable keys."""
        return {**super().values(), "certificate_days": self.certificate_days}

    def tls(self) -> ssl.SSLContext:
        """A fresh certificate each time it opens."""
        trusted = self._state != "bad_certificate"
        return self._authority.context(days=self.certificate_days, trusted=trusted)

    async def enter(self, state: str) -> None:
        """Change how it answers, with another certificate where that is what changes."""
        other = "bad_certificate" in {state, self._state}
        await super().enter(state)
        if other:
            await self.reopen()

    async def put(self, key: str, value: object) -> None:
        """Set one key; a new expiry means a new certificate."""
        await super().put(key, value)
        if key == "certificate_days":
            await self.reopen()

    def routes(self) -> list[web.RouteDef]:
        """Its page."""
        return [web.get("/", _page)]


async def _page(_: web.Request) -> web.Response:
    return web.Response(text="<!doctype html><title>Newsletter</title><h1>Newsletter</h1>", content_type="text/html")
