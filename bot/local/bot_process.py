"""The bot as the demo's child process: started, watched, started again when it dies."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import aiohttp

from bot.local.lab.child import Child, ServerFailedError, free_ports

READY_WITHIN_S = 40.0
WATCH_S = 0.25
SERVE = (sys.executable, "-m", "bot", "serve")
_log = logging.getLogger(__name__)


class BotProcess:
    """One bot on one port of the loopback; its address stays the same over restarts."""

    def __init__(
        self,
        environment: Mapping[str, str],
        directory: Path,
        arguments: tuple[str, ...] = SERVE,
        child: type[Child] = Child,
    ) -> None:
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = directory / "bot.log"
        here = {"STEWARD_HOST": "127.0.0.1", "STEWARD_PORT": str(self.port)}
        self._child = child(arguments, log=self.log, environment={**environment, **here})
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid

    async def start(self) -> None:
        """Start it, wait until it is ready, and keep it alive from now on.

        Raises `ServerFailedError` where it does not become ready.
        """
        await self._child.start(self._ready, within=READY_WITHIN_S)
        self._watch = asyncio.create_task(self._keep_alive())

    async def stop(self) -> None:
        """Ask it to end, and wait for it."""
        await self._leave_alone()
        await self._child.stop()

    async def kill(self) -> None:
        """End it at once, as a crash would; it stays down until it is started."""
        await self._leave_alone()
        if self._child.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._child.pid, signal.SIGKILL)
        await self._child.stop()

    async def _leave_alone(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            if not self._child.running:
                _log.warning("The bot has died; starting it again. It wrote to %s", self.log)
                try:
                    await self._child.start(self._ready, within=READY_WITHIN_S)
                except (ServerFailedError, OSError):
                    _log.exception("The bot does not start; trying again")

    async def _ready(self) -> bool:
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(1)) as session,
                session.get(f"{self.url}/readyz") as answer,
            ):
                return answer.status == 200
        except (TimeoutError, aiohttp.ClientError, OSError):
            return False
