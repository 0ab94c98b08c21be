"""One demo per database and test process; a fresh ledger and a fresh bot per test."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

import httpx
import psycopg
import pytest

from bot.checkup import DEMO_SETTINGS, app_manifest
from bot.local.demo import Demo, DemoOptions
from tests.empty import empty
from tests.smoke.forked import ForkedBot
from tests.smoke.late import LateClient
from tests.smoke.world import Seen, World

T = TypeVar("T")
_HERE = Path(__file__).parent
DATABASES = ("sqlite", "postgres")


class Stage:
    """A demo on a loop and thread of its own, so that it outlives each test's loop."""

    def __init__(self, database: str, directory: Path) -> None:
        self.database = database
        self._directory = directory
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="demo", daemon=True)
        self._thread.start()
        self.demo = Demo(
            DemoOptions(
                port=0,
                limits=False,
                directory=directory,
                database=database,
                manifest=app_manifest("http://127.0.0.1", socket_mode=False),
                settings=DEMO_SETTINGS,
                child=ForkedBot,
            )
        )

    def run(self, work: Coroutine[None, None, T]) -> T:
        """Run something on the demo's loop and wait for it."""
        return self.submit(work).result(timeout=120)

    def submit(self, work: Coroutine[None, None, T]) -> "Future[T]":
        """Run something on the demo's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Stop the demo and its loop."""
        self.run(self.demo.stop())
        self.run(_end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def wipe(self) -> None:
        """An empty ledger and an empty workspace; the bot must be down."""
        timeline = self.demo.server.workspace.timeline
        for written in (timeline._posts, timeline._threads, timeline.pins):
            written.clear()
        if self.database.startswith("sqlite:///"):
            path = Path(self.database.removeprefix("sqlite:///"))
            for suffix in ("", "-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
            return
        empty(self.database)


async def _end_tasks() -> None:
    """End what still waits on this loop, as asyncio.run does; otherwise asyncio says that it was destroyed."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


@pytest.fixture(scope="session", params=DATABASES)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The demo: lab, workspace and bot."""
    directory = tmp_path_factory.mktemp(f"demo-{request.param}")
    address = f"sqlite:///{directory / 'steward.db'}"
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        with psycopg.connect(server.superuser_dsn(), autocommit=True) as connection:
            connection.execute("create database smoke")
        address = server.superuser_dsn("smoke")
    stage = Stage(address, directory)
    try:
        stage.run(stage.demo.start())
        yield stage
    finally:
        stage.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Three demos per database, one after the other: most of a test's time is spent waiting.

    They come first, so that what is short fills the end.
    """
    on_stage = [
        item
        for item in items
        if isinstance(item, pytest.Function) and _HERE in item.path.parents and "stage" in item.fixturenames
    ]
    modules = list(dict.fromkeys(item.path for item in on_stage))
    for item in on_stage:
        group = f"{item.callspec.params['stage']}-{modules.index(item.path) % 3}"
        item.add_marker(pytest.mark.xdist_group(group))
    first = set(on_stage)
    items.sort(key=lambda item: item not in first)


@pytest.fixture
async def world(stage: Stage) -> AsyncIterator[World]:
    """The workspace, empty but for the first summary of a bot that knows nothing yet."""

    async def on_stage(work: Coroutine[None, None, T]) -> T:
        return await asyncio.wrap_future(stage.submit(work))

    async def restart() -> None:
        await on_stage(stage.demo.restart_bot())

    async def kill() -> None:
        await on_stage(stage.demo.kill_bot())

    await on_stage(stage.demo.bot.kill())
    stage.wipe()
    await on_stage(stage.demo.bot.start())
    async with httpx.AsyncClient(base_url=stage.demo.url, timeout=15, trust_env=False) as client:
        world = World(client, restart=restart, kill=kill)
        # Every client has made its first call then, so that no later message is late for a reason of its own.
        await world.sees("First summary")
        yield world
        await world.restore()


@pytest.fixture
def late(stage: Stage) -> Callable[..., Awaitable[int]]:
    """Press a button of a message as it was seen earlier; the status of the bot's acknowledgement."""

    async def press(seen: Seen, action_id: str, *, by: str, value: str = "") -> int:
        work = LateClient(stage.demo.server).press(seen, action_id, by, value)
        return (await asyncio.wrap_future(stage.submit(work))).status

    return press
