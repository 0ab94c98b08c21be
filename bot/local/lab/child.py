"""A server as a child process: started by argument list, stopped by its owner, and gone when its owner is killed."""

import asyncio
import ctypes
import itertools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_STOP_SECONDS = 5.0
_FIRST_PORT, _RANGE, _RANGES = 10_000, 1_000, 22
_PORTS = itertools.count()


class ServerFailedError(Exception):
    """A server of the lab did not start; the text says which one and ends with what it printed last."""


class Process(Protocol):
    """What is asked of a process under way; `subprocess.Popen` is one."""

    pid: int

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""
        ...

    def send_signal(self, sig: int, /) -> None:
        """Send it a signal."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...


class Child:
    """One server process. On Linux the kernel ends it with its owner, however the owner dies."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        account: tuple[int, int] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        """Describe the process without starting it; `account` is the user and group id it runs as."""
        self._arguments = list(arguments)
        self._log = log
        self._environment = dict(environment) if environment is not None else None
        self._account = account
        self._stop_signal = stop_signal
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self.running and self._process is not None else None

    @property
    def running(self) -> bool:
        """Whether the process is alive now."""
        return self._process is not None and self._process.poll() is None

    async def start(self, ready: Callable[[], Awaitable[bool]], *, within: float = 20.0) -> None:
        """Start it and return once `ready` holds.

        Raises:
            ServerFailedError: it ended, or was not ready within the time.
        """
        self._process = self._launch()
        deadline = asyncio.get_running_loop().time() + within
        while not await ready():
            late = asyncio.get_running_loop().time() > deadline
            if late or not self.running:
                await self.stop()
                said = self._log.read_text(errors="replace")[-600:]
                raise ServerFailedError(f"{Path(self._arguments[0]).name} did not start: {said.strip() or 'no output'}")
            await asyncio.sleep(0.02)

    def _launch(self) -> Process:
        """Start it by the calling thread, whose end ends the process."""
        owner = os.getpid()
        user, group = self._account or (None, None)
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=self._environment,
                user=user,
                group=group,
                extra_groups=None if self._account is None else [],
                preexec_fn=lambda: die_with(owner, self._stop_signal),  # noqa: PLW1509 - two system calls, no lock taken
            )

    async def stop(self) -> None:
        """Ask it to end, and kill it when it does not within five seconds. Stopping twice is harmless."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(self._stop_signal)
        deadline = asyncio.get_running_loop().time() + _STOP_SECONDS
        while process.poll() is None:
            if asyncio.get_running_loop().time() > deadline:
                process.kill()
            await asyncio.sleep(0.01)
        self._process = None


def die_with(owner: int, sent: signal.Signals) -> None:
    """In the new process: have the kernel send `sent` when the owner's thread ends."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(sent), 0, 0, 0)
        if os.getppid() != owner:  # The owner died between fork and prctl.
            os._exit(1)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, all different.

    They lie below those that the kernel gives to connections, and in a range that is this process's own among a few: so
    nobody else takes one before its server does.
    """
    first = _FIRST_PORT + os.getpid() % _RANGES * _RANGE
    found: list[int] = []
    for _ in range(_RANGE):
        port = first + next(_PORTS) % _RANGE
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) >= count:
            return found
    raise ServerFailedError(f"of the ports {first} to {first + _RANGE - 1} not even {count} are free")


async def listens(port: int) -> bool:
    """Whether something accepts connections on this port of the loopback."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:  # Reset by the server: it did accept.
        return True
    return True
