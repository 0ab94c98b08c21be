"""The page reports duty: the header tells what each way of a page did.

People hear at once of a PagerDuty that does not answer, and disabled accounts are skipped for the next level.
"""

import functools
from collections.abc import Sequence

from bot.incidents import page_messages as ping_messages
from bot.incidents import rows as incident_rows
from bot.incidents.escalation import Step, following_level
from bot.incidents.model import Incident, Ping, State
from bot.incidents.posts import IncidentPosts
from bot.incidents.steps import IncidentSteps
from bot.incidents.view import IncidentView
from bot.oncall.service import OnCall, Roster
from bot.outbox import service as outbox
from bot.outbox.alerts import PagerPosts
from bot.store import Ledger, Row, Tx

_BATCH = 50
_FINAL = frozenset({"sent", "seen", "failed", "withdrawn", "given up"})


class PageReports:
    """Looks at what became of the messages and alerts that page people, a subject at a time."""

    name = "page reports"

    def __init__(self, ledger: Ledger, oncall: OnCall, posts: IncidentPosts, steps: IncidentSteps) -> None:
        self._ledger = ledger
        self._oncall = oncall
        self._posts = posts
        self._steps = steps

    async def run(self, now: int) -> bool:
        """Tell what has changed; True where there may be more."""
        subjects = [row["subject"] for row in await self._ledger.read(self._unsettled)]
        changed = [each for each in subjects if await self._ledger.read(functools.partial(_news, subject=each))]
        if changed:
            roster = await self._oncall.roster()
            for subject in changed:
                report = functools.partial(self._report, subject=subject, roster=roster, now=now)
                await self._ledger.write(report)
        await self._end_answered(now)
        return False

    async def next_due(self) -> int | None:
        """Nothing announces what the sender writes down; the cycle of a second is early enough."""
        return None

    @staticmethod
    def _unsettled(tx: Tx) -> Sequence[Row]:
        return tx.all("unsettled_subjects", n=_BATCH)

    def _report(self, tx: Tx, subject: str, roster: Roster, now: int) -> None:
        incident = incident_rows.locked(tx, subject) if subject.startswith("INC-") else None
        news = _news(tx, subject)
        for row in news:
            tx.run("way_shown", message=row["message"], shown=row["outcome"], settled=int(row["outcome"] in _FINAL))
        if incident is None or not news:
            return
        view = self._posts.view(tx, incident, roster, now)
        for row in news:
            if row["alert"]:
                self._tell_of_pager(tx, view, row, now)
        if not incident.active:
            return
        if self._nobody_reached(incident, view):
            step = Step(now, following_level(view.policy, incident), "page")
            incident = self._steps.take(tx, incident, step, roster=roster, now=now)
            view = self._posts.view(tx, incident, roster, now)
        self._posts.header(tx, view)

    def _tell_of_pager(self, tx: Tx, view: IncidentView, row: Row, now: int) -> None:
        """Those whom PagerDuty should have rung, once while it does not answer; and how that ended."""
        ping = next((each for each in view.pings if each.number == row["number"]), None)
        key = f"pager-trouble:{row['subject']}:{row['number']}"
        fails = row["outcome"] in {"failing", "failed"}
        if ping is None or row["outcome"] == "waiting" or (fails and not view.incident.active):
            return
        if not fails and outbox.sent_at(tx, f"{key}:{ping.people[0].slack}" if ping.people else key) is None:
            return
        reason = str(row["last_error"] or "").partition(" at PagerDuty: ")[2] if fails else ""
        if fails:
            message = ping_messages.pager_trouble(view, reason)
        elif row["outcome"] in {"sent", "seen"}:
            message = ping_messages.pager_back(view)
        else:
            message = ping_messages.pager_missed(view)
        for actor in ping.people:
            if actor.slack:
                outbox.post(
                    tx,
                    key=f"{key}:{actor.slack}",
                    channel=f"@{actor.slack}",
                    message=message,
                    now=now,
                    lane="page",
                    guard=(view.incident.id, view.incident.epoch) if fails else None,
                )

    @staticmethod
    def _nobody_reached(incident: Incident, view: IncidentView) -> bool:
        """Whether the newest page met disabled accounts only: nobody there will ever press a button."""
        newest: Ping | None = next((ping for ping in reversed(view.pings) if ping.pages), None)
        if incident.state is not State.OPEN or newest is None or incident.paged >= len(view.policy.levels):
            return False
        reached = [way.outcome for way in view.ways if way.number == newest.number and way.way == "slack"]
        return bool(reached) and set(reached) == {"failed"}

    async def _end_answered(self, now: int) -> None:
        """End the alerts of requests that are decided and of reviews that are signed."""
        pager: PagerPosts | None = self._posts.pager
        if pager is None or not await self._ledger.read(lambda tx: tx.all("answered_operations")):
            return

        def work(tx: Tx) -> None:
            for row in tx.all("answered_operations"):
                pager.tell(tx, row["subject"], "resolve", mark=1, now=now)

        await self._ledger.write(work)


def _news(tx: Tx, subject: str) -> list[Row]:
    """The ways whose outcome is not the one that was shown."""
    return [row for row in tx.all("ways_of", subject=subject) if not row["settled"] and row["outcome"] != row["shown"]]
