"""The newsletter's machine: `docker` and `df` in a directory for the bot's PATH, memory and processor as in /proc."""

import json
import shlex
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import ClassVar

from bot.local.lab.component import Component, Setting, whole
from bot.local.lab.proc import ProcTree


class Machine(Component):
    """The directory of executables, the tree like /proc, and the percentages that they tell."""

    states: ClassVar[Mapping[str, str]] = {
        "up": "memory, processor and disk can be read",
        "down": "they cannot be read",
        "garbage": "they read as nonsense",
    }
    settings: ClassVar[Mapping[str, Setting]] = {
        "memory_percent": Setting("memory used, as /proc says", whole(0, 100)),
        "cpu_percent": Setting("processor used, as /proc says", whole(0, 100)),
        "disk_percent": Setting("disk used, as df says", whole(0, 100)),
    }

    def __init__(self, directory: Path, engine_url: str) -> None:
        """Write the executables and the tree; time passes in it from `enter` to `close`."""
        self.path = directory / "bin"
        self.path.mkdir(parents=True, exist_ok=True)
        self.proc = ProcTree(directory / "proc")
        self._settings = directory / "programs.json"
        self._engine_url = engine_url
        self._state = "up"
        self._percent = {"memory_percent": 61, "cpu_percent": 23, "disk_percent": 48}
        self._write()
        for name in ("docker", "df"):
            self._executable(name)

    @property
    def url(self) -> str:
        """There is none: it is asked by command and by file."""
        return ""

    @property
    def state(self) -> str:
        """Which of `states` it is in now."""
        return self._state

    def values(self) -> dict[str, object]:
        """The percentages."""
        return dict(self._percent)

    async def enter(self, state: str) -> None:
        """Change what can be read."""
        self._state = state
        self._write()
        self.proc.start()

    async def put(self, key: str, value: object) -> None:
        """Set one percentage."""
        self._percent[key] = int(str(value))
        self._write()

    async def close(self) -> None:
        """Stop the time; closing twice is harmless."""
        self.proc.stop()

    def _write(self) -> None:
        percent = self._percent
        self.proc.show(self._state, memory=percent["memory_percent"], cpu=percent["cpu_percent"])
        host = {"state": self._state, "disk_percent": percent["disk_percent"]}
        # Replaced whole: a program must never read half a file.
        fresh = self._settings.with_suffix(".new")
        fresh.write_text(json.dumps({"engine": self._engine_url, "host": host}))
        fresh.replace(self._settings)

    def _executable(self, name: str) -> None:
        program = Path(str(files("bot.local.lab"))) / "programs" / f"{name}.py"
        # By way of sh, since a long path in a "#!" line may be cut off; -I and -S make Python start fast.
        line = shlex.join([sys.executable, "-I", "-S", str(program), str(self._settings)])
        executable = self.path / name
        executable.write_text(f'#!/bin/sh\nexec {line} "$@"\n')
        executable.chmod(0o755)
