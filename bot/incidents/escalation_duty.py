"""The escalation duty: claims incidents whose next step is due and takes it, a batch per transaction."""

from collections.abc import Mapping

from bot.health.statement import Statement
from bot.incidents import rows as incident_rows
from bot.incidents.checks import Checks
from bot.incidents.steps import IncidentSteps
from bot.oncall.service import OnCall, Roster
from bot.store import Ledger, Tx

BATCH = 50


class Escalation:
    """Takes one step per due incident and run. It waits for nothing but the checks, and for those 2 s at most."""

    name = "escalation"

    def __init__(self, ledger: Ledger, oncall: OnCall, steps: IncidentSteps, checks: Checks) -> None:
        self._ledger = ledger
        self._checks = checks
        self._oncall = oncall
        self._steps = steps

    async def run(self, now: int) -> bool:
        """One batch; True where another may be due."""
        due = await self.next_due()
        if due is None or due > now:
            return False
        concerned = await self._ledger.read(lambda tx: tx.all("due_systems", now=now))
        said = await self._checks.of(row["system"] for row in concerned)
        roster = await self._oncall.roster()
        return await self._ledger.write(lambda tx: self._batch(tx, roster, now, said)) == BATCH

    async def next_due(self) -> int | None:
        """When the next step of any incident is due."""
        row = await self._ledger.read(lambda tx: tx.one("next_incident_step"))
        return row["at"] if row else None

    def _batch(self, tx: Tx, roster: Roster, now: int, said: Mapping[str, Statement]) -> int:
        rows = tx.all("claim_due_incidents", now=now, n=BATCH)
        for row in rows:
            incident = incident_rows.of_row(row)
            step = self._steps.due(incident)
            if step is not None and step.at <= now:
                incident = incident_rows.set_checks(tx, incident, said.get(incident.system))
                self._steps.take(tx, incident, step, roster=roster, now=now)
            else:
                incident_rows.save(tx, incident, next_step_at=step.at if step else None)
        return len(rows)
