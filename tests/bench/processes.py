"""The processes of a run: Slack, the peer and the bot, each on a free port of the loopback."""

import json
import os
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bot.local.lab.child import Child, free_ports, listens

ROOT = Path(__file__).parents[2]
SERVE = ("-m", "bot", "serve")
SECRET = secrets.token_hex(16)


@dataclass(slots=True)
class Process:
    """One Python process that listens on a port. `ready` is the path that answers 200, or empty: any connection."""

    arguments: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: str = "/readyz"
    port: int = 0
    _child: Child | None = None

    async def start(self) -> float:
        """Start it; the seconds until it was ready."""
        self.port = self.port or free_ports(1)[0]
        own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "STEWARD_PORT": str(self.port)}
        log = self.directory / f"{self.port}.log"
        self._child = Child([sys.executable, *self.arguments], log=log, environment={**self.environment, **own})
        started = time.perf_counter()
        await self._child.start(self._answers, within=60)
        return time.perf_counter() - started

    async def stop(self) -> None:
        """Ask it to end, and wait for it."""
        if self._child is not None:
            await self._child.stop()

    @property
    def pid(self) -> int:
        """Its process id."""
        if self._child is None or self._child.pid is None:
            raise RuntimeError("the process does not run")
        return self._child.pid

    @property
    def processor(self) -> float:
        """Processor seconds that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def _answers(self) -> bool:
        if not self.ready:
            return await listens(self.port)
        try:
            async with (
                aiohttp.ClientSession(trust_env=False, timeout=aiohttp.ClientTimeout(2)) as session,
                session.get(f"http://127.0.0.1:{self.port}{self.ready}") as answer,
            ):
                return answer.status == 200
        except (TimeoutError, aiohttp.ClientError, OSError):
            return False


def environment(config: Path, database: str, slack: str) -> dict[str, str]:
    """What a bot is told."""
    return {
        "STEWARD_CONFIG": str(config),
        "STEWARD_DATABASE": database,
        "STEWARD_HOST": "127.0.0.1",
        "SLACK_API_URL": f"{slack}/api/",
        "SLACK_BOT_TOKEN": "xoxb-bench",
        "SLACK_SIGNING_SECRET": SECRET,
        "BENCH_SLACK_URL": slack,
    }


def configuration(directory: Path, system: Mapping[str, object] | None = None) -> Path:
    """A folder with the bench's `steward.yaml` and one system; JSON is YAML."""
    (directory / "systems").mkdir(parents=True)
    text = (Path(__file__).parent / "steward.yaml").read_text(encoding="utf-8")
    (directory / "steward.yaml").write_text(text, encoding="utf-8")
    shop = system or {"system": "shop", "title": "Shop", "connections": {"web": {"http": "http://127.0.0.1:9"}}}
    (directory / "systems" / "shop.yaml").write_text(json.dumps(shop), encoding="utf-8")
    return directory
