"""What the engine calls every second: a duty looks for rows that are due, decides, and writes in one transaction."""

from typing import Protocol


class Duty(Protocol):
    """One kind of work that falls due. Services implement it; wiring registers it."""

    @property
    def name(self) -> str:
        """Shown in logs and metrics."""
        ...

    async def run(self, now: int) -> bool:
        """Do what is due at `now`. True: more is due already, call again at once.

        A duty that waits for something outside may take its time: the others go on, and it is not started twice.
        """
        ...

    async def next_due(self) -> int | None:
        """When the next work falls due (people's time), where that is known; the engine then wakes in time for it."""
        ...


class Sender(Protocol):
    """What sends the messages that duties have written; it works beside the cycle and sees commits by itself."""

    async def run(self) -> None:
        """Send until `stop`."""
        ...

    async def settle(self) -> None:
        """Return once nothing that can be sent now is left."""
        ...

    async def stop(self) -> None:
        """Let what is in mid-send end; `run` then returns."""
        ...
