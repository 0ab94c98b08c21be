"""Health: runs a system's checks side by side, judges them, and remembers since when each has been as it is."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from dataclasses import replace

import structlog

from bot.domain.errors import BadAnswer, BotError, Unauthorized, Unreachable
from bot.domain.quantity import in_base_unit
from bot.domain.reading import Reading, Status, blame
from bot.domain.timing import MINUTE, span
from bot.health.messages import Report
from bot.ports import Clock, Measurement, Rows
from bot.queues.service import judged_queue
from bot.store import Ledger, Row, Tx
from bot.systems import Check, System, Systems, Table, WatchedQueue

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
            (target, title, asyncio.create_task(run()))
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
        took = self._clock.wall() - started
        return Report(target.name, target.title, tuple(known), at, took, pending, offers=target.offers)

    def _runs(self, system: System, names: Sequence[str]) -> list[tuple[str, Run]]:
        checks = [self._check(check) for check in system.checks.values()]
        queues = [self._queue(queue) for queue in system.queues.values()]
        if not names:
            return [*checks, *queues]
        chosen = [system.watched(name) for name in names]
        return [self._queue(it) if isinstance(it, WatchedQueue) else self._check(it) for it in chosen]

    def _check(self, check: Check) -> tuple[str, Run]:
        async def read() -> Reading:
            return judged(check, await check.measure())

        started = Reading(check.name, check.title, Status.UNKNOWN, lost=check.target)
        return check.title, lambda: self._read(started, check.timeout, read)

    def _queue(self, queue: WatchedQueue) -> tuple[str, Run]:
        async def read() -> Reading:
            return judged_queue(queue, await queue.source.state(self._clock.now()))

        started = Reading(queue.name, queue.name, Status.UNKNOWN, lost=queue.target)
        return queue.name, lambda: self._read(started, QUEUE_TIMEOUT, read)

    async def _read(self, lost: Reading, limit: int, read: Run) -> Reading:
        """One reading within its time limit; whatever goes wrong costs this line alone. `lost`: if nothing answers."""
        try:
            async with asyncio.timeout(limit / 1000):
                reading = await read()
        except TimeoutError:
            reading = replace(lost, status=Status.CRITICAL, reason=f"gave no answer within {span(limit)}")
        except Unreachable as error:
            reading = replace(lost, status=blame(error), reason=str(error))
        except Unauthorized as error:
            # Whoever is refused with the same words at the same door is refused for the same cause.
            door = f"{lost.lost}: {error}" if lost.lost else ""
            reading = replace(lost, status=blame(error), reason=str(error), lost=door)
        except BotError as error:
            reading = replace(lost, status=blame(error), reason=str(error), lost="")
        except Exception as error:  # noqa: BLE001 - the runner of checks is an edge: a defect costs one line
            _log.exception("check failed", check=lost.check)
            reading = replace(lost, reason=f"our own error: {type(error).__name__}", lost="")
        return replace(reading, at=self._clock.now())

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


def judged(check: Check, measured: Measurement) -> Reading:
    """The reading of a measurement by the check's thresholds; a note of the adapter is at least a warning."""
    value, number, status, threshold = measured.detail, measured.value, Status.HEALTHY, ""
    if measured.value is not None and measured.unit == "status":
        expected = check.expect or 200
        value = f"{measured.value:.0f}" + (f" {measured.detail}" if measured.detail else "")
        if measured.value != expected:
            status = Status.UNKNOWN if measured.value in {401, 403, 407} else Status.CRITICAL
            threshold = f"expected {expected}"
    elif measured.value is not None and not math.isfinite(measured.value):
        return Reading(check.name, check.title, Status.UNKNOWN, reason=f"measured {measured.value}, which is no number")
    elif measured.value is not None:
        quantity = in_base_unit(measured.value, measured.unit)
        if foreign := check.thresholds.unit_other_than(quantity.unit):
            reason = f"its threshold is in {foreign}, but it is measured in {quantity.unit or 'a plain number'}"
            return Reading(check.name, check.title, Status.UNKNOWN, str(quantity), reason=reason)
        number = quantity.value
        value = measured.detail or str(quantity)
        status, limit = check.thresholds.judge(quantity.value)
        if limit is not None:
            threshold = f"{status} {limit}"
            # What is counted is named behind its number; a share is followed by what it is of.
            value = f"{quantity}{' ' if quantity.unit else ': '}{measured.detail}" if measured.detail else str(quantity)
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
        count=measured.count,
    )


def _trend(before: float | None, now: float | None) -> str:
    if before is None or now is None or before == now:
        return ""
    return "↑" if now > before else "↓"


async def rows_of(table: Table) -> Rows | BotError:
    """A table's rows now, or why they could not be read within its time."""
    try:
        async with asyncio.timeout(table.timeout / 1000):
            found = await table.read()
        if any(len(row) != len(found.columns) or not all(isinstance(cell, str) for cell in row) for row in found.rows):
            return BadAnswer("could not be read (its rows do not fit its columns)")
    except TimeoutError:
        return Unreachable(f"gave no answer within {span(table.timeout)}")
    except BotError as error:
        return error
    except Exception as error:  # noqa: BLE001 - the edge: one odd answer costs its own table
        _log.exception("table failed", table=table.name)
        return BadAnswer(f"could not be read ({type(error).__name__})")
    return found
