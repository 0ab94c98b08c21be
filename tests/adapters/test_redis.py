"""Health of a Redis server, against a real Valkey in its states."""

import json

import pytest
from redis import exceptions

from adapters import redis
from adapters.redis import RedisServer, once, redis_errors
from bot.domain.errors import BadAnswer, NotDone, OutcomeUnknown, Rejected, TargetError, Unauthorized, Unreachable
from bot.local.lab.valkey import ValkeyServer
from tests.adapters.serving import silent, speaking

EVAL = "User steward has no permissions to run the 'evalsha' command"
WITHIN = "ACL failure in script: User steward has no permissions to run the 'xadd' command script: 4ca2, on @user:2."
WITHIN_6 = "The user executing the script can't run this command or subcommand"


def opened(address: str) -> RedisServer:
    """The adapter, as wiring opens it."""
    return redis.open(redis.Config.model_validate({"redis": address}))


async def test_a_server_that_answers_is_measured_in_time(server: RedisServer) -> None:
    """A ping takes some milliseconds."""
    measured = await server.ping()

    assert "ms" == measured.unit
    assert measured.value is not None


async def test_memory_is_measured_against_the_servers_limit(server: RedisServer) -> None:
    """Percent of `maxmemory` where one is set, else of the machine's memory."""
    without = await server.memory_used()
    await server.client.config_set("maxmemory", 100 * 1024 * 1024)
    within = await server.memory_used()
    await server.client.config_set("maxmemory", 0)

    assert "%" == within.unit
    assert 0 <= (without.value or 0) < (within.value or 0) < 100


@pytest.mark.parametrize(
    ("policy", "notes"),
    [
        pytest.param("noeviction", 0, id="nothing is thrown away"),
        pytest.param("allkeys-lru", 1, id="any key may go"),
        pytest.param("volatile-lru", 1, id="locks of jobs may go"),
    ],
)
async def test_an_evicting_policy_is_noted(server: RedisServer, policy: str, notes: int) -> None:
    """Queues lose jobs when their Redis throws keys away; the note says what to set."""
    await server.client.config_set("maxmemory-policy", policy)
    measured = await server.policy()
    await server.client.config_set("maxmemory-policy", "noeviction")

    assert policy == measured.detail
    assert notes == len(measured.notes)
    assert all("noeviction" in note for note in measured.notes)


async def test_a_server_that_wants_a_password_is_our_own_trouble(own_valkey: ValkeyServer) -> None:
    """It is up; what we lack is the password, whether the connection is new or was thrown out."""
    server = opened(own_valkey.url)
    await server.ping()
    await own_valkey.lock()

    for _ in range(2):
        with pytest.raises(Unauthorized, match="wants a password that we do not have"):
            await server.ping()

    await server.close()


async def test_an_idle_connection_that_the_server_closed_is_no_outage(own_valkey: ValkeyServer) -> None:
    """A server may close idle connections or restart between two checks; the next check uses a new one."""
    server = opened(own_valkey.url)
    await server.ping()
    await own_valkey.stop()
    await own_valkey.start()

    measured = await server.ping()

    assert "ms" == measured.unit
    await server.close()


async def test_a_server_that_is_down_is_unreachable(port: int) -> None:
    """Nobody listens."""
    server = opened(f"redis://:hunter2@127.0.0.1:{port}/0")

    with pytest.raises(Unreachable, match="redis refuses connections") as caught:
        await server.ping()

    assert "hunter2" not in str(caught.value)
    await server.close()


