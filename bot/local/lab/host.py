"""The newsletter's machine: `docker`, `free`, `vmstat` and `df` in a directory for the bot's PATH."""

import json
import shlex
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import ClassVar

from bot.local.lab.component import Component, Setting, whole


class HostPrograms(Component):
    """The directory of executables, and the percentages that they print."""

    states: ClassVar[Mapping[str, str]] = {
        "up": "the programs answer",
        "down": "the programs fail",
        "garbage": "the programs print nonsense",
    }
    settings: ClassVar[Mapping[str, Setting]] = {
        "memory_percent": Setting("memory used, as free says", whole(0, 100)),
        "cpu_percent": Setting("processor used, as vmstat says", whole(0, 100)),
        "disk_percent": Setting("disk used, as df says", whole(0, 100)),
    }

    def __init__(self, directory: Path, engine_url: str) -> None:
        """Write the executables."""
        self.path = directory / "bin"
        self.path.mkdir(parents=True, exist_ok=True)
        self._settings = directory / "programs.json"
        self._engine_url = engine_url
        self._state = "up"
        self._percent = {"memory_percent": 61, "cpu_percent": 23, "disk_percent": 48}
        self._write()
        programs = Path(str(files("bot.local.lab"))) / "programs"
        self._executable("docker", [str(programs / "docker.py"), str(self._settings)])
        for name in ("free", "vmstat", "df"):
            self._executable(name, [str(programs / "host.py"), str(self._settings), name])

    @property
    def url(self) -> str:
        """There is none: it is asked by command."""
        return ""

    @property
    def state(self) -> str:
        """Which of `states` it is in now."""
        return self._state

    def values(self) -> dict[str, object]:
        """The percentages."""
        return dict(self._percent)

    async def enter(self, state: str) -> None:
        """Change what the programs do."""
        self._state = state
        self._write()

    async def put(self, key: str, value: object) -> None:
        """Set one percentage."""
        self._percent[key] = int(str(value))
        self._write()

    def _write(self) -> None:
        content = json.dumps({"engine": self._engine_url, "host": {"state": self._state, **self._percent}})
        # Replaced whole: a program must never read half a file.
        fresh = self._settings.with_suffix(".new")
        fresh.write_text(content)
        fresh.replace(self._settings)

    def _executable(self, name: str, arguments: list[str]) -> None:
        # By way of sh, since a long path in a "#!" line may be cut off; -I and -S make Python start fast.
        line = shlex.join([sys.executable, "-I", "-S", *arguments])
        executable = self.path / name
        executable.write_text(f'#!/bin/sh\nexec {line} "$@"\n')
        executable.chmod(0o755)
