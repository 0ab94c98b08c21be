"""Time as the bot has it: the machine's, or one that the demo moves on over a Unix socket."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self

from aiohttp import web


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Epoch milliseconds UTC that people see."""
        return self.wall()

    def wall(self) -> int:
        """Epoch milliseconds UTC of the machine."""
        return time.time_ns() // 1_000_000


def offset_file(socket: Path) -> Path:
    """Where the leader notes its offset for a bot that starts: beside the socket."""
    return socket.with_suffix(".offset")


class MovableClock:
    """Real time plus an offset that only grows. `wall` stays real, for leases."""

    def __init__(self, offset: int = 0, real: Callable[[], float] = time.time) -> None:
        self.offset = offset
        self._real = real

    def now(self) -> int:
        """Epoch milliseconds UTC that people see."""
        return self.wall() + self.offset

    def wall(self) -> int:
        """Epoch milliseconds UTC of the machine."""
        return int(self._real() * 1000)

    def advance(self, milliseconds: int) -> None:
        """Move on."""
        if milliseconds < 0:
            raise ValueError("A clock moves on, never back.")
        self.offset += milliseconds


class FollowerClock(MovableClock):
    """The bot's clock in the demo: starts at the leader's offset, moves when told over its socket."""

    @classmethod
    def started(cls, socket: Path) -> Self:
        """A clock at the leader's time from the first moment: a bot that starts again does not live in the past."""
        noted = offset_file(socket)
        return cls(int(noted.read_text())) if noted.exists() else cls()


class ClockControl:
    """The bot's side: a Unix socket that moves its clock and answers once `settle` has returned.

    `next_due` tells when something falls due next (epoch ms; None: never), so that the leader stops there on its way.
    """

    def __init__(
        self,
        clock: FollowerClock,
        settle: Callable[[], Awaitable[None]],
        next_due: Callable[[], Awaitable[int | None]] | None = None,
    ) -> None:
        self._clock, self._settle, self._next_due = clock, settle, next_due
        self._runner: web.AppRunner | None = None

    async def start(self, socket: Path) -> None:
        """Listen at the socket; one that a killed process left behind gives way."""
        app = web.Application()
        app.add_routes([web.get("/now", self._now), web.post("/advance", self._advance)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        socket.unlink(missing_ok=True)  # noqa: ASYNC240 - One system call at the start.
        await web.UnixSite(self._runner, str(socket)).start()

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _now(self, _request: web.Request) -> web.Response:
        told: dict[str, Any] = {"now": self._clock.now(), "offset": self._clock.offset}
        if self._next_due is not None:
            told["next_due"] = await self._next_due()
        return web.json_response(told)

    async def _advance(self, request: web.Request) -> web.Response:
        body = await request.json()
        milliseconds = body.get("ms") if isinstance(body, dict) else None
        if isinstance(milliseconds, bool) or not isinstance(milliseconds, int) or milliseconds < 0:
            return web.json_response({"error": "`ms` must be a whole number from 0."}, status=400)
        self._clock.advance(milliseconds)
        await self._settle()
        return await self._now(request)
