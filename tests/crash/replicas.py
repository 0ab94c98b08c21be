"""The bot as real processes: `steward serve`, killed with SIGKILL and started again at once."""

import asyncio
import os
import secrets
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bot.local.lab.child import Child, free_ports

CONFIG = Path(__file__).parent / "config"


@dataclass(slots=True)
class Replica:
    """One process. `ready` while it answers `/readyz`."""

    number: int
    environment: dict[str, str]
    log: Path
    port: int = 0
    ready: bool = False
    _child: Child | None = None

    @property
    def url(self) -> str:
        """Where Slack reaches it."""
        return f"http://127.0.0.1:{self.port}/slack/events"

    async def start(self) -> None:
        """Start the process and return once it is ready."""
        self.port = free_ports(1)[0]
        self._child = Child(
            [sys.executable, "-m", "bot", "serve"],
            log=self.log,
            environment=self.environment | {"STEWARD_PORT": str(self.port)},
        )
        await self._child.start(self._answers, within=60)
        self.ready = True

    async def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        self.ready = False
        if self._child is not None and self._child.pid is not None:
            os.kill(self._child.pid, signal.SIGKILL)
            await self._child.stop()

    async def freeze(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after a while: a machine that was suspended, or had no processor for it."""
        if self._child is None or self._child.pid is None:
            return
        self.ready, frozen = False, self._child.pid
        os.kill(frozen, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        if self._child.pid == frozen:
            os.kill(frozen, signal.SIGCONT)
            self.ready = True

    def runs(self, owner: str) -> bool:
        """Whether the ledger means this process."""
        return self._child is not None and f":{self._child.pid}:" in owner

    async def stop(self) -> None:
        """End it gracefully."""
        self.ready = False
        if self._child is not None:
            await self._child.stop()

    async def _answers(self) -> bool:
        try:
            async with (
                aiohttp.ClientSession(trust_env=False) as session,
                session.get(f"http://127.0.0.1:{self.port}/readyz") as answer,
            ):
                return answer.status == 200
        except (aiohttp.ClientError, OSError):
            await asyncio.sleep(0.05)
            return False


@dataclass(slots=True)
class Fleet:
    """All replicas of one run."""

    database: str
    outside: str
    directory: Path
    size: int
    secret: str = field(default_factory=lambda: secrets.token_hex(16))
    replicas: list[Replica] = field(default_factory=list)

    async def start(self) -> None:
        """Start all replicas at once."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "STEWARD_CONFIG": str(CONFIG),
            "STEWARD_DATABASE": self.database,
            "STEWARD_HOST": "127.0.0.1",
            "SLACK_API_URL": f"{self.outside}/api/",
            "SLACK_BOT_TOKEN": "xoxb-crash",
            "SLACK_SIGNING_SECRET": self.secret,
            "CRASH_OUTSIDE_URL": self.outside,
        }
        self.replicas = [
            Replica(number, environment, self.directory / f"replica-{number}.log") for number in range(self.size)
        ]
        await asyncio.gather(*(replica.start() for replica in self.replicas))

    @property
    def ready(self) -> list[Replica]:
        """Those that can be asked now."""
        return [replica for replica in self.replicas if replica.ready]

    async def stop(self) -> None:
        """End all of them."""
        await asyncio.gather(*(replica.stop() for replica in self.replicas))
