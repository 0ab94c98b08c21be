"""What watches the bot itself: readiness with its reason, and metrics in Prometheus' text format."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.domain.errors import BotError
from bot.engine.cycle import Engine
from bot.outbox.message import LANES
from bot.ports import Clock
from bot.store import Ledger, Row

STALE_AFTER = 5_000
CLOCKS_MAY_DIFFER = 1_000
HOLDS_FOR = 1_000
ANSWERS_WITHIN = 2


class Readiness:
    """Ready: a cycle ended within 5 s, the ledger takes a row, and its clock and the machine's differ by less than 1 s.

    A ledger that only answers is not enough: it may be locked, or its disk full. Whoever asks meanwhile gets the same
    answer, and "ready" holds for a second, so that asking often is no load.
    """

    def __init__(
        self, engine: Engine, ledger: Ledger, clock: Clock, database_now: Callable[[], Awaitable[int]]
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._database_now = database_now
        self._clock = clock
        self._asking: asyncio.Task[str] | None = None
        self._ready_at: int | None = None

    async def __call__(self) -> str:
        """Why the bot is not ready; empty when it is."""
        if self._ready_at is not None and 0 <= self._clock.wall() - self._ready_at < HOLDS_FOR:
            return ""
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(self._asked)
        return await asyncio.shield(self._asking)

    def _asked(self, task: "asyncio.Task[str]") -> None:
        self._asking = None
        ready = not task.cancelled() and task.exception() is None and not task.result()
        self._ready_at = self._clock.wall() if ready else None

    async def _ask(self) -> str:
        ended = self._engine.last_cycle_at
        if ended is None:
            return "starting: no engine cycle has ended yet"
        if self._clock.wall() - ended > STALE_AFTER:
            return f"the last engine cycle ended {(self._clock.wall() - ended) // 1000} s ago"
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                await self._ledger.write(lambda tx: tx.run("try_ledger", at=self._clock.wall()))
                before = self._clock.wall()
                database = await self._database_now()
        except TimeoutError:
            return f"the ledger does not answer within {ANSWERS_WITHIN} s"
        except BotError as error:
            return str(error)
        after = self._clock.wall()
        apart = max(before - database, database - after, 0)
        if apart >= CLOCKS_MAY_DIFFER:
            return f"the machine's clock and the database's differ by {apart} ms; synchronise them"
        return ""


class Metrics(Collector):
    """The figures of the engine, of the outbox and of the way to Slack, read at the scrape."""

    def __init__(self, engine: Engine, ledger: Ledger, clock: Clock, reached: Callable[[], bool]) -> None:
        self._engine = engine
        self._reached = reached
        self._ledger = ledger
        self._clock = clock
        self._backlog: list[Row] | None = None
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    async def __call__(self) -> bytes:
        """The whole page; without the outbox where the ledger does not answer."""
        try:
            self._backlog = await self._ledger.read(lambda tx: tx.all("outbox_backlog"))
        except BotError:
            self._backlog = None
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Cycles, their age, the duties that fail, and what has not left yet, per lane."""
        yield CounterMetricFamily("steward_engine_cycles", "Engine cycles since the start.", self._engine.cycles)
        ended = self._engine.last_cycle_at
        age = (self._clock.wall() - ended) / 1000 if ended is not None else float("inf")
        yield GaugeMetricFamily("steward_engine_cycle_age_seconds", "Time since the last cycle ended.", age)
        failing = GaugeMetricFamily("steward_duty_failures", "Failures in a row of each failing duty.", labels=["duty"])
        for name, count in self._engine.failing.items():
            failing.add_metric([name], count)
        yield failing
        yield GaugeMetricFamily(
            "steward_slack_connected",
            "1 while Slack can reach the bot; by Socket Mode, while a socket is open.",
            int(self._reached()),
        )
        if self._backlog is None:
            return
        waiting = GaugeMetricFamily(
            "steward_outbox_messages", "Messages and edits that wait to leave.", labels=["lane"]
        )
        oldest = GaugeMetricFamily("steward_outbox_age_seconds", "Age of the oldest unseen message.", labels=["lane"])
        now, found = self._clock.now(), {row["lane"]: row for row in self._backlog}
        for lane in LANES:
            row = found.get(lane, {"waiting": 0, "oldest": None})
            waiting.add_metric([lane], row["waiting"])
            oldest.add_metric([lane], 0 if row["oldest"] is None else (now - row["oldest"]) / 1000)
        yield from (waiting, oldest)
