"""What is refused with the reason and the safe way (row A14)."""

import shlex

import pytest

from bot.domain.forbidden import refusal, refusal_of_arguments

REFUSED = [
    pytest.param("prisma db push", "SELECT 1", id="prisma db push changes the schema"),
    pytest.param("npx prisma@5 db push --accept-data-loss", "SELECT 1", id="also through npx"),
    pytest.param("prisma --schema a.prisma db push", "SELECT 1", id="also with options before"),
    pytest.param("./node_modules/.bin/prisma db push", "SELECT 1", id="also by its path"),
    pytest.param("npx prisma migrate reset --force", "backup", id="migrate reset drops the database"),
    pytest.param("redis-cli -h cache FLUSHALL", "prefix", id="FLUSHALL deletes everything"),
    pytest.param("redis-cli FLUSH'ALL'", "prefix", id="also in quotes"),
    pytest.param("redis-cli FLU\\SHALL", "prefix", id="also behind a backslash"),
    pytest.param("redis-cli flushdb async", "prefix", id="FLUSHDB deletes queues"),
    pytest.param("redis-cli eval \"redis.call('FLUSHALL')\" 0", "prefix", id="also inside a script"),
    pytest.param("docker volume prune -f", "docker volume ls", id="volume prune deletes data"),
    pytest.param("docker --context prod volume prune", "docker volume ls", id="also with a context"),
    pytest.param("sh -c 'cd /srv && docker volume prune'", "docker volume ls", id="also inside a shell"),
    pytest.param("docker exec app sh -c 'npx prisma db push'", "SELECT 1", id="also inside a container"),
]
ALLOWED = [
    pytest.param("prisma migrate deploy", id="reviewed migrations may be applied"),
    pytest.param("prisma db pull", id="reading the schema is harmless"),
    pytest.param("redis-cli ping", id="a ping is harmless"),
    pytest.param("docker volume ls", id="listing volumes is harmless"),
    pytest.param("docker image prune", id="images can be built again"),
    pytest.param("echo", id="a single word"),
]


@pytest.mark.parametrize(("command", "safe"), REFUSED)
def test_it_is_refused_with_the_safe_way(command: str, safe: str) -> None:
    """The text names what was asked, why not, and what to do instead; as a list and as a line."""
    as_list, as_text = refusal_of_arguments(shlex.split(command)), refusal(f"please run {command}")

    assert as_list is not None
    assert as_list == as_text
    assert safe in as_list.instead
    assert safe in str(as_list)


@pytest.mark.parametrize("command", ALLOWED)
def test_it_is_allowed(command: str) -> None:
    """Neighbours of what is refused are not refused."""
    assert refusal_of_arguments(shlex.split(command)) is None
    assert refusal(command) is None


def test_flushdb_is_allowed_where_no_queue_lives() -> None:
    """A database of cache keys alone may be emptied; all databases together never."""
    assert refusal_of_arguments(["redis-cli", "FLUSHDB"], holds_queues=False) is None
    assert refusal_of_arguments(["redis-cli", "FLUSHALL"], holds_queues=False) is not None


@pytest.mark.parametrize("text", ["", "   ", "it's broken", "a 'b; FLUSHDB", "prisma", "docker volume"])
def test_any_text_can_be_looked_at(text: str) -> None:
    """Text from people need not be a command; an open quote hides nothing."""
    found = refusal(text)

    assert ("FLUSHDB" in text) == (found is not None)
