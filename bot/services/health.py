"""Health: runs a system's checks side by side, judges them, and remembers since when each has been as it is."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from dataclasses import replace

import structlog

from bot.domain.errors import BotError, TargetError, Unreachable
from bot.domain.health import Report
from bot.domain.quantity import in_base_unit
from bot.domain.reading import Reading, Status
from bot.domain.timing import MINUTE, span
from bot.ports import Clock, Measurement
from bot.services.systems import Check, System, Systems, WatchedQueue
from bot.store import Ledger, Row, Tx

_log = structlog.get_logger(__name__)

FIRST_ANSWER = 0.8
"""Seconds after which what is known is shown, while slow targets are still answering."""

QUEUE_TIMEOUT = 4_000
TREND_WINDOW = 10 * MINUTE

Run = Callable[[], Coroutine[None, None, Reading]]
Job = tuple[System, str, asyncio.Task[Reading]]


class Health:
    """The checks of all systems."""

    def __init__(self, ledger: Ledger, clock: Clock, systems: Systems) -> None:
        self._ledger = ledger
        self._clock = clock
        self._systems = systems

    async def readings(self, system: str, names: Sequence[str] = ()) -> list[Reading]:
        """Readings of a system's checks and queues, or of those named; raises `NotFound` for a name that is none."""
        return list((await self.report(system, names)).readings)

    async def report(self, system: str, names: Sequence[str] = ()) -> Report:
        """The whole report of one system, once every check has answered or timed out."""
        return (await self.whole([system], names))[0]

    async def whole(self, systems: Sequence[str], names: Sequence[str] = ()) -> list[Report]:
        """The whole reports of several systems, read side by side."""
        return [reports async for reports in self.reports(systems, names, first=None)][-1]

    async def reports(
        self, systems: Sequence[str], names: Sequence[str] = (), *, first: float | None = FIRST_ANSWER
    ) -> AsyncGenerator[list[Report], None]:
        """First reports after `first` seconds if a target is slow by then, and the whole ones at the end."""
        targets = [self._systems[name] for name in systems]
        started, at = self._clock.wall(), self._clock.now()
        jobs = [
            (target, title, asyncio.create_task(self._timed(run)))
            for target in targets
            for title, run in self._runs(target, names)
        ]
        tasks = [task for _, _, task in jobs]
        try:
            if first is not None and tasks:
                _, pending = await asyncio.wait(tasks, timeout=first)
                if pending:
                    yield [await self._report(target, jobs, at, started) for target in targets]
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        yield [await self._report(target, jobs, at, started) for target in targets]

    async def _report(self, target: System, jobs: Sequence[Job], at: int, started: int) -> Report:
        own = [(title, task) for system, title, task in jobs if system is target]
        readings = [task.result() for _, task in own if task.done()]
        pending = tuple(title for title, task in own if not task.done())
        known = await self._remembered(target, readings, at)
        return Report(target.name, target.title, tuple(known), at, self._clock.wall() - started, pending)

    def _runs(self, system: System, names: Sequence[str]) -> list[tuple[str, Run]]:
        checks = [(check.title, _bound(self._check, check)) for check in system.checks.values()]
        queues = [(queue.name, _bound(self._queue, queue)) for queue in system.queues.values()]
        if not names:
            return [*checks, *queues]
        chosen: list[tuple[str, Run]] = []
        for name in names:
            if name in system.queues:
                chosen.append((name, _bound(self._queue, system.queues[name])))
            else:
                check = system.check(name)
                chosen.append((check.title, _bound(self._check, check)))
        return chosen

    async def _timed(self, run: Run) -> Reading:
        reading = await run()
        return replace(reading, at=self._clock.now())

    async def _check(self, check: Check) -> Reading:
        started = self._clock.wall()
        try:
            async with asyncio.timeout(check.timeout / 1000):
                measured = await check.measure()
        except TimeoutError:
            failed = f"no answer within {span(check.timeout)}"
            return Reading(check.name, check.title, Status.CRITICAL, reason=failed, latency=check.timeout)
        except BotError as error:
            return Reading(
                check.name, check.title, _blame(error), reason=str(error), latency=self._clock.wall() - started
            )
        except Exception as error:  # noqa: BLE001 - the runner of checks is an edge: a defect costs one line
            _log.exception("check failed", check=check.name)
            return Reading(check.name, check.title, Status.UNKNOWN, reason=f"our own error: {type(error).__name__}")
        return judged(check, measured, self._clock.wall() - started)

    async def _queue(self, queue: WatchedQueue) -> Reading:
        started = self._clock.wall()
        try:
            async with asyncio.timeout(QUEUE_TIMEOUT / 1000):
                state = await queue.source.state(self._clock.now())
        except TimeoutError:
            failed = f"no answer within {span(QUEUE_TIMEOUT)}"
            return Reading(queue.name, queue.name, Status.CRITICAL, reason=failed, latency=QUEUE_TIMEOUT)
        except BotError as error:
            return Reading(
                queue.name, queue.name, _blame(error), reason=str(error), latency=self._clock.wall() - started
            )
        status, limit = queue.thresholds.judge(state.waiting)
        notes = list(state.warnings)
        if state.paused:
            notes.append("paused")
        if notes and status is Status.HEALTHY:
            status = Status.WARNING
        return Reading(
            queue.name,
            queue.name,
            status,
            value=f"{state.waiting:,} waiting",
            number=state.waiting,
            threshold=f"{status} {limit}" if limit else "",
            reason=", ".join(notes),
            latency=self._clock.wall() - started,
        )

    async def _remembered(self, system: System, readings: Sequence[Reading], at: int) -> list[Reading]:
        """The readings with since when; a change of status starts anew.

        A ledger that cannot be written costs the since, not the reading.
        """

        def remember(tx: Tx) -> list[Reading]:
            known = {row["check_name"]: row for row in tx.all("readings_of", system=system.name)}
            result: list[Reading] = []
            rows: list[Row] = []
            for reading in readings:
                before = known.get(reading.check)
                since = int(before["since"]) if before and before["status"] == reading.status else at
                place = {"system": system.name, "check_name": reading.check}
                rows.append({**place, "status": str(reading.status), "since": since, "at": at})
                past = None
                if reading.number is not None and reading.check in system.queues:
                    past = tx.one("sample_before", **place, at=at - TREND_WINDOW)
                    tx.run("add_sample", **place, at=at, value=reading.number)
                shown_since = since if before or reading.status is not Status.HEALTHY else None
                trend = _trend(float(past["value"]) if past else None, reading.number)
                result.append(replace(reading, since=shown_since, trend=trend))
            tx.each("remember_reading", rows)  # In one round trip: a person is waiting for the answer.
            tx.run("forget_samples", before=at - 24 * 60 * MINUTE)
            return result

        try:
            return await self._ledger.write(remember)
        except BotError:
            return list(readings)


