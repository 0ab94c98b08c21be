"""The running bot's Unix socket: `steward ask` and `decide` go through it, and the kernel says who they are.

A caller sends one line of JSON, `["ask", LINE]` or `["decide", OPERATION, VERDICT, REASON]`, and reads lines of
`["out", TEXT]` and `["err", TEXT]` until `["code", NUMBER]`.
"""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from bot.console.line import UNHEALTHY, USAGE, Say, Stream
from bot.console.os_user import os_user, peer_uid

_REQUEST_BYTES = 64 * 1024
_REQUEST_SECONDS = 5.0
_ANSWER_SECONDS = 120.0
_MOST, _MOST_OF_ONE = 32, 8
"""How many may ask at once, in all and of one OS user. Whoever has not said anything yet gives way to the next one."""
_LEAVING_SECONDS = 1.0
_BUSY = "The bot is busy with other command lines; try again in a moment."
_log = structlog.get_logger(__name__)


class Answering(Protocol):
    """What the socket needs of a console."""

    async def answer(self, os_user: str, request: object, say: Say) -> int:
        """Do what a request says; raises `ValueError` where it is none."""
        ...


@dataclass(eq=False, slots=True)
class _Caller:
    """A connection that is served. `silent`: its request is not in yet."""

    uid: int
    writer: asyncio.StreamWriter
    task: asyncio.Task[None]
    silent: bool = True


class ConsoleSocket:
    """Serves a console to every local user: who may what is the policy's question, not the file's.

    `uid` tells the OS user at the other end of a connection.
    """

    def __init__(self, console: Answering, path: Path, uid: Callable[[socket.socket], int] = peer_uid) -> None:
        self._console = console
        self._path = path
        self._uid = uid
        # In the order in which they came.
        self._callers: dict[_Caller, None] = {}
        self._server: asyncio.Server | None = None
        self._inode = 0
        self._under_way: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. A socket that another process left is replaced in one step, so that there always is one."""
        if not hasattr(socket, "SO_PEERCRED"):
            _log.warning("the command line cannot reach this bot: this system does not say who connects")
            return
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        try:
            self._server = await asyncio.start_unix_server(self._connected, fresh, limit=_REQUEST_BYTES)
            fresh.chmod(0o666)  # Any local user may ask: the kernel says who it is, the policy what they may.
            self._inode = fresh.stat().st_ino
            fresh.replace(self._path)
        except OSError as error:
            await self.stop()
            fresh.unlink(missing_ok=True)
            _log.warning("the command line cannot reach this bot", socket=str(self._path), error=str(error))

    async def stop(self) -> None:
        """Listen no more and let go of the socket, unless the next process has put its own there."""
        if self._server is None:
            return
        self._server.close()
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("asyncio serves a connection outside of a task")
        caller = _Caller(self._uid(writer.get_extra_info("socket")), writer, task)
        self._under_way.add(task)
        try:
            if self._room(caller.uid):
                self._callers[caller] = None
                await self._serve(reader, caller)
            elif len(self._under_way) <= 2 * _MOST:
                await _turn_away(reader, writer)
        except ConnectionError:
            _log.info("the command line went away before its answer")
        finally:
            self._callers.pop(caller, None)
            self._under_way.discard(task)
            writer.close()

    def _room(self, uid: int) -> bool:
        """Whether one more of this user may ask; whoever has been silent longest gives way."""
        callers = [each for each in self._callers if each.uid == uid]
        if len(callers) < _MOST_OF_ONE:
            callers = list(self._callers)
            if len(callers) < _MOST:
                return True
        silent = next((each for each in callers if each.silent), None)
        if silent is None:
            return False
        del self._callers[silent]
        _say_busy(silent.writer)
        silent.task.cancel()
        return True

    async def _serve(self, reader: asyncio.StreamReader, caller: _Caller) -> None:
        writer = caller.writer

        def say(stream: Stream, text: str) -> None:
            _send(writer, [stream, text])

        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                request: object = json.loads(await reader.readline())
            caller.silent = False
            async with asyncio.timeout(_ANSWER_SECONDS):
                code = await self._console.answer(os_user(caller.uid), request, say)
        except (ValueError, RecursionError):
            say("err", "The bot cannot read this; is the command line of the same version?")
            code = USAGE
        except TimeoutError:
            say("err", "This took too long; look in Slack what came of it.")
            code = UNHEALTHY
        _send(writer, ["code", code])
        await writer.drain()


async def _turn_away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say so, and take what is on its way: whoever still writes would not read the answer."""
    _say_busy(writer)
    with contextlib.suppress(TimeoutError, ValueError):
        async with asyncio.timeout(_LEAVING_SECONDS):
            await reader.readline()


def _say_busy(writer: asyncio.StreamWriter) -> None:
    _send(writer, ["err", _BUSY])
    _send(writer, ["code", UNHEALTHY])


def _send(writer: asyncio.StreamWriter, line: list[object]) -> None:
    writer.write(json.dumps(line).encode() + b"\n")
