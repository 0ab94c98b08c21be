"""The schedules duty: each run posts exactly once, across restarts and replicas; what was missed runs once, late."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.config.models import ScheduleModel, StewardModel
from bot.domain.errors import BotError
from bot.domain.health import Report
from bot.domain.incident import Incident
from bot.domain.people import STEWARD
from bot.domain.schedule import Phrase, parse_phrase
from bot.domain.summary import Before, Run, digest_of, failed_summary, summary
from bot.ports import Clock
from bot.services import audit, incident_records, outbox
from bot.store import Ledger, Row, Tx

PATIENCE = 30.0
"""Seconds for all checks of a summary: each has a shorter time limit of its own."""

FIRST = "first"
"""The name of the run that greets at the first start ever; no phrase leads to it again."""


class Reports(Protocol):
    """Where readings come from."""

    async def reports(self, systems: Sequence[str]) -> list[Report]:
        """Whole reports, with their context."""
        ...


class Schedules:
    """Posts summaries and reviews. The readings are gathered before the transaction that decides."""

    name = "schedules"

    def __init__(self, ledger: Ledger, clock: Clock, config: StewardModel, reports: Reports) -> None:
        self._ledger = ledger
        self._clock = clock
        self._config = config
        self._reports = reports
        self._zone = ZoneInfo(config.timezone)
        self._phrases = {name: parse_phrase(model.when) for name, model in config.schedules.items()}
        self._planned = False

    async def run(self, now: int) -> bool:
        """Every run that is due, one after the other."""
        if not self._planned:
            await self._ledger.write(lambda tx: self._plan(tx, now))
            self._planned = True
        for row in await self._ledger.read(lambda tx: tx.all("due_schedules", now=now)):
            await self._post(str(row["name"]), int(row["next_run_at"]))
        return False

    async def next_due(self) -> int | None:
        """When the next run is due."""
        if not self._planned:
            return self._clock.now()
        row = await self._ledger.read(lambda tx: tx.one("next_schedule"))
        return row["at"] if row else None

    def _plan(self, tx: Tx, now: int) -> None:
        """Bring the rows in line with the configuration; a name that it no longer has never runs again."""
        zone = self._config.timezone
        known = {row["name"] for row in tx.all("schedules")}
        if not known and any(model.post == "health" for model in self._config.schedules.values()):
            tx.run("insert_schedule", name=FIRST, cron="", zone=zone, next_run_at=now)
        for name, phrase in self._phrases.items():
            due = phrase.next_run(now, self._zone)
            tx.run("insert_schedule", name=name, cron=phrase.cron, zone=zone, next_run_at=due)
            tx.run("change_schedule", name=name, cron=phrase.cron, zone=zone, next_run_at=due)
        for name in known - self._phrases.keys() - {FIRST}:
            tx.run("change_schedule", name=name, cron="removed", zone=zone, next_run_at=None)

    async def _post(self, name: str, due: int) -> None:
        model, phrase = self._model(name), self._phrases.get(name)
        if model is None:
            # Another replica with another configuration owns this row; it is not ours to answer.
            return
        gathered = await self._gather(model.systems)
        now = self._clock.now()
        missed = phrase.missed(due, now, self._zone) if phrase else 0
        run = Run(model.title or name, due, now, missed)
        await self._ledger.write(lambda tx: self._decide(tx, name, model, run, gathered))

    def _decide(self, tx: Tx, name: str, model: ScheduleModel, run: Run, gathered: "_Gathered") -> None:
        """Claim the run and put its post into the outbox; nothing where another replica has claimed it."""
        rows = tx.all("schedules")
        before, own = _before(rows), next(row for row in rows if row["name"] == name)
        digest = own["digest"] if gathered.reports is None else json.dumps(digest_of(gathered.reports), sort_keys=True)
        phrase = self._phrases.get(name)
        following = phrase.next_run(run.now, self._zone) if phrase else None
        claimed = tx.run("claim_schedule", name=name, due=run.due, next_run_at=following, now=run.now, digest=digest)
        if not claimed:
            return
        if gathered.reports is None:
            message = failed_summary(run, gathered.problem)
        else:
            opened = _opened_since(tx, own["last_run_at"] or 0) if model.post == "review" else None
            message = summary(run, gathered.reports, before, opened)
        key = f"schedule:{name}:{run.due}"
        outbox.post(tx, key=key, channel=model.channel or self._config.channel, message=message, now=run.now)
        detail: audit.Detail = {"due": run.due, "missed": run.missed, "late_ms": run.now - run.due}
        audit.record(tx, at=run.now, actor=STEWARD, kind="schedule.posted", subject=name, detail=detail)

    async def _gather(self, systems: Sequence[str]) -> "_Gathered":
        try:
            async with asyncio.timeout(PATIENCE):
                return _Gathered(await self._reports.reports(systems))
        except TimeoutError:
            return _Gathered(None, f"they did not end within {PATIENCE:.0f} s")
        except BotError as error:
            return _Gathered(None, str(error))

    def _model(self, name: str) -> ScheduleModel | None:
        if name != FIRST:
            return self._config.schedules.get(name)
        health = [model for model in self._config.schedules.values() if model.post == "health"]
        systems = tuple(dict.fromkeys(system for model in health for system in model.systems))
        return ScheduleModel(when="daily 0:00", systems=systems, title="First summary") if systems else None


@dataclass(frozen=True, slots=True)
class _Gathered:
    """The readings of a run, or why there are none."""

    reports: list[Report] | None
    problem: str = ""


def _opened_since(tx: Tx, since: int) -> list[Incident]:
    return [incident_records.of_row(row) for row in tx.all("incidents_since", since=since, n=50)]


def _before(rows: Sequence[Row]) -> Before:
    """The newest known status of each check, whichever schedule read it: rows come in the order of their runs."""
    digest: dict[str, str] = {}
    at: int | None = None
    for row in rows:
        if row["last_run_at"] is not None:
            known: Mapping[str, str] = json.loads(row["digest"] or "{}")
            digest |= known
            at = row["last_run_at"]
    return Before(digest, at)


def upcoming(config: StewardModel, now: int) -> list[tuple[str, Phrase, int]]:
    """Name, phrase and next run of every schedule, the nearest first: what `steward check` tells."""
    zone = ZoneInfo(config.timezone)
    phrases = {name: parse_phrase(model.when) for name, model in config.schedules.items()}
    found = [(name, phrase, phrase.next_run(now, zone)) for name, phrase in phrases.items()]
    return sorted(found, key=lambda item: item[2])