def judged(check: Check, measured: Measurement, latency: int) -> Reading:
    """The reading of a measurement by the check's thresholds; a note of the adapter is at least a warning."""
    value, number, status, threshold = measured.detail, measured.value, Status.HEALTHY, ""
    if measured.value is not None and measured.unit == "status":
        expected = check.expect or 200
        value = f"{measured.value:.0f}" + (f" {measured.detail}" if measured.detail else "")
        if measured.value != expected:
            status = Status.UNKNOWN if measured.value in {401, 403, 407} else Status.CRITICAL
            threshold = f"expected {expected}"
    elif measured.value is not None:
        quantity = in_base_unit(measured.value, measured.unit)
        if foreign := check.thresholds.unit_other_than(quantity.unit):
            reason = f"its threshold is in {foreign}, but it is measured in {quantity.unit or 'a plain number'}"
            return Reading(check.name, check.title, Status.UNKNOWN, str(quantity), reason=reason, latency=latency)
        number = quantity.value
        value = measured.detail or str(quantity)
        status, limit = check.thresholds.judge(quantity.value)
        if limit is not None:
            threshold = f"{status} {limit}"
            value = f"{quantity} {measured.detail}".rstrip()
    if measured.notes and status is Status.HEALTHY:
        status = Status.WARNING
    return Reading(
        check.name,
        check.title,
        status,
        value=value,
        number=number,
        threshold=threshold,
        reason=", ".join(measured.notes),
        latency=latency,
        count=measured.count,
    )


def _blame(error: BotError) -> Status:
    """A target that is down is critical; what we may not do or cannot read is unknown."""
    return Status.CRITICAL if isinstance(error, Unreachable) or not isinstance(error, TargetError) else Status.UNKNOWN


def _trend(before: float | None, now: float | None) -> str:
    if before is None or now is None or before == now:
        return ""
    return "↑" if now > before else "↓"


def _bound(run: Callable[..., Coroutine[None, None, Reading]], subject: object) -> Run:
    return lambda: run(subject)
