"""Whoever holds connections open keeps nobody else from being served, over real sockets."""

import asyncio
import os
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

import pytest
from aiohttp import web

from bot.http.connections import Connections, most_connections, peer_of
from tests.slack.world import SlackWorld

HALF = b"POST /slack/events HTTP/1.1\r\nHost: x\r\nX-Slow: "
SLOW = b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"
WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@asynccontextmanager
async def listening(in_all: int, head_seconds: float = 60) -> AsyncIterator[int]:
    """Connections to a server that answers 200, at `/wait` admits a request and waits for its body; its port."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        with connections.serving(request.transport):
            if request.path == "/wait":
                connections.admitted(request.transport)
                begun = web.StreamResponse()
                await begun.prepare(request)
                await request.content.read()
            return web.Response(text="served")

    runner = web.ServerRunner(web.Server(answer, keepalive_timeout=60))
    await runner.setup()
    assert runner.server is not None
    connections = Connections(runner.server, in_all, head_seconds)
    try:
        yield await connections.listen("127.0.0.1", 0)
    finally:
        await connections.close()
        await runner.cleanup()


async def connected(port: int, peer: str = "127.0.0.1", sent: bytes = b"") -> socket.socket:
    """A connection from this address."""
    made = socket.socket()
    made.settimeout(0)
    made.bind((peer, 0))
    loop = asyncio.get_running_loop()
    await loop.sock_connect(made, ("127.0.0.1", port))
    await loop.sock_sendall(made, sent)
    return made


async def received(made: socket.socket) -> bytes:
    """What comes next; nothing where it was closed."""
    try:
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(made, 4096), 5)
    except ConnectionError:
        return b""


@pytest.mark.parametrize("held_by", [pytest.param(HALF, id="heads"), pytest.param(SLOW, id="bodies")])
async def test_half_open_requests_do_not_keep_a_command_from_being_acknowledged(
    world: SlackWorld, held_by: bytes
) -> None:
    """Slack is served while somebody at its own address, as behind a proxy, holds open all that a peer may have."""
    with ExitStack() as held:
        made = [await connected(world.service.port, sent=held_by) for _ in range(most_connections() * 3 // 4 + 50)]
        for each in made:
            held.enter_context(each)

        acknowledged = await world.types("hello")

        assert 200 == acknowledged["status"]
        await world.sees("You said hello")
        assert b"" == await received(made[0])


async def test_a_head_that_does_not_arrive_in_time_ends_its_connection() -> None:
    """Neither silence nor a head that trickles holds a connection; one that was served may rest."""
    async with listening(16, head_seconds=0.3) as port:
        silent, slow, served = await connected(port), await connected(port, sent=HALF), await connected(port)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(served, WHOLE)
        assert b"served" in await received(served)

        assert b"" == await received(silent)
        assert b"" == await received(slow)
        await loop.sock_sendall(served, WHOLE)
        assert b"served" in await received(served)
        await loop.sock_sendall(served, HALF)
        assert b"" == await received(served)
        for each in (silent, slow, served):
            each.close()


@pytest.mark.parametrize(
    ("in_all", "peers"),
    [
        pytest.param(8, ["127.0.0.1"], id="of one peer"),
        pytest.param(8, [f"127.0.0.{number}" for number in range(2, 10)], id="of many"),
    ],
)
async def test_the_longest_wait_for_a_head_gives_way(
    in_all: int, peers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """At the limit the oldest half-open request is closed, the new one is served, and the log has one line of it."""
    async with listening(in_all) as port:
        allowed = in_all * 3 // 4 if len(peers) == 1 else in_all
        held = [await connected(port, peers[number % len(peers)], HALF) for number in range(allowed)]

        for turn in range(allowed):
            with await connected(port, peers[turn % len(peers)], WHOLE) as late:
                assert b"served" in await received(late)
            if not turn:
                assert b"" == await received(held[0])
        for each in held:
            each.close()

    assert 1 == capsys.readouterr().out.count("connections closed")


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_addresses_of_one_subscriber_are_one_peer(address: str, peer: str) -> None:
    """Whoever has a /64 has more addresses than there are connections."""
    assert peer == peer_of(address)


async def test_a_request_that_was_admitted_gives_way_to_nobody() -> None:
    """What is being answered keeps its connection; the newcomer is closed instead."""
    async with listening(1) as port:
        held = await connected(port, sent=SLOW.replace(b"/slack/events", b"/wait"))
        assert b"200" in await received(held)
        with await connected(port, sent=WHOLE) as late:
            assert b"" == await received(late)
        held.close()


def test_the_limit_leaves_room_for_what_the_bot_opens() -> None:
    """At most half of the descriptors are for those who come from outside."""
    with open_files(300):
        assert 150 == most_connections()
    with open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[1]):
        assert most_connections() <= 512


async def test_accepting_goes_on_after_descriptors_ran_out(capsys: pytest.CaptureFixture[str]) -> None:
    """However often no descriptor is free, the log has one line, and who waits is served once there is one."""
    async with listening(8) as port:
        waiting = [socket.socket() for _ in range(2)]
        with open_files(_lowest_free()):
            for each in waiting:
                each.settimeout(0)
                await asyncio.get_running_loop().sock_connect(each, ("127.0.0.1", port))
                await asyncio.get_running_loop().sock_sendall(each, WHOLE)
            await until_logged(capsys, "connections cannot be accepted")

        for each in waiting:
            assert b"served" in await received(each)
            each.close()

    assert "" == capsys.readouterr().out


async def until_logged(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Wait for a line of the log."""
    async with asyncio.timeout(5):
        while text not in capsys.readouterr().out:  # noqa: ASYNC110 - the log is what an operator sees
            await asyncio.sleep(0.01)


@contextmanager
def open_files(most: int) -> Iterator[None]:
    """While the process may open no more than this."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def _lowest_free() -> int:
    free = os.dup(0)
    os.close(free)
    return free
