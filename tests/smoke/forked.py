"""Bots forked from a process that has imported everything: the many starts of these tests cost no imports.

What runs is the same `steward serve`; that it also starts from nothing is tested in `tests/local`, `tests/crash` and
`tests/bench`.
"""

import multiprocessing
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from bot.local.lab.child import Child, Process, die_with

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.smoke.preloaded"])


class ForkedBot(Child):
    """`steward serve`, forked."""

    def _launch(self) -> Process:
        process = _CONTEXT.Process(target=_serve, args=(self._environment, self._log), daemon=True)
        process.start()
        return _Forked(process)


class _Forked:
    """A process of `multiprocessing`, as `Child` looks at it."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self.pid = process.pid or 0

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, sig: int, /) -> None:
        with suppress(ProcessLookupError):  # Ended, and the process that all are forked from has seen it first.
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _serve(environment: Mapping[str, str], log: Path) -> None:
    """In the new process: become the bot. It ends with the one that all are forked from, which ends with ours."""
    die_with(os.getppid(), signal.SIGTERM)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir("/")
    opened = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(opened, stream)

    from bot.cli import main  # noqa: PLC0415 - the command line reads the environment that it finds

    main(["serve"])
