"""Who is at the command line: as the kernel says, at both ends of the bot's socket."""

import asyncio
import json
import os
import pwd
import socket
from pathlib import Path

import pytest

from bot.console.line import UNHEALTHY, USAGE, Say
from bot.console.os_user import os_user, peer_uid
from bot.console.socket import ConsoleSocket

ME = pwd.getpwuid(os.getuid()).pw_name


class Echo:
    """A console that says who asked what."""

    async def answer(self, os_user: str, request: object, say: Say) -> int:
        """As `Console.answer`."""
        if request == {"a": 1}:
            raise ValueError("no request")
        say("out", f"{os_user}: {request}")
        return 3


@pytest.mark.parametrize("variable", ["LOGNAME", "USER", "LNAME", "USERNAME"])
def test_nobody_becomes_another_person_by_a_variable(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Whoever asks and approves from one account is one person, whatever its environment says."""
    monkeypatch.setenv(variable, "lead")

    assert ME == os_user()


def test_the_kernel_says_who_is_at_the_other_end() -> None:
    """By the number that the process had when it connected."""
    here, there = socket.socketpair()
    with here, there:
        assert ME == os_user(peer_uid(here))


def test_a_user_without_a_name_is_a_number() -> None:
    """As in a container without a line in passwd: nobody whom a configuration names."""
    assert "uid 3999999" == os_user(3_999_999)


def _there(path: Path) -> bool:
    return path.exists()


async def _lines(path: Path, sent: bytes) -> list[object]:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(sent)
    found = [json.loads(line) async for line in reader]
    writer.close()
    return found


async def test_a_request_by_the_socket_is_answered_with_its_exit_code(tmp_path: Path) -> None:
    """What is said comes as it is said; the code ends it."""
    console = ConsoleSocket(Echo(), tmp_path / "s.sock")
    await console.start()

    lines = await _lines(tmp_path / "s.sock", b'["ask", "/health"]\n')

    assert [["out", f"{ME}: ['ask', '/health']"], ["code", 3]] == lines
    await console.stop()
    assert not _there(tmp_path / "s.sock")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="something else"),
        pytest.param(b'{"a": 1}\n', id="JSON that is no request"),
        pytest.param(b"[" * 30_000 + b"\n", id="deep nesting"),
        pytest.param(b"x" * 200_000 + b"\n", id="a line without end"),
        pytest.param(b"\xff\xfe\n", id="no text"),
    ],
)
async def test_what_is_no_request_ends_with_2(tmp_path: Path, sent: bytes) -> None:
    """In a sentence; the bot goes on."""
    console = ConsoleSocket(Echo(), tmp_path / "s.sock")
    await console.start()

    lines = await _lines(tmp_path / "s.sock", sent)

    assert ["code", USAGE] == lines[-1]
    assert 2 == len(await _lines(tmp_path / "s.sock", b'["ask", "x"]\n'))
    await console.stop()


async def test_silent_callers_keep_nobody_from_asking(tmp_path: Path) -> None:
    """Whoever connects and says nothing gives way, and is told why."""
    console = ConsoleSocket(Echo(), tmp_path / "s.sock")
    await console.start()
    silent = [await asyncio.open_unix_connection(tmp_path / "s.sock") for _ in range(40)]

    lines = await _lines(tmp_path / "s.sock", b'["ask", "x"]\n')

    assert [["out", f"{ME}: ['ask', 'x']"], ["code", 3]] == lines
    assert b"busy" in await silent[0][0].readline()
    for _, writer in silent:
        writer.close()
    await console.stop()


class Waiting:
    """A console that answers when it is told to."""

    def __init__(self) -> None:
        self.asked = asyncio.Semaphore(0)
        self.go = asyncio.Event()

    async def answer(self, _: str, request: object, say: Say) -> int:
        """As `Console.answer`."""
        self.asked.release()
        await self.go.wait()
        say("out", str(request))
        return 0


async def test_one_user_cannot_take_every_place(tmp_path: Path) -> None:
    """With eight answers under way a user is told that the bot is busy; another one still gets an answer."""
    waiting, users = Waiting(), iter([1] * 9 + [2])
    console = ConsoleSocket(waiting, tmp_path / "s.sock", lambda _: next(users))
    await console.start()
    eight = [asyncio.create_task(_lines(tmp_path / "s.sock", b'["ask", "x"]\n')) for _ in range(8)]
    for _ in eight:
        await waiting.asked.acquire()

    refused = await _lines(tmp_path / "s.sock", b'["ask", "x"]\n')
    other = asyncio.create_task(_lines(tmp_path / "s.sock", b'["ask", "y"]\n'))
    await waiting.asked.acquire()
    waiting.go.set()

    assert [["err", "The bot is busy with other command lines; try again in a moment."], ["code", UNHEALTHY]] == refused
    assert [["out", "['ask', 'y']"], ["code", 0]] == await other
    assert all(["code", 0] == lines[-1] for lines in await asyncio.gather(*eight))
    await console.stop()


async def test_the_next_process_takes_the_socket_over(tmp_path: Path) -> None:
    """One that ends late does not take its successor's socket away."""
    old, new = (ConsoleSocket(Echo(), tmp_path / "s.sock") for _ in range(2))
    await old.start()
    await new.start()

    await old.stop()

    assert 2 == len(await _lines(tmp_path / "s.sock", b'["ask", "x"]\n'))
    await new.stop()
