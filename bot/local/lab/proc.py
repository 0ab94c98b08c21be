"""A tree like /proc whose memory and processor are as full as the lab is set to; psutil reads it as the real one."""

import threading
from pathlib import Path

_TICK_SECONDS = 0.05
_MEMORY_KB = 8 * 1024**2


class ProcTree:
    """`meminfo` and `stat` in a directory. Time passes in `stat` from `start` to `stop`, in a thread of its own.

    Who measures a processor looks twice and compares, so a lab that is busy elsewhere must not stop its clock.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self._state, self._cpu = "up", 0
        self._busy, self._idle = 0, 0
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._time: threading.Thread | None = None

    def show(self, state: str, *, memory: int, cpu: int) -> None:
        """Be as full as these percentages say; or unreadable, in the states `down` and `garbage`."""
        with self._writing:
            self._state, self._cpu = state, cpu
            self._write("meminfo", _meminfo(memory))
            self._write("stat", _stat(self._busy, self._idle))

    def start(self) -> None:
        """Let time pass; starting twice is harmless."""
        if self._time is None:
            self._ended.clear()
            self._time = threading.Thread(target=self._pass_time, name="lab-proc", daemon=True)
            self._time.start()

    def stop(self) -> None:
        """Stop the time; stopping twice is harmless."""
        self._ended.set()
        if self._time is not None:
            self._time.join()
            self._time = None

    def _pass_time(self) -> None:
        while not self._ended.wait(_TICK_SECONDS):
            with self._writing:
                self._busy += self._cpu
                self._idle += 100 - self._cpu
                self._write("stat", _stat(self._busy, self._idle))

    def _write(self, name: str, text: str) -> None:
        file = self.path / name
        if self._state == "down":
            file.unlink(missing_ok=True)
            return
        # Replaced whole: nobody must read half a file.
        fresh = file.with_suffix(".new")
        fresh.write_text("\x00\x01 ???\n" if self._state == "garbage" else text)
        fresh.replace(file)


def _meminfo(percent: int) -> str:
    available = _MEMORY_KB * (100 - percent) // 100
    free = available // 3
    cached = available - free
    rows = {
        "MemTotal": _MEMORY_KB,
        "MemFree": free,
        "MemAvailable": available,
        "Buffers": 0,
        "Cached": cached,
        "Active": _MEMORY_KB - available,
        "Inactive": cached,
        "Shmem": 0,
        "Slab": 0,
        "SReclaimable": 0,
    }
    return "".join(f"{name + ':':<15} {kilobytes:>9} kB\n" for name, kilobytes in rows.items())


def _stat(busy: int, idle: int) -> str:
    user = busy * 3 // 4
    return f"cpu  {user} 0 {busy - user} {idle} 0 0 0 0 0 0\n"
