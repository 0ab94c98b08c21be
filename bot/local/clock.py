"""The demo's time: the workspace's clock leads; the bot's follows, see `bot/clock.py`."""

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

from bot.clock import MovableClock, offset_file

SETTLE_S = 120
EXACT_STOPS, COARSE_STOPS = 250, 50  # Stops where something falls due; then the rest of a long way in longer steps.
LONGEST_MS = 366 * 86_400_000
USUAL_STEP_MS, SHORTEST_STEP_MS = 60_000, 1000
Json = dict[str, Any]
UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000}


def duration_ms(text: str) -> int:
    """`90s`, `5m`, `1h30m`, `2d` in milliseconds; raises `ValueError` where it is none of that, or over a year."""
    if not re.fullmatch(r"([0-9]{1,8}[dhms])+", text):
        raise ValueError(f"{text!r} is no duration; write it as 90s, 5m, 1h30m or 2d.")
    milliseconds = sum(int(number) * UNITS_MS[unit] for number, unit in re.findall(r"(\d+)([dhms])", text))
    if milliseconds > LONGEST_MS:
        raise ValueError(f"{text!r} is longer than 366d at once; move on in shorter steps, such as 5m or 7d.")
    return milliseconds


class DemoClock(MovableClock):
    """The workspace's clock, which leads; moving it moves the bot's clock along."""

    def __init__(self, offset: int = 0, real: Callable[[], float] = time.time) -> None:
        super().__init__(offset, real)
        self._follower: Path | None = None
        self._moving = asyncio.Lock()

    def follow(self, socket: Path | None) -> None:
        """Name the socket at which the bot's clock listens; None while there is no bot."""
        self._follower = socket
        self._note()

    def advance(self, milliseconds: int) -> None:
        """Move on here; a bot that starts later takes it over."""
        super().advance(milliseconds)
        self._note()

    def _note(self) -> None:
        if self._follower is not None:
            offset_file(self._follower).write_text(str(self.offset))

    async def move(self, milliseconds: int) -> None:
        """Move on; returns when the bot says that the work that fell due is committed.

        The way leads over the moments at which something falls due, so that what happens in between happens in order.
        Raises `ConnectionError` where the bot does not answer: the time has moved here all the same, and the bot
        takes it over at its next start.
        """
        async with self._moving:
            target = self.offset + milliseconds
            try:
                if self._follower is not None:
                    await self._walk(self._follower, target)
            finally:
                self.advance(target - self.offset)

    async def _walk(self, follower: Path, target: int) -> None:
        session = aiohttp.ClientSession(
            "http://clock", connector=aiohttp.UnixConnector(str(follower)), timeout=aiohttp.ClientTimeout(SETTLE_S)
        )
        async with session:
            try:
                following = await self._lead(session)
                for left in range(EXACT_STOPS + COARSE_STOPS, 0, -1):
                    remaining = target - self.offset
                    if remaining <= 0:
                        return
                    shortest = remaining // left if left <= COARSE_STOPS else 0
                    self.advance(min(remaining, max(self._pause(following, remaining), shortest)))
                    following = await self._lead(session)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise ConnectionError("the bot's clock does not answer") from error

    async def _lead(self, session: aiohttp.ClientSession) -> Json:
        """Bring the bot's clock to ours; returns what it says when it has done what fell due."""
        async with session.get("/now") as answer:
            behind = max(self.offset - int((await answer.json())["offset"]), 0)
        async with session.post("/advance", json={"ms": behind}) as answer:
            answer.raise_for_status()
            following: Json = await answer.json()
            return following

    def _pause(self, following: Json, remaining: int) -> int:
        if "next_due" not in following:
            return USUAL_STEP_MS
        due = following["next_due"]
        return remaining if due is None else max(due - self.now(), SHORTEST_STEP_MS)
