"""The schedules duty: each run posts exactly once, across restarts and replicas; what was missed runs once, late."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.audit import service as audit
from bot.config.models import ScheduleModel, StewardModel
from bot.domain.errors import BotError
from bot.domain.people import STEWARD
from bot.domain.schedule_phrase import Phrase, parse_phrase
from bot.health.messages import Report
from bot.incidents import rows as incident_rows
from bot.oncall.service import OnCall
from bot.operations import rows as operation_rows
from bot.outbox import service as outbox
from bot.ports import Clock
from bot.schedules.summary import Affairs, Before, Run, digest_of, failed_summary, summary
from bot.store import Ledger, Row, Tx

PATIENCE = 30.0
"""Seconds for all checks of a summary: each has a shorter time limit of its own."""

_MOST = 500

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

    def __init__(self, ledger: Ledger, clock: Clock, config: StewardModel, reports: Reports, oncall: OnCall) -> None:
        self._ledger = ledger
        self._clock = clock
        self._config = config
        self._reports = reports
        self._oncall = oncall
        self._zone = ZoneInfo(config.timezone)
        self._phrases = {name: parse_phrase(model.when) for name, model in config.schedules.items()}
        self._planned = False

    async def run(self, now: int) -> bool:
        """Every run that is due, one after the other."""
        if not self._planned:
            await self._ledger.write(lambda tx: self._plan(tx, now))
            self._planned = True
        for (due, _), names in self._together(await self._ledger.read(lambda tx: tx.all("due_schedules", now=now))):
            await self._post(names, due)
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

    def _together(self, rows: Sequence[Row]) -> list[tuple[tuple[int, str], list[str]]]:
        """Runs that fall due at one moment in one channel are one post: Friday, and the last Friday of a month."""
        found: dict[tuple[int, str], list[str]] = {}
        for row in rows:
            model = self._model(str(row["name"]))
            # Without a model another replica with another configuration owns the row; it is not ours to answer.
            if model is not None:
                channel = model.channel or self._config.channel
                found.setdefault((int(row["next_run_at"]), channel), []).append(str(row["name"]))
        return list(found.items())

    async def _post(self, names: Sequence[str], due: int) -> None:
        models = {name: model for name in names if (model := self._model(name)) is not None}
        gathered = await self._gather(tuple(dict.fromkeys(system for it in models.values() for system in it.systems)))
        now = self._clock.now()
        await self._ledger.write(lambda tx: self._decide(tx, models, due, now, gathered))

    def _decide(self, tx: Tx, models: Mapping[str, ScheduleModel], due: int, now: int, gathered: "_Gathered") -> None:
        """Claim the runs and put their post into the outbox; nothing where another replica has claimed them."""
        rows = tx.all("schedules")
        claimed = {name: model for name, model in models.items() if self._claim(tx, name, rows, due, now, gathered)}
        if not claimed:
            return
        missed = [self._phrases[name].missed(due, now, self._zone) for name in claimed if name in self._phrases]
        run = Run(" · ".join(it.title or name for name, it in claimed.items()), due, now, max(missed, default=0))
        affairs = self._affairs(tx, claimed, rows, now)
        message = (
            failed_summary(run, gathered.problem, affairs)
            if gathered.reports is None
            else summary(run, gathered.reports, _before(rows), affairs)
        )
        name, model = next(iter(claimed.items()))
        channel = model.channel or self._config.channel
        outbox.post(tx, key=f"schedule:{name}:{due}", channel=channel, message=message, now=now)
        detail: audit.Detail = {"due": due, "missed": run.missed, "late_ms": now - due}
        for name in claimed:
            audit.record(tx, at=now, actor=STEWARD, kind="schedule.posted", subject=name, detail=detail)

    def _claim(  # noqa: PLR0917 - one row of `_decide`
        self, tx: Tx, name: str, rows: Sequence[Row], due: int, now: int, gathered: "_Gathered"
    ) -> bool:
        own = next(row for row in rows if row["name"] == name)
        digest = own["digest"] if gathered.reports is None else json.dumps(digest_of(gathered.reports), sort_keys=True)
        phrase = self._phrases.get(name)
        following = phrase.next_run(now, self._zone) if phrase else None
        return tx.run("claim_schedule", name=name, due=due, next_run_at=following, now=now, digest=digest) > 0

    def _affairs(self, tx: Tx, claimed: Mapping[str, ScheduleModel], rows: Sequence[Row], now: int) -> Affairs:
        """A review looks back to the last one of its kind, a summary to the last summary."""
        reviews = {name for name, model in claimed.items() if model.post == "review"}
        runs = {str(row["name"]): row["last_run_at"] for row in rows}
        if reviews:
            since = min(runs[name] or 0 for name in reviews) or None
        else:
            since = max((at for name, at in runs.items() if at and self._posts_health(name)), default=None)
        opened = tx.all("incidents_since", since=since or 0, n=_MOST) if reviews or since else None
        return Affairs(
            open=incident_rows.unresolved(tx, _MOST),
            opened=None if opened is None else [incident_rows.of_row(row) for row in opened],
            since=since,
            waiting=[
                operation_rows.from_row(tx, row)
                for row in (*tx.all("pending_operations"), *tx.all("unknown_operations"))
            ],
            on_call=[(role, actor.person) for role, actor in self._oncall.levels(now)],
        )

    def _posts_health(self, name: str) -> bool:
        model = self._model(name)
        return model is not None and model.post == "health"

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
