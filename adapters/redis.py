"""Health of a Redis or Valkey server: it answers, how full its memory is, whether it may throw keys away."""

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from pydantic import Field, SecretStr, field_validator
from redis import exceptions
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from adapters.kind import Connection, Measure
from adapters.redaction import redacted
from bot.domain.errors import BadAnswer, NotDone, OutcomeUnknown, Rejected, TargetError, Unauthorized, Unreachable
from bot.ports import Measurement

KIND = "redis"
SECONDS = 3.0


_PASSWORD = "wants a password that we do not have"  # noqa: S105 - a text about one
_REFUSED: tuple[tuple[type[Exception], type[TargetError], str], ...] = (
    (exceptions.AuthenticationError, Unauthorized, _PASSWORD),
    (exceptions.NoPermissionError, Unauthorized, "does not allow us this command"),
    (exceptions.BusyLoadingError, Unreachable, "is still loading its data"),
    (exceptions.InvalidResponse, BadAnswer, "answered something that is not Redis"),
)
_TURNED_AWAY = ("EXECABORT", "READONLY", "MISCONF", "OOM", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS")
"""What Redis answers before it runs anything; a script that fails may have done a part of its work."""
_IN_SCRIPT = ("failure in script", "executing the script")
"""A command refused within a script, after others may have run. Redis and Valkey say ERR of it, others NOPERM."""
_LOST = (exceptions.ConnectionError, exceptions.TimeoutError, TimeoutError, OSError)


class Config(Connection):
    """`{redis: "redis://user:password@host:6379/0"}`."""

    redis: SecretStr = Field(description="The address with its credentials; rediss:// for TLS")

    @field_validator("redis")
    @classmethod
    def _is_an_address(cls, address: SecretStr) -> SecretStr:
        try:
            parse_url(address.get_secret_value())
        except ValueError:  # Its text repeats what may be the password.
            raise ValueError("is not an address; write it as redis://host:6379/0 or rediss://…") from None
        return address


class RedisServer:
    """One server; the queues on it use `client` through `redis_errors`, and change things through `once`."""

    def __init__(self, client: Redis) -> None:
        self.client = client

    async def ping(self) -> Measurement:
        """How long a PING takes."""
        before = time.perf_counter()
        with redis_errors():
            await self.client.ping()
        return Measurement(round((time.perf_counter() - before) * 1000, 1), "ms")

    async def memory_used(self) -> Measurement:
        """Used memory in percent of `maxmemory`, or of the machine's where the server sets no limit."""
        memory = await self._memory()
        used, limit = _number(memory, "used_memory"), _number(memory, "maxmemory")
        if limit:
            return Measurement(round(100 * used / limit, 1), "%")
        machine = _number(memory, "total_system_memory")
        if not machine:
            raise BadAnswer("tells neither maxmemory nor the machine's memory")
        return Measurement(round(100 * used / machine, 1), "%")

    async def policy(self) -> Measurement:
        """The `maxmemory-policy`, with a note where it may throw the keys of queues away."""
        policy = str((await self._memory()).get("maxmemory_policy", ""))
        if not policy:
            raise BadAnswer("does not tell its maxmemory-policy")
        if policy == "noeviction":
            return Measurement(detail=policy)
        return Measurement(detail=policy, notes=("can throw jobs of queues away; set maxmemory-policy noeviction",))

    async def close(self) -> None:
        """Let go of its connections."""
        await self.client.aclose()

    async def _memory(self) -> Mapping[str, Any]:
        with redis_errors():
            return dict(await self.client.info("memory"))


def open(config: Config) -> RedisServer:  # noqa: A001 - the shape of every kind, see adapters/kind.py
    """A server; nothing is connected yet."""
    client = Redis.from_url(
        config.redis.get_secret_value(),
        decode_responses=True,
        # Members of queues need not be text; surrogates carry any byte there and back.
        encoding_errors="surrogateescape",
        socket_connect_timeout=SECONDS,
        socket_timeout=SECONDS,
        # Once more at once, on a new connection: servers close idle ones, which says nothing of their health.
        retry=Retry(NoBackoff(), 1, supported_errors=(exceptions.ConnectionError,)),
        client_name="steward",
    )
    return RedisServer(client)


MEASURES: Mapping[str, Measure] = {
    "ping": Measure(RedisServer.ping, unit="ms"),
    "memory_used": Measure(RedisServer.memory_used, unit="%"),
    "policy": Measure(RedisServer.policy, unit=None),
}


@asynccontextmanager
async def once(client: Redis) -> AsyncIterator[Redis]:
    """A client for a change: a new connection, so that it is not a dead one, and no command is ever repeated."""
    pool = client.connection_pool
    settings = {**pool.connection_kwargs, "retry": Retry(NoBackoff(), 0)}
    async with Redis.from_pool(ConnectionPool(connection_class=pool.connection_class, **settings)) as fresh:
        yield fresh


@contextmanager
def redis_errors(what: str = "", *, changing: bool = False) -> Iterator[None]:
    """Raise our errors for redis-py's. `changing`: a lost answer means that it may have happened."""
    try:
        yield
    except exceptions.WatchError:  # The caller's own business: nothing was done.
        raise
    except (exceptions.RedisError, OSError, TimeoutError) as error:
        raise _translation(error, f"{what}: redis " if what else "redis ", changing=changing) from error


def _translation(error: Exception, what: str, *, changing: bool) -> TargetError:
    text = str(error)
    if text.startswith(("NOAUTH", "WRONGPASS")):
        return Unauthorized(f"{what}{_PASSWORD}")
    cut_off = changing and any(each in text for each in _IN_SCRIPT)
    for kind, meaning, reason in _REFUSED:
        if isinstance(error, kind) and not cut_off:
            return (NotDone if changing and meaning is Unreachable else meaning)(f"{what}{reason}")
    if isinstance(error, exceptions.ResponseError):
        whole = not changing or text.startswith(_TURNED_AWAY)
        refused = Rejected(f"{what}refused: {redacted(text)}")
        return refused if whole else OutcomeUnknown(f"{refused}; a part may have happened", lasts=0)
    if not isinstance(error, _LOST):
        return BadAnswer(f"{what}answered something that cannot be read")
    late = isinstance(error, exceptions.TimeoutError | TimeoutError)
    # redis-py says "connecting to" only while nothing has been sent.
    before = "connecting to" in text
    reason = f"gave no answer within {SECONDS:g} s" if late else f"{'refuses' if before else 'broke off'} connections"
    if changing and not before:
        return OutcomeUnknown(f"{what}{reason}; it may have happened")
    return (NotDone if changing else Unreachable)(f"{what}{reason}")


def _number(memory: Mapping[str, Any], key: str) -> float:
    value = memory.get(key, 0)
    if not isinstance(value, int | float):
        raise BadAnswer(f"tells no number as {key}")
    return float(value)
