"""The bot's listening address: heads within 5 s, and a limit of connections that leaves room for what the bot opens.

aiohttp's sites accept whatever comes until the process has no descriptor left; then nothing is acknowledged, no page
leaves, and asyncio writes a traceback for every failed accept. Here the connection that has waited longest for a
request gives way where a limit is reached, so one that comes at once is served whatever others hold open.
"""

import asyncio
import ipaddress
import resource
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import cast

import structlog

from bot.http.log_limit import Seldom

HEAD_SECONDS = 5.0
AT_MOST = 512
_PAUSE_SECONDS = 1.0
_log = structlog.get_logger(__name__)


def most_connections() -> int:
    """Half of what the process may open, at most 512: the rest is for Slack, the ledger, checks and programs."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return AT_MOST if allowed == resource.RLIM_INFINITY else min(AT_MOST, allowed // 2)


class Connections:
    """Accepts connections for aiohttp's protocol. `in_all`: how many may be open; three quarters by one peer."""

    def __init__(
        self, protocol: Callable[[], asyncio.Protocol], in_all: int, head_seconds: float = HEAD_SECONDS
    ) -> None:
        self._protocol = protocol
        self._head_seconds = head_seconds
        self._in_all = in_all
        self._per_peer = max(1, in_all * 3 // 4)  # Behind a proxy, all of Slack is one peer.
        self._open: Counter[str] = Counter()
        self._count = 0
        # In the order in which they began to wait.
        self._waiting: dict[_Connection, None] = {}
        self._sockets: list[socket.socket] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = Seldom("connections closed")

    async def listen(self, host: str, port: int) -> int:
        """Accept from now on; the real port, where 0 takes any that is free. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            for family, _, _, _, address in dict.fromkeys(found):
                listening = socket.create_server((address[0], port), family=family, backlog=128)
                self._sockets.append(listening)
                listening.settimeout(0)
                port = int(listening.getsockname()[1])
        except OSError:
            await self.close()
            raise
        self._tasks = [asyncio.create_task(self._accept(each), name="accept") for each in self._sockets]
        self._tasks.append(asyncio.create_task(self._sweep(), name="heads"))
        return port

    async def close(self) -> None:
        """Accept no more; connections that are open stay so."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for listening in self._sockets:
            listening.close()

    @contextmanager
    def serving(self, transport: asyncio.BaseTransport | None) -> Iterator[None]:
        """From a request's head to its answer. Until it is `admitted`, its connection still gives way to others."""
        protocol = _connection(transport)
        if protocol is None:
            yield
            return
        protocol.begun, protocol.serving = None, True
        try:
            yield
        finally:
            protocol.serving = False
            if not protocol.lost:
                self._waiting.pop(protocol, None)
                self._waiting[protocol] = None

    def admitted(self, transport: asyncio.BaseTransport | None) -> None:
        """The whole request is in and meant for us: its connection stays until the answer."""
        protocol = _connection(transport)
        if protocol is not None:
            self._waiting.pop(protocol, None)

    def made(self, connection: "_Connection") -> None:
        """A connection is open."""
        self._open[connection.peer] += 1
        self._count += 1
        self._waiting[connection] = None

    def ended(self, connection: "_Connection") -> None:
        """A connection is closed."""
        self._waiting.pop(connection, None)
        self._count -= 1
        self._open[connection.peer] -= 1
        if not self._open[connection.peer]:
            del self._open[connection.peer]

    async def _accept(self, listening: socket.socket) -> None:
        loop, failing = asyncio.get_running_loop(), False
        while True:
            try:
                accepted, address = await loop.sock_accept(listening)
            except ConnectionError:
                continue  # It was gone before it was accepted.
            except OSError as error:
                if not failing:
                    _log.error("connections cannot be accepted", error=error.strerror or str(error))
                failing = True
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            failing = False
            peer = peer_of(str(address[0]))
            if not self._room(peer):
                accepted.close()
                continue
            await loop.connect_accepted_socket(partial(_Connection, self._protocol(), self, peer), accepted)

    def _room(self, peer: str) -> bool:
        """Whether one more may come in; whoever waits longest for a head gives way."""
        if self._open[peer] >= self._per_peer:
            oldest = next((each for each in self._waiting if each.peer == peer), None)
        elif self._count >= self._in_all:
            oldest = next(iter(self._waiting), None)
        else:
            return True
        self._closed.tell("too many connections")
        if oldest is not None:
            oldest.abort()
        return oldest is not None

    async def _sweep(self) -> None:
        """Close what has not brought its head in time."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._head_seconds / 10)
            before = loop.time() - self._head_seconds
            for late in [each for each in self._waiting if each.begun is not None and each.begun <= before]:
                self._closed.tell("the head did not arrive in time")
                late.abort()


def peer_of(address: str) -> str:
    """Whose connections are counted together: an address, or in IPv6 its /64, which is what one subscriber has."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv4Address):
        return address
    return str(found.ipv4_mapped or ipaddress.IPv6Network((found, 64), strict=False))


def _connection(transport: asyncio.BaseTransport | None) -> "_Connection | None":
    protocol = transport.get_protocol() if transport is not None else None
    return protocol if isinstance(protocol, _Connection) else None


class _Connection(asyncio.Protocol):
    """Hands everything on to aiohttp's protocol. `begun`: since when its next head is under way; None: it is not."""

    def __init__(self, inner: asyncio.Protocol, owner: Connections, peer: str) -> None:
        self._inner = inner
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self.peer = peer
        self.begun: float | None = None
        self.serving = False

    @property
    def lost(self) -> bool:
        """Whether it is closed."""
        return self._transport is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.begun = asyncio.get_running_loop().time()
        self._owner.made(self)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self.begun is None and not self.serving:
            self.begun = asyncio.get_running_loop().time()
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        self._inner.connection_lost(exc)

    def abort(self) -> None:
        """Close it without another word."""
        transport = self._transport
        self._end()
        if transport is not None:
            transport.abort()

    def _end(self) -> None:
        if self._transport is not None:
            self._transport = None
            self._owner.ended(self)
