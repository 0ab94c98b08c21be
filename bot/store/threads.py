"""Threads of the ledger's own: they take calls in the order of arrival and hand the outcomes back to the event loop.

A `ThreadPoolExecutor` would wake the loop for every call; here what ends while the loop is busy comes back in one go.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Call:
    """What is to be run, and who waits for it."""

    run: Callable[[], Any]
    answer: asyncio.Future[Any]
    outcome: Any = None
    error: BaseException | None = None

    def tell(self) -> None:
        """Hand the outcome to whoever still waits."""
        if self.answer.done():
            return
        if self.error is None:
            self.answer.set_result(self.outcome)
        elif isinstance(self.error, StopIteration):  # A future takes none: it would end whoever awaits it.
            self.answer.set_exception(RuntimeError("the transaction ended with StopIteration"))
        else:
            self.answer.set_exception(self.error)


class Threads:
    """At most `number` threads; one more is started per call until there are so many."""

    def __init__(self, number: int, name: str) -> None:
        self._number = number
        self._name = name
        self._threads: list[threading.Thread] = []
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._ended: deque[_Call] = deque()
        self._telling = False
        self._closed = False
        self._guard = threading.Lock()

    async def run(self, call: Callable[[], T]) -> T:
        """The outcome of `call`, which is not begun any more once its waiter is cancelled."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        with self._guard:
            if self._closed:
                raise RuntimeError("the ledger is closed")
            self._calls.put(_Call(call, answer))
            if len(self._threads) < self._number:
                thread = threading.Thread(target=self._work, args=(loop,), name=self._name, daemon=True)
                thread.start()
                self._threads.append(thread)
        return await answer

    def close(self) -> None:
        """Take no more; returns once everything that was handed in has ended."""
        with self._guard:
            self._closed = True
            for _ in self._threads:
                self._calls.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        while (call := self._calls.get()) is not None:
            if call.answer.cancelled():
                continue
            try:
                call.outcome = call.run()
            except BaseException as error:  # noqa: BLE001 - raised again, in whoever waits
                call.error = error
            self._ended.append(call)
            if not self._telling:
                self._telling = True
                with suppress(RuntimeError):  # The loop is closed: nobody waits any more.
                    loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        # First of all: what ends from here on asks for another round, even if this one still hands it over.
        self._telling = False
        while self._ended:
            self._ended.popleft().tell()
