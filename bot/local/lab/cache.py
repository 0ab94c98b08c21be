"""A system's Redis as a component: the server's own states and keys, shared by both kinds of queue."""

import asyncio
import contextlib
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from redis.asyncio import Redis

from bot.local.lab.component import Component, Setting, flag, one_of
from bot.local.lab.valkey import ValkeyServer

POLICIES = ("noeviction", "allkeys-lru", "volatile-lru", "allkeys-random")


class Cache(Component):
    """One Valkey server and what lives in it."""

    states: ClassVar[Mapping[str, str]] = {
        "up": "answers",
        "down": "refuses the connection",
        "password": "wants a password that the bot does not have",
    }
    settings: ClassVar[Mapping[str, Setting]] = {
        "maxmemory_policy": Setting(f"what happens when memory is full: {', '.join(POLICIES)}", one_of(*POLICIES)),
        "traffic": Setting("whether new jobs keep arriving", flag),
    }

    def __init__(self, server: ValkeyServer) -> None:
        """Put states around a server that does not run yet."""
        self.server = server
        self.client: Redis = server.client()
        # Loops end by this event; a cancellation in the middle of a command was seen to get lost.
        self.leaving = asyncio.Event()
        self._state = "down"
        self._policy = "noeviction"
        self.traffic = True

    @property
    def url(self) -> str:
        """What the bot is given."""
        return self.server.url

    @property
    def state(self) -> str:
        """Which of `states` it is in now."""
        return self._state

    def values(self) -> dict[str, object]:
        """The settable keys."""
        return {"maxmemory_policy": self._policy, "traffic": self.traffic}

    async def enter(self, state: str) -> None:
        """Stop, start, lock or unlock the server; its data survives."""
        if state == "down":
            if self.server.running:
                self.leaving.set()
                await self.before_down()
                await self.client.aclose()
                await self.server.stop()
        else:
            started = not self.server.running
            if started:
                await self.server.start()
                await self.client.config_set("maxmemory-policy", self._policy)
            await (self.server.lock() if state == "password" else self.server.unlock())
            if started:
                self.leaving = asyncio.Event()
                await self.after_up()
        self._state = state

    async def put(self, key: str, value: object) -> None:
        """Set one key."""
        if key == "traffic":
            self.traffic = bool(value)
        elif key == "maxmemory_policy":
            self._policy = str(value)
            if self.server.running:
                await self.client.config_set("maxmemory-policy", self._policy)

    async def close(self) -> None:
        """Stop everything."""
        await self.enter("down")
        await self.client.aclose()

    def require_server(self) -> None:
        """Refuse to set what lives in a server that is down.

        Raises:
            ValueError: it is down.
        """
        if not self.server.running:
            raise ValueError('its server is down; set {"state": "up"} first')

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until the server is about to go."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.leaving.wait()

    @abstractmethod
    async def before_down(self) -> None:
        """End the workers before their server goes."""

    @abstractmethod
    async def after_up(self) -> None:
        """Start the workers once their server answers."""
