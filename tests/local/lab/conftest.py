"""Parts of the lab, each started alone; only `test_lab.py` starts all of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from bot.local.lab.child import free_ports
from bot.local.lab.postgres import Cluster
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
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A plain client."""
    async with httpx.AsyncClient(timeout=10) as client:
        yield client


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One initialised PostgreSQL directory, which servers are copied from."""
    made = asyncio.run(Cluster.create(tmp_path_factory.mktemp("lab") / "postgres"))
    yield made
    made.remove()
