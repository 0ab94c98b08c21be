"""`python -m bot.local.lab`: start the lab, print the environment it gives the bot, and wait for Ctrl-C."""

import asyncio
import contextlib
import shlex
import signal
import sys
import tempfile
import time
from pathlib import Path

from bot.local.lab.lab import Lab


class MachineClock:
    """The machine's own time."""

    def now(self) -> int:
        """Epoch milliseconds."""
        return time.time_ns() // 1_000_000

    def wall(self) -> int:
        """The same."""
        return self.now()


async def _run() -> None:
    stopped = asyncio.Event()
    for received in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(received, stopped.set)
    with tempfile.TemporaryDirectory(prefix="steward-lab-") as directory:
        lab = await Lab.start(Path(directory), MachineClock())
        try:
            lines = [f"export {name}={shlex.quote(value)}" for name, value in lab.environment().items()]
            lines.append(f"export PATH={shlex.quote(str(lab.path))}:$PATH")
            sys.stdout.write("\n".join(lines) + "\n")
            sys.stdout.flush()
            await stopped.wait()
        finally:
            await lab.stop()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run())
