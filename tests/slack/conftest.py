"""The Slack side of the bot against the local workspace, over HTTP and by Socket Mode."""

from collections.abc import AsyncIterator

import pytest

from bot.store import Ledger, open_ledger
from tests.slack.world import SlackWorld, slack_world


@pytest.fixture
async def memory_ledger() -> AsyncIterator[Ledger]:
    """A ledger for what these tests only pass through: audit rows, the last good copy of a group."""
    opened = await open_ledger("sqlite:///:memory:")
    yield opened
    await opened.close()


@pytest.fixture
async def world(memory_ledger: Ledger) -> AsyncIterator[SlackWorld]:
    """Connected over HTTP."""
    async with slack_world(memory_ledger) as opened:
        yield opened


@pytest.fixture(params=[False, True], ids=["http", "socket mode"])
async def either_world(request: pytest.FixtureRequest, memory_ledger: Ledger) -> AsyncIterator[SlackWorld]:
    """Connected over HTTP, and once more by Socket Mode."""
    async with slack_world(memory_ledger, socket_mode=request.param) as opened:
        yield opened
