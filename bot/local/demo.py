"""`steward demo`: the lab, the workspace and the bot as one thing that starts, answers and stops."""

import asyncio
import json
import shutil
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Self

import click

from bot.domain.errors import Unavailable
from bot.local.bot_process import SERVE, BotProcess
from bot.local.clock import DemoClock
from bot.local.lab import Lab
from bot.local.lab.child import Child, ServerFailedError
from bot.local.page import page_routes
from bot.local.workspace.server import Options, Server
from bot.local.workspace.state import Workspace
from bot.local.workspace.values import Json
from bot.settings import environment


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What a demo can be told. `directory` None: a temporary one; `manifest` None: the one that the bot prints."""

    port: int = 8400
    socket_mode: bool = False
    limits: bool = True
    config: Path = Path("config")
    manifest: Json | None = None
    with_lab: bool = True
    directory: Path | None = None
    database: str = ""
    serve: tuple[str, ...] = SERVE
    child: type[Child] = Child
    settings: dict[str, str] = field(default_factory=dict)


class Demo:
    """A running demo. Use it as a context manager, or call `start` and `stop`."""

    def __init__(self, options: DemoOptions) -> None:
        self._options = options
        self._stack = AsyncExitStack()
        self.clock = DemoClock()
        self.directory = Path()
        self._lab: Lab | None = None
        self._server: Server | None = None
        self._bot: BotProcess | None = None

    @property
    def url(self) -> str:
        """The workspace's address."""
        return self.server.workspace.url

    @property
    def server(self) -> Server:
        """The workspace's server; only while it runs."""
        if self._server is None:
            raise RuntimeError("the demo is not running")
        return self._server

    @property
    def bot(self) -> BotProcess:
        """The bot's process; only while the demo runs."""
        if self._bot is None:
            raise RuntimeError("the demo is not running")
        return self._bot

    async def start(self) -> str:
        """Start lab, workspace and bot; returns the workspace's address once the bot is ready."""
        try:
            return await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop all of it: the bot first, then the workspace, then the lab."""
        await self._stack.aclose()

    async def kill_bot(self) -> None:
        """Kill the bot; it stays down until `restart_bot`."""
        await self.bot.kill()

    async def restart_bot(self) -> None:
        """Start the bot again, at the same address and with the same ledger."""
        await self.bot.stop()
        await self.bot.start()

    async def _start(self) -> str:
        options = self._options
        self.directory = options.directory or Path(mkdtemp(prefix="steward-demo-"))
        if options.directory is None:
            self._stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        if options.with_lab:
            self._lab = await Lab.start(self.directory / "lab", self.clock)
            self._stack.push_async_callback(self._lab.stop)
        workspace = Workspace(self.clock, manifest=await self._manifest(), lab=self._lab)
        ways = Options(port=options.port, limits=options.limits, socket_mode=options.socket_mode)
        self._server = Server(workspace, ways, page_routes)
        self._stack.push_async_callback(self._server.stop)
        await self._server.start()
        self._bot = BotProcess(self._environment(workspace), self.directory, options.serve, options.child)
        self._server.app_url = f"{self._bot.url}/slack/events"
        if self._lab is not None:
            self._lab.webhook_url = f"{self._bot.url}/pagerduty/webhook"
        self._stack.push_async_callback(self._bot.stop)
        self.clock.follow(self._clock_socket)
        await self._bot.start()
        return workspace.url

    async def _manifest(self) -> Json | None:
        if self._options.manifest is not None or self._options.serve != SERVE:
            return self._options.manifest
        return await shipped_manifest(socket_mode=self._options.socket_mode)

    @property
    def _clock_socket(self) -> Path:
        return self.directory / "clock.sock"

    def _environment(self, workspace: Workspace) -> dict[str, str]:
        """All that the bot is told. What this process was told about Slack does not reach it: the demo stays here."""
        options, known = self._options, workspace.credentials
        inherited = {key: value for key, value in environment().items() if not key.startswith(("SLACK_", "STEWARD_"))}
        path = inherited.get("PATH", "")
        database = options.database or f"sqlite:///{self.directory / 'steward.db'}"
        return {
            **inherited,
            **(self._lab.environment() if self._lab else {}),
            "PATH": f"{self._lab.path}:{path}" if self._lab else path,
            **{f"SLACK_USER_{user.name.upper()}": user.id for user in workspace.users},
            **{f"SLACK_GROUP_{group.handle.upper()}": group.id for group in workspace.directory.groups.values()},
            "SLACK_API_URL": f"{workspace.url}/api/",
            "SLACK_BOT_TOKEN": known.bot_token,
            "SLACK_SIGNING_SECRET": known.signing_secret,
            "SLACK_APP_TOKEN": known.app_token if options.socket_mode else "",
            "STEWARD_CONFIG": str(options.config.resolve()),
            "STEWARD_DATABASE": database,
            "STEWARD_CLOCK_SOCKET": str(self._clock_socket),
            **options.settings,
        }

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


async def run(options: DemoOptions) -> None:
    """Run a demo with these options until SIGINT or SIGTERM; prints where it answers."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    demo = Demo(options)
    starting = asyncio.create_task(demo.start())
    stopped = asyncio.create_task(ended.wait())
    await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if not starting.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return
        try:
            url = await starting
        except (ServerFailedError, OSError) as error:
            raise Unavailable(f"The demo did not start: {error}") from error
        click.echo(f"Steward's workspace is at {url}/ (stop it with Ctrl-C)")
        sys.stdout.flush()
        await stopped
    finally:
        stopped.cancel()
        await demo.stop()


async def shipped_manifest(*, socket_mode: bool) -> Json:
    """The app manifest of the bot beside us, as its command line prints it: the workspace installs the app by it."""
    arguments = [sys.executable, "-m", "bot", "manifest", *(["--socket"] if socket_mode else [])]
    process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    if process.returncode:
        raise ServerFailedError("the bot cannot print its manifest; its own words are above")
    manifest: Json = json.loads(printed)
    return manifest
