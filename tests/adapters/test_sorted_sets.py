"""A queue of two sorted sets, on a real Valkey."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from adapters import sorted_sets
from adapters.redis import RedisServer
from adapters.sorted_sets import SortedSetQueue
from bot.domain.errors import Rejected
from bot.domain.timing import HOUR, MINUTE
from bot.ports import Job
from tests.adapters.contracts import NOW, ClearableContract

KEYS = {"waiting": "export-jobs", "processing": "export-jobs:processing"}


class RealClearable:
    """Hands for the real queue; `unit` is how many milliseconds a score counts."""

    def __init__(self, client: Redis, unit: int) -> None:
        self.queue = SortedSetQueue(client, key="export-jobs")
        self._client = client
        self._unit = unit

    async def put(self, place: str, name: str, since: int) -> None:
        await self._client.zadd(KEYS[place], {json.dumps({"id": name}): since / self._unit})

    async def names(self, place: str) -> set[str]:
        return {json.loads(str(member))["id"] for member in await self._client.zrange(KEYS[place], 0, -1)}


class TestClearable(ClearableContract):
    @pytest.fixture(params=[1, 1000], ids=["milliseconds", "seconds"])
    def clearable(self, server: RedisServer, request: pytest.FixtureRequest) -> RealClearable:
        """An empty queue whose workers score in one unit of time."""
        return RealClearable(server.client, request.param)


@pytest.fixture
def queue(server: RedisServer) -> SortedSetQueue:
    """The queue with its usual limits."""
    return SortedSetQueue(server.client, key="export-jobs")


async def test_the_state_counts_both_units_side_by_side(server: RedisServer, queue: SortedSetQueue) -> None:
    """A fleet in the middle of a change writes seconds and milliseconds; both are read as times."""
    await server.client.zadd(
        "export-jobs", {"a": NOW - 2 * MINUTE, "b": (NOW - 3 * MINUTE) / 1000, "c": NOW - 25 * HOUR}
    )
    await server.client.zadd("export-jobs:processing", {"d": NOW, "e": (NOW - HOUR) / 1000})

    state = await queue.state(NOW)

    assert (3, 2, 25 * HOUR, 1, 1) == (state.waiting, state.active, state.oldest_ms, state.expired, state.stuck)
    assert (None, None, False) == (state.failed, state.delayed, state.paused)


@pytest.mark.parametrize("score", ["-inf", "+inf", "-5", "1e300"])
async def test_an_entry_whose_score_is_no_time_is_told_and_never_counts_as_old(
    server: RedisServer, queue: SortedSetQueue, score: str
) -> None:
    """Such an entry hides neither the others nor how old they are, and is never removed as expired or stuck."""
    for key in KEYS.values():
        await server.client.zadd(key, {"odd": float(score), '{"id": "old"}': NOW - 25 * HOUR})

    state = await queue.state(NOW)

    assert (2, 25 * HOUR, 1, 1) == (state.waiting, state.oldest_ms, state.expired, state.stuck)
    assert "2 entries whose score is no time" == state.unreadable
    assert ["old"] == [job.id for job in await queue.expired(NOW, 24 * HOUR)]
    assert ["old"] == [job.id for job in await queue.stuck(NOW, HOUR)]


async def test_an_empty_queue_has_no_oldest(queue: SortedSetQueue) -> None:
    """Nothing waits, so nothing has an age."""
    assert await queue.state(NOW) == await queue.state(NOW + HOUR)
    assert (await queue.state(NOW)).oldest_ms is None


async def test_a_score_with_a_fraction_is_matched_exactly(server: RedisServer, queue: SortedSetQueue) -> None:
    """Python's time.time() has fractions; the number makes its way to Redis and back unchanged."""
    score = NOW / 1000 - 7200.1234567
    await server.client.zadd("export-jobs:processing", {"job": score})

    (job,) = await queue.stuck(NOW, HOUR)
    removed = await queue.remove([job])
    await queue.put_back([job])

    assert ["job"] == removed
    assert score == await server.client.zscore("export-jobs:processing", "job")


