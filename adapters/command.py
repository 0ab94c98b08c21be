"""Programs of this machine, run by argument list; and how full its disk is, as `df` tells it.

There is no shell. A program gets PATH, HOME and what the caller names, so none of the bot's secrets.
"""

import asyncio
import os
import re
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from adapters.kind import Connection, Measure
from bot.domain.errors import BadAnswer, NotDone, OutcomeUnknown, TargetError, Unreachable
from bot.ports import Measurement

KIND = "command"
_MEASURE_SECONDS = 3.5
_MOST_OUTPUT = 256 * 1024
_PERCENT = re.compile(r"^(\d{1,3})%$")


class Config(Connection):
    """`{command: local}`."""

    command: Literal["local"] = Field(description="Where programs run: on the bot's own machine")


@dataclass(frozen=True, slots=True)
class Completed:
    """What a program left: its exit code and the beginning of what it wrote."""

    code: int
    stdout: str
    stderr: str


class LocalCommands:
    """Runs programs here. `search` is where they are looked for, as PATH says it."""

    def __init__(self, *, search: str = "") -> None:
        self._search = search or os.pathsep.join(os.get_exec_path())

    async def run(
        self,
        arguments: Sequence[str],
        *,
        seconds: float,
        extra: Mapping[str, str] | None = None,
        changing: bool = False,
    ) -> Completed:
        """Run one program to its end. `changing`: killed after `seconds`, it may have done its work.

        Raises:
            BadAnswer: this machine has no such program, or may not run it; of a change `NotDone`.
            Unreachable: it did not end in time.
            OutcomeUnknown: the same, of a change.
        """
        program = arguments[0]
        environment = {"PATH": self._search, "HOME": str(Path.home()), "LC_ALL": "C.UTF-8", **(extra or {})}
        try:
            process = await asyncio.create_subprocess_exec(
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
                start_new_session=True,  # A group of its own, so that its children end with it.
            )
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            text = f"this machine has no program {program}" if missing else f"{program} cannot be run on this machine"
            kind: type[TargetError] = NotDone if changing else BadAnswer
            raise kind(f"{text}; nothing was run" if changing else text) from error
        try:
            async with asyncio.timeout(seconds):
                out, err, code = await asyncio.gather(_read(process.stdout), _read(process.stderr), process.wait())
        except TimeoutError as error:
            if changing:
                raise OutcomeUnknown(f"{program} did not end within {seconds:g} s; it may have happened") from error
            raise Unreachable(f"{program} did not end within {seconds:g} s") from error
        finally:
            await _end(process)
        return Completed(code, out, err)

    async def disk_used(self, *, path: str = "/") -> Measurement:
        """How full the file system of `path` is, in percent."""
        lines = await self._lines(["df", "-P", "--", path])
        columns = lines[-1].split() if lines else []
        found = next((match for match in map(_PERCENT.match, columns) if match), None)
        if found is None:
            raise BadAnswer("df printed something that cannot be read")
        return Measurement(float(found[1]), "%")

    async def close(self) -> None:
        """Every program has ended when its run returned."""

    async def _lines(self, arguments: Sequence[str]) -> list[str]:
        done = await self.run(arguments, seconds=_MEASURE_SECONDS)
        if done.code != 0:
            raise BadAnswer(f"{arguments[0]} failed with exit code {done.code}")
        return [line for line in done.stdout.splitlines() if line.strip()]


def open(config: Config) -> LocalCommands:  # noqa: A001 - the shape of every kind, see adapters/kind.py
    """This machine."""
    del config  # There is only one place so far.
    return LocalCommands()


MEASURES: Mapping[str, Measure] = {
    "disk_used": Measure(LocalCommands.disk_used, unit="%", program="df"),
}


async def _read(stream: asyncio.StreamReader | None) -> str:
    """The beginning of a stream; the rest is read and dropped, so that the program never waits for us."""
    kept = bytearray()
    while stream is not None and (chunk := await stream.read(65_536)):
        kept += chunk[: max(0, _MOST_OUTPUT - len(kept))]
    return kept.decode(errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill what is left of the program's group, and wait for the program."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
