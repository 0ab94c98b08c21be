"""Commands that must never run from here: refused with the reason and the safe way."""

import pytest

from bot.domain.forbidden import refusal
from tests.smoke.world import World


@pytest.mark.row("A14")
@pytest.mark.parametrize(
    ("command", "safe"),
    [
        ("npx prisma db push", "SELECT 1"),
        ("npx prisma migrate reset --force", "restore a branch or a backup"),
        ("redis-cli FLUSHALL", "delete keys by a prefix"),
        ("redis-cli -n 0 flushdb", "by their prefix"),
        ("docker volume prune -f", "by its name"),
        ("docker  volume   prune", "by its name"),
    ],
)
def test_each_is_refused_with_the_safe_way(command: str, safe: str) -> None:
    """The text says what to do instead."""
    assert safe in str(refusal(command))


@pytest.mark.parametrize(
    "command", ["redis-cli PING", "docker compose up -d app", "npx prisma migrate deploy", "vacuum"]
)
def test_what_is_safe_is_not_refused(command: str) -> None:
    """The table names what loses data, nothing else."""
    assert refusal(command) is None


@pytest.mark.row("A14")
async def test_asked_for_in_slack_it_is_refused_with_the_reason(world: World) -> None:
    """A person who asks for the runbook's old command learns the safe way, and nothing runs."""
    seen = await world.user("sre").types("/queue newsletter FLUSHDB").sees("FLUSHDB")

    assert "by their prefix" in seen.words
