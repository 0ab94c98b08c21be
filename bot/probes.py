"""What watches the bot itself: readiness with its reason, and metrics in Prometheus' text format."""

from collections.abc import Awaitable, Callable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.domain.errors import BotError
from bot.engine.cycle import Engine
from bot.ports import Clock
from bot.services.outbox import LANES
from bot.store import Ledger, Row

STALE_AFTER = 5_000
CLOCKS_MAY_DIFFER = 1_000


class Readiness:
    """Ready: a cycle ended within 5 s, the ledger answers, and its clock and the machine's differ by less than 1 s."""

    def __init__(self, engine: Engine, database_now: Callable[[], Awaitable[int]], clock: Clock) -> None:
        self._engine = engine
        self._database_now = database_now
        self._clock = clock

    async def __call__(self) -> str:
        """Why the bot is not ready; empty when it is."""
        ended = self._engine.last_cycle_at
        if ended is None:
            return "starting: no engine cycle has ended yet"
        if self._clock.wall() - ended > STALE_AFTER:
            return f"the last engine cycle ended {(self._clock.wall() - ended) // 1000} s ago"
        try:
            before = self._clock.wall()
            database = await self._database_now()
        except BotError as error:
            return str(error)
        after = self._clock.wall()
        apart = max(before - database, database - after, 0)
        if apart >= CLOCKS_MAY_DIFFER:
            return f"the machine's clock and the database's differ by {apart} ms; synchronise them"
        return ""


class Metrics(Collector):
    """The figures of the engine and of the outbox, read at the scrape."""

    def __init__(self, engine: Engine, ledger: Ledger, clock: Clock) -> None:
        self._engine = engine
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
