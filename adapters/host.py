"""Memory and processor of the machine that the bot runs on, read by psutil from its /proc.

Source: https://psutil.readthedocs.io, and proc_meminfo(5), proc_stat(5). In a container /proc tells the machine's as
well, unless something such as lxcfs is mounted over it: then the machine's is mounted too, and named by `proc`.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

import psutil
from pydantic import Field

from adapters.kind import Connection, Measure
from bot.domain.errors import BadAnswer
from bot.ports import Measurement

KIND = "host"
_WATCHED_SECONDS = 0.5
"""How long the processor is watched: `/health` shows what it knows after 0.8 s, and the processor shall be in it."""

T = TypeVar("T")


class Config(Connection):
    """`{host: local, proc: /host/proc}`."""

    host: Literal["local"] = Field(description="The bot's own machine")
    proc: str = Field(default="/proc", min_length=1, description="Where the machine's /proc is; /proc by default")


class LocalMachine:
    """The machine whose /proc is at `proc`."""

    def __init__(self, proc: str) -> None:
        self._proc = proc

    async def memory_used(self) -> Measurement:
        """Memory that programs cannot have, in percent: what the kernel does not call available."""
        memory = self._read("meminfo", psutil.virtual_memory)
        if not memory.total:
            raise BadAnswer(f"{self._proc}/meminfo tells of no memory")
        return Measurement(memory.percent, "%")

    async def cpu_used(self) -> Measurement:
        """Processor time that was not idle in the last half second, in percent."""
        before = self._read("stat", psutil.cpu_times)
        await asyncio.sleep(_WATCHED_SECONDS)
        after = self._read("stat", psutil.cpu_times)
        # The time of guests is in `user` and `nice` already; a counter of waiting may go back a little.
        spent = {
            kind: max(0.0, getattr(after, kind) - getattr(before, kind))
            for kind in after._fields
            if not kind.startswith("guest")
        }
        total = sum(spent.values())
        if not total:
            raise BadAnswer(f"{self._proc}/stat stands still")
        return Measurement(float(round(100 * (total - spent["idle"]) / total)), "%")

    async def close(self) -> None:
        """Nothing is kept open."""

    def _read(self, file: str, read: Callable[[], T]) -> T:
        # psutil has one place for all readers, so it is told each time; nothing else runs before the read is done.
        psutil.PROCFS_PATH = self._proc
        try:
            return read()
        except OSError as error:
            raise BadAnswer(f"cannot read {self._proc}/{file}: {error.strerror}") from error
        except (ValueError, LookupError, TypeError) as error:  # As psutil's parsers fail at what they do not expect.
            raise BadAnswer(f"{self._proc}/{file} holds something that cannot be read") from error


def open(config: Config) -> LocalMachine:  # noqa: A001 - the shape of every kind, see adapters/kind.py
    """The machine; nothing is read yet."""
    return LocalMachine(config.proc)


MEASURES: Mapping[str, Measure] = {
    "memory_used": Measure(LocalMachine.memory_used, unit="%"),
    "cpu_used": Measure(LocalMachine.cpu_used, unit="%"),
}