@pytest.mark.parametrize(
    "member",
    [
        pytest.param(b"\xff\xfe\x00raw", id="bytes that are no text"),
        pytest.param(b"base64:abc", id="text that looks like our own mark"),
        pytest.param("größer \U0001f600".encode(), id="text beyond ASCII"),
        pytest.param(b'{"id": "x",  "spaces": 2}', id="JSON with its own spacing"),
        pytest.param(b'"just-a-string"', id="JSON that is no object"),
        pytest.param(b"[" * 100_000, id="JSON nested too deep to be read"),
    ],
)
async def test_any_member_is_put_back_byte_for_byte(server: RedisServer, queue: SortedSetQueue, member: bytes) -> None:
    """The journal holds text that every database takes; the queue gets its own bytes back."""
    await server.client.zadd("export-jobs:processing", {member: NOW - HOUR})
    (job,) = await queue.stuck(NOW, MINUTE)
    job.payload.encode()  # Text for any database: no lone surrogates.

    removed, back = await queue.remove([job]), await queue.put_back([job])

    assert removed == back == [job.id]
    assert "\0" not in job.payload
    assert NOW - HOUR == await server.client.zscore("export-jobs:processing", member)


@given(st.binary(min_size=1))
def test_a_payload_is_text_for_every_database_and_comes_back_as_the_same_bytes(member: bytes) -> None:
    """Whatever a producer put there."""
    payload = sorted_sets._payload(member.decode("utf-8", "surrogateescape"))

    assert member == sorted_sets._member(payload)
    assert "\0" not in payload
    assert payload.encode()


async def test_entries_of_the_same_id_are_told_apart(server: RedisServer, queue: SortedSetQueue) -> None:
    """A plan freezes ids, so each must mean one entry."""
    members = {json.dumps({"id": "job-1", "try": number}): NOW - HOUR - number for number in range(3)}
    await server.client.zadd("export-jobs:processing", members)

    jobs = await queue.stuck(NOW, MINUTE)

    assert 3 == len({job.id for job in jobs})
    assert [jobs[1].id] == await queue.remove([jobs[1]])


async def test_what_waits_again_is_not_put_back(server: RedisServer, queue: SortedSetQueue) -> None:
    """Putting it back would have it done twice."""
    job = Job("job", "job", payload="job", score=NOW - HOUR)
    await server.client.zadd("export-jobs", {"job": NOW})

    assert [] == await queue.put_back([job])


async def test_a_title_from_outside_is_short_and_without_credentials(
    server: RedisServer, queue: SortedSetQueue
) -> None:
    """People read titles in the channel."""
    member = json.dumps({"id": "7", "type": "export\n<!channel> token=hunter2 " + "x" * 500})
    await server.client.zadd("export-jobs:processing", {member: NOW - HOUR})

    (job,) = await queue.stuck(NOW, MINUTE)

    assert "hunter2" not in job.title
    assert "\n" not in job.title
    assert len(job.title) <= 200


async def test_a_key_of_another_type_is_refused(server: RedisServer, queue: SortedSetQueue) -> None:
    """A configuration that names a list is told so by Redis's own words."""
    await server.client.lpush("export-jobs", "x")

    with pytest.raises(Rejected, match="WRONGTYPE"):
        await queue.state(NOW)


@pytest.mark.parametrize(
    "member",
    [
        pytest.param("jane@example.com:hunter2", id="a text that is no id"),
        pytest.param("xoxb-123456789-abcdefgh", id="a token that looks like an id"),
        pytest.param('{"password": "hunter2", "to": "jane@example.com"}', id="JSON without an id"),
        pytest.param('{"id": "jane@example.com hunter2", "type": "export"}', id="JSON with an odd id"),
        pytest.param('["hunter2", "jane@example.com"]', id="JSON that is no object"),
    ],
)
async def test_an_entry_that_is_no_plain_id_does_not_show_its_words(
    server: RedisServer, queue: SortedSetQueue, member: str
) -> None:
    """Producers put whole requests there; people see what tells entries apart, and the entry is still removed."""
    await server.client.zadd("export-jobs:processing", {member: NOW - HOUR})

    (job,) = await queue.stuck(NOW, MINUTE)

    for word in ("hunter2", "jane", "xoxb"):
        assert word not in f"{job.id} {job.title}"
    assert [job.id] == await queue.remove([job])
