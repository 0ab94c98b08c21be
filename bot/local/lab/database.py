"""A system's PostgreSQL as a component: a server of its own, since the maximum of connections belongs to the server."""

import asyncio
import contextlib
import secrets
from collections.abc import Mapping
from importlib.resources import files
from typing import ClassVar

import psycopg
from psycopg import sql

from bot.local.lab.component import Component, Setting, whole
from bot.local.lab.postgres import Cluster, PostgresServer

MAX_CONNECTIONS = 40
# Slots that only the superuser may take; the lab's way in when every other one is used.
_RESERVED = 3
_SLOW = "select count(*), pg_sleep(3600) from {} where created_at < now()"


class Database(Component):
    """One server with one database and the role that the system and the bot share."""

    states: ClassVar[Mapping[str, str]] = {
        "up": "answers",
        "down": "refuses the connection",
        "no_connections": "every connection slot is used",
    }
    settings: ClassVar[Mapping[str, Setting]] = {
        "connections": Setting(
            f"idle connections of the app, of {MAX_CONNECTIONS} slots, {_RESERVED} of them reserved",
            whole(0, MAX_CONNECTIONS - _RESERVED - 2),
        ),
        "slow_queries": Setting("queries of the app that do not end", whole(0, 10)),
    }

    def __init__(self, cluster: Cluster, name: str, port: int, *, big_table: str, directory: str = "") -> None:
        """Describe the database; start nothing. `big_table` is what its slow queries read."""
        self.server = PostgresServer(cluster, directory or name, port, options=[f"max_connections={MAX_CONNECTIONS}"])
        self._name = name
        self._big_table = big_table
        self._password = secrets.token_urlsafe(16)
        self._state = "down"
        self._wanted = {"connections": 4, "slow_queries": 0}
        self._idle: list[psycopg.AsyncConnection] = []
        self._slow: list[asyncio.Task[None]] = []
        self._created = False

    @property
    def url(self) -> str:
        """The DSN that the bot is given."""
        return f"postgresql://{self._name}:{self._password}@127.0.0.1:{self.server.port}/{self._name}"

    @property
    def state(self) -> str:
        """Which of `states` it is in now."""
        return self._state

    def values(self) -> dict[str, object]:
        """The settable keys."""
        return dict(self._wanted)

    async def enter(self, state: str) -> None:
        """Stop or start the server, or take every slot."""
        if state == "down":
            await self._leave()
            await self.server.stop()
        else:
            if not self.server.running:
                await self.server.start()
                await self._create()
            await self._hold(MAX_CONNECTIONS if state == "no_connections" else self._wanted["connections"])
            await self._run_slow(self._wanted["slow_queries"])
        self._state = state

    async def put(self, key: str, value: object) -> None:
        """Set one key; it takes effect at once when the server is up."""
        self._wanted[key] = int(str(value))
        if self._state == "up":
            await self._hold(self._wanted["connections"])
            await self._run_slow(self._wanted["slow_queries"])

    async def restart(self) -> None:
        """End every session and start again, as its container does."""
        state = "up" if self._state == "no_connections" else self._state
        await self.enter("down")
        await self.enter(state)

    async def _create(self) -> None:
        """The role, the database and its rows; once."""
        if self._created:
            return
        name = sql.Identifier(self._name)
        async with await psycopg.AsyncConnection.connect(self.server.superuser_dsn(), autocommit=True) as owner:
            await owner.execute(sql.SQL("create role {} login password {}").format(name, sql.Literal(self._password)))
            await owner.execute(sql.SQL("grant pg_monitor to {}").format(name))
            await owner.execute(sql.SQL("create database {} owner {}").format(name, name))
        script = files("bot.local.lab").joinpath("schema", f"{self._name}.sql").read_text()
        async with await psycopg.AsyncConnection.connect(self.url) as connection:
            await connection.execute(script.encode())
        self._created = True

    async def _hold(self, wanted: int) -> None:
        """Hold so many idle connections as the app; more than there are slots takes every one."""
        self._idle = [each for each in self._idle if not each.closed]
        while len(self._idle) > wanted:
            await self._idle.pop().close()
        with contextlib.suppress(psycopg.OperationalError):  # "too many clients": all are taken.
            while len(self._idle) < wanted:
                self._idle.append(await self._connect())

    async def _run_slow(self, wanted: int) -> None:
        self._slow = [each for each in self._slow if not each.done()]
        while len(self._slow) > wanted:
            task = self._slow.pop()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        while len(self._slow) < wanted:
            self._slow.append(asyncio.create_task(self._sleep_in_a_query()))

    async def _sleep_in_a_query(self) -> None:
        query = sql.SQL(_SLOW).format(sql.Identifier(self._big_table))
        with contextlib.suppress(psycopg.Error):  # Ended from outside: that is what it is there for.
            connection = await self._connect()
            try:
                await connection.execute(query)
            finally:
                await connection.close()

    async def _leave(self) -> None:
        await self._run_slow(0)
        for connection in self._idle:
            await connection.close()
        self._idle = []

    async def _connect(self) -> psycopg.AsyncConnection:
        return await psycopg.AsyncConnection.connect(
            self.url,
            autocommit=True,
            application_name=f"{self._name}-app",
            connect_timeout=5,
        )
