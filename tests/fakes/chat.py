"""`Chat` and `DirectChannels` in memory: what people see, and faults in the words of the port."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.domain.message import Message
from bot.ports import ChannelGone, Posted


@dataclass(frozen=True, slots=True)
class Said:
    """One message as it stands in a channel."""

    posted: Posted
    key: str
    message: Message
    thread: str | None
    edits: int = 0


class FakeChat:
    """Channels in memory. `fault(error, done=)` fails the next calls; `hold()` keeps sends waiting.

    `clock` stamps what is said: Slack's own may go behind ours.
    """

    def __init__(self) -> None:
        self.clock: Callable[[], int] = lambda: 0
        self._at: dict[Posted, int] = {}
        self.said: list[Said] = []
        self.calls: list[str] = []
        self.gone: set[str] = set()
        self._faults: dict[str, list[tuple[Exception, bool]]] = {}
        self._held: tuple[str, ...] = ()
        self._open = asyncio.Event()
        self._open.set()

    def fault(self, method: str, error: Exception, *, done: bool = False, times: int = 1) -> None:
        """Fail the next `times` calls of `post`, `update`, `find`, `open`; `done`: it happens, the answer is lost."""
        self._faults.setdefault(method, []).extend([(error, done)] * times)

    def hold(self, *methods: str) -> None:
        """Let every call, or those of these methods, wait until `release`."""
        self._held = methods
        self._open.clear()

    def release(self) -> None:
        """Let the waiting calls go on."""
        self._open.set()

    def texts(self, channel: str | None = None) -> list[str]:
        """What stands in a channel, or everywhere, oldest first."""
        return [said.message.text for said in self.said if channel in (None, said.posted.channel)]

    async def post(self, channel: str, message: Message, *, thread: str | None, key: str) -> Posted:
        lost = await self._begin("post", channel, key)
        posted = Posted(channel, f"{len(self.said) + 1}.000000")
        self._at[posted] = self.clock()
        self.said.append(Said(posted, key, message, thread))
        if lost is not None:
            raise lost
        return posted

    async def update(self, posted: Posted, message: Message, *, key: str) -> None:
        lost = await self._begin("update", posted.channel, key)
        place = next(index for index, said in enumerate(self.said) if said.posted == posted)
        self.said[place] = replace(self.said[place], message=message, edits=self.said[place].edits + 1)
        if lost is not None:
            raise lost

    async def find(self, channel: str, *, thread: str | None, key: str, since: int) -> Posted | None:
        assert since > 0
        lost = await self._begin("find", channel, key)
        if lost is not None:
            raise lost
        found = [
            said.posted
            for said in self.said
            if said.posted.channel == channel
            and said.key == key
            and said.thread == thread
            and self._at[said.posted] >= since
        ]
        return found[0] if found else None

    async def direct_channel(self, slack_id: str) -> str:
        await self._begin("open", "", slack_id)
        return f"D{slack_id.removeprefix('U')}"

    async def _begin(self, method: str, channel: str, key: str) -> Exception | None:
        """Raise what fails before the work; return what fails after it."""
        self.calls.append(f"{method} {key}")
        if not self._held or method in self._held:
            await self._open.wait()
        if channel in self.gone:
            raise ChannelGone(channel)
        if not self._faults.get(method):
            return None
        error, done = self._faults[method].pop(0)
        if done:
            return error
        raise error
