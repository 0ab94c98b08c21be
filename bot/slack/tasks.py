"""Work that goes on after the acknowledgement: strong references to its tasks, a bounded wait when the bot stops."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Tasks:
    """Tracked tasks; asyncio itself keeps only weak references and may lose a running one."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Start work that handles its own errors."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def drain(self, seconds: float) -> bool:
        """Wait for all work, then cancel what is left; whether everything ended by itself."""
        if not self._running:
            return True
        _, late = await asyncio.wait(set(self._running), timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=1)
        return not late