async def test_a_server_that_speaks_something_else_cannot_be_read() -> None:
    """Garbage is no outage that we can vouch for."""
    async with speaking(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        server = opened(f"redis://127.0.0.1:{port}/0")
        with pytest.raises(BadAnswer, match="not Redis"):
            await server.ping()
        await server.close()


async def test_a_server_that_never_answers_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading has a limit of its own."""
    monkeypatch.setattr(redis, "SECONDS", 0.2)

    async with silent() as port:
        server = opened(f"redis://127.0.0.1:{port}/0")
        with pytest.raises(Unreachable, match=r"no answer within 0\.2 s"):
            await server.ping()
        await server.close()


@pytest.mark.parametrize(
    ("raised", "changing", "error"),
    [
        pytest.param(exceptions.TimeoutError("Timeout reading"), False, Unreachable, id="a late answer is down"),
        pytest.param(exceptions.TimeoutError("Timeout reading"), True, OutcomeUnknown, id="of a change, unknown"),
        pytest.param(
            exceptions.TimeoutError("Timeout connecting to server"),
            True,
            NotDone,
            id="what never left did not happen",
        ),
        pytest.param(exceptions.ConnectionError("Connection closed"), True, OutcomeUnknown, id="a change broken off"),
        pytest.param(exceptions.ConnectionError("Error 111 connecting to h"), True, NotDone, id="a change refused"),
        pytest.param(exceptions.NoPermissionError("no"), True, Unauthorized, id="a command that we may not give"),
        pytest.param(exceptions.NoPermissionError(EVAL), True, Unauthorized, id="a script that we may not run"),
        pytest.param(exceptions.NoPermissionError(WITHIN), True, OutcomeUnknown, id="a script that was cut off"),
        pytest.param(exceptions.NoPermissionError(WITHIN_6), True, OutcomeUnknown, id="in the words of Redis 6"),
        pytest.param(exceptions.NoPermissionError(WITHIN), False, Unauthorized, id="which only read"),
        pytest.param(exceptions.BusyLoadingError("loading"), False, Unreachable, id="still loading"),
        pytest.param(exceptions.BusyLoadingError("loading"), True, NotDone, id="a change while it is still loading"),
        pytest.param(exceptions.ResponseError("WRONGTYPE key"), False, Rejected, id="a key of another type"),
        pytest.param(exceptions.ResponseError("OOM command"), True, Rejected, id="a change turned away"),
        pytest.param(exceptions.ResponseError("ERR in script"), True, OutcomeUnknown, id="a change that broke off"),
        pytest.param(exceptions.DataError("odd"), False, BadAnswer, id="anything else"),
    ],
)
def test_a_failure_means(raised: Exception, changing: bool, error: type[TargetError]) -> None:
    """What may have happened is never called down, and what cannot have happened is never called unknown."""
    with pytest.raises(TargetError, match=r"^clear: ") as caught, redis_errors("clear", changing=changing):
        raise raised

    assert error is type(caught.value)


@pytest.mark.parametrize(
    ("denied", "error", "done"),
    [
        pytest.param("-xadd", OutcomeUnknown, 0, id="within a script: what came before it is done"),
        pytest.param("-eval", Unauthorized, 1, id="the script itself: nothing ran"),
    ],
)
async def test_a_script_that_is_cut_off_by_a_missing_right_has_done_a_part(
    own_valkey: ValkeyServer, denied: str, error: type[TargetError], done: int
) -> None:
    """A job may have left its set before the command that was refused."""
    async with own_valkey.client() as owner:
        await owner.zadd("failed", {"7": 1})
        await owner.acl_setuser("default", enabled=True, nopass=True, keys=["*"], commands=["+@all", denied])
        server = opened(own_valkey.url)
        script = "redis.call('ZREM', KEYS[1], '7') redis.call('XADD', KEYS[2], '*', 'event', 'waiting')"

        with pytest.raises(error) as caught, redis_errors("retry", changing=True):
            async with once(server.client) as client:
                await client.eval(script, 2, "failed", "events")

        await server.close()
        left = await owner.zcard("failed")
    assert done == left
    assert getattr(caught.value, "lasts", 0) == 0


async def test_a_change_has_a_connection_of_its_own_and_is_never_repeated(server: RedisServer) -> None:
    """A script whose connection breaks may have run, so it must not run again by itself."""
    await server.client.set("runs", 0)

    async def count_and_break() -> None:
        with redis_errors("count", changing=True):
            async with once(server.client) as client, client.pipeline(transaction=False) as pipe:
                pipe.incr("runs")
                pipe.client_kill_filter(_id=str(await client.client_id()), skipme=False)
                pipe.incr("runs")
                await pipe.execute()

    with pytest.raises(OutcomeUnknown):
        await count_and_break()

    assert "1" == await server.client.get("runs")


def test_the_address_is_not_shown() -> None:
    """A configuration may be printed; its secrets may not."""
    config = redis.Config.model_validate({"redis": "redis://:hunter2@h/0"})

    assert "hunter2" not in repr(config) + json.dumps(config.model_dump(mode="json"))
