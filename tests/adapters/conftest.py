"""Real servers for the adapters: parts of the lab, each in the states that it can be put into."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adapters import redis
from adapters.redis import RedisServer
from bot.local.lab.calls import CallLog
from bot.local.lab.child import free_ports
from bot.local.lab.services import App
from bot.local.lab.valkey import ValkeyServer
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def port() -> int:
    """A port that nobody listens on."""
    return free_ports(1)[0]


@pytest.fixture
def calls(clock: FakeClock) -> CallLog:
    """What a vendor stand-in is asked."""
    return CallLog(clock)


@pytest.fixture
async def app(port: int) -> AsyncIterator[App]:
    """A web app that is up and runs v41."""
    made = App(port, lambda: "v41")
    await made.enter("up")
    yield made
    await made.close()


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """One Valkey for all tests that do not break it."""
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"), "shared", free_ports(1)[0])
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@pytest.fixture
async def own_valkey(tmp_path: Path, port: int) -> AsyncIterator[ValkeyServer]:
    """A Valkey that the test may break."""
    server = ValkeyServer(tmp_path, "own", port)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def server(valkey_server: ValkeyServer) -> AsyncIterator[RedisServer]:
    """The adapter's client of an empty Valkey."""
    made = redis.open(redis.Config.model_validate({"redis": valkey_server.url}))
    await made.client.flushall()
    yield made
    await made.close()
