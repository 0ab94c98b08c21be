"""Take-over after SIGKILL, with real `steward serve` processes: of accepted work, and of a message in mid-send.

On PostgreSQL a second replica takes over; on SQLite, which has one process, the same one started again at once.
"""

import asyncio
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.figures import Figure, at_most
from tests.bench.load import Command, burst
from tests.bench.processes import SECRET, SERVE, Process, configuration, environment
from tests.bench.slack import Slack
from tests.crash.findings import query

_WITHIN = 40


@dataclass(slots=True)
class Takeover:
    """One ledger with its bots; the first one is killed again and again."""

    slack: Slack
    database: str
    bots: list[Process]
    work: list[float] = field(default_factory=list)
    message: list[float] = field(default_factory=list)

    async def round(self) -> None:
        """Kill it once with accepted work, and once in the middle of sending."""
        while query(self.database, "select key from inbox where state <> 'done' limit 1"):  # noqa: ASYNC110 - as below
            await asyncio.sleep(0.05)
        # A fresh process asks for the role's group; until that is answered nothing that it accepts is decided.
        await self.bots[0].stop()
        self.slack.hold(self.slack.groups_held)
        await self.bots[0].start()
        self.work.append(await self._kill(sending=False))
        await asyncio.sleep(1)
        self.slack.hold(self.slack.posts_held)
        self.message.append(await self._kill(sending=True))

    async def _kill(self, *, sending: bool) -> float:
        """Open an incident at the first bot and kill it; seconds until all that was to come has come."""
        victim, slack = self.bots[0], self.slack
        known = set(slack.arrived)
        slack.held.clear()
        command = Command(victim.port, SECRET, "/incident", "open P0 anyway shop take-over", f"{slack.url}/answers/1")
        found = await burst(command, at_once=1, seconds=0)
        if found.refused:
            raise RuntimeError("the request was not accepted")
        if sending:
            await asyncio.wait_for(slack.asked.wait(), 5)
        os.kill(victim.pid, signal.SIGKILL)
        killed = time.time()
        slack.release()
        await victim.stop()
        restarting = asyncio.create_task(victim.start())
        async with asyncio.timeout(_WITHIN):
            while not self._done(known):  # noqa: ASYNC110 - other processes' work, bounded
                await asyncio.sleep(0.02)
        await restarting
        return max(slack.arrived[key] for key in self._wanted(known)) - killed

    def _wanted(self, known: set[str]) -> set[str]:
        """What must arrive: the messages that were in mid-send, else the page of the new incident."""
        new = {key for key in self.slack.arrived if key not in known and key.startswith("escalation:")}
        return self.slack.held or new

    def _done(self, known: set[str]) -> bool:
        wanted = self._wanted(known)
        return bool(wanted) and wanted <= self.slack.arrived.keys()


async def measure(directory: Path, name: str, database: str, rounds: int) -> list[Figure]:
    """Both figures on one database."""
    slack = Slack()
    await slack.start()
    told = environment(configuration(directory / f"take-over-{name}"), database, slack.url)
    bots = [Process(SERVE, directory, told) for _ in range(1 if name == "SQLite" else 2)]
    takeover = Takeover(slack, database, bots)
    try:
        for bot in bots:
            await bot.start()
        for _ in range(rounds):
            await takeover.round()
    finally:
        await asyncio.gather(*(bot.stop() for bot in bots))
        await slack.stop()
    by = "by the restarted process" if name == "SQLite" else "by the other replica"
    return [
        Figure(f"take-over of accepted work after SIGKILL, {name}", takeover.work, "s", at_most(6), by),
        Figure(f"take-over of a message in mid-send after SIGKILL, {name}", takeover.message, "s", at_most(15), by),
    ]
