"""What an operator sees of the running bot: whether it is ready, why not, and how it stops."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import httpx
import psycopg

from tests.smoke.conftest import Stage
from tests.smoke.world import World


async def unready(stage: Stage) -> str:
    """Why the bot is not ready; empty where it is."""
    async with httpx.AsyncClient(base_url=stage.demo.bot.url, timeout=5, trust_env=False) as client:
        try:
            answer = await client.get("/readyz")
        except httpx.TransportError:
            return "gone"
        return "" if answer.is_success else answer.text.strip()


async def test_a_ledger_that_takes_nothing_makes_the_bot_unready(stage: Stage, world: World) -> None:
    """While the ledger is locked it can be read, but nothing can be kept: readiness says so, and when it is over."""

    async def not_ready() -> str:
        return await unready(stage)

    async def ready() -> bool:
        return not await unready(stage)

    with locked(stage.database):
        reason = await world.until(not_ready, lambda: "the bot is ready over a locked ledger")

    assert "ledger" in reason
    await world.until(ready, lambda: "the bot did not become ready again")


async def test_at_a_stop_requests_are_refused_before_the_engine_ends(stage: Stage, world: World) -> None:
    """While a message is in mid-send, nothing more is taken: it would be carried out by nobody until the next start."""
    sre = world.user("sre")
    await world.fault("chat.postMessage", "timeout")
    await sre.types("/incident open P3 newsletter in time")
    stopping = asyncio.wrap_future(stage.submit(stage.demo.bot.stop()))

    async def is_stopping() -> bool:
        return await unready(stage) == "stopping"

    await world.until(is_stopping, lambda: "the bot never said that it stops")
    late = await sre.types("/incident open P3 too late")
    await stopping

    assert 200 != late["status"]
    await world.restart_bot()
    listed = await sre.types("/incident list").sees("in time")
    assert "too late" not in listed.words


@contextmanager
def locked(database: str) -> Iterator[None]:
    """While somebody else holds the ledger."""
    if database.startswith("sqlite:///"):
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            connection.execute("begin immediate")
            yield
        return
    with psycopg.connect(database) as connection:
        connection.execute("lock table counter in exclusive mode")
        yield
