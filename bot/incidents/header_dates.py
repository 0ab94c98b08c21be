"""The incident dates duty: after midnight the headers of open incidents are drawn again.

A time of the day before is shown with its date, and only what is drawn anew knows which day it is.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.incidents import rows as incident_rows
from bot.incidents.posts import IncidentPosts
from bot.oncall.service import OnCall
from bot.store import Ledger, Tx

_BATCH = 10


class IncidentDates:
    """Draws once a day, in the configured zone."""

    name = "incident-dates"

    def __init__(self, ledger: Ledger, zone: ZoneInfo, *, oncall: OnCall, posts: IncidentPosts) -> None:
        self._ledger = ledger
        self._zone = zone
        self._oncall = oncall
        self._posts = posts
        self._due: int | None = None

    async def run(self, now: int) -> bool:
        """A batch of headers; True where another may wait."""
        # What is opened later is dated later, so what was read once holds until it is due.
        if self._due is None or self._due <= now:
            self._due = await self._oldest()
        if self._due is None or self._due > now:
            return False
        roster = await self._oncall.roster()

        def work(tx: Tx) -> int:
            rows = tx.all("claim_undated", now=now, midnight=self._midnight(now), n=_BATCH)
            for row in rows:
                self._posts.header(tx, self._posts.view(tx, incident_rows.of_row(row), roster, now))
            return len(rows)

        drawn = await self._ledger.write(work)
        self._due = await self._oldest()
        return drawn == _BATCH

    async def next_due(self) -> int | None:
        """The midnight after the oldest drawing."""
        return self._due

    async def _oldest(self) -> int | None:
        row = await self._ledger.read(lambda tx: tx.one("oldest_dated"))
        return None if row is None or row["at"] is None else self._midnight(row["at"], days=1)

    def _midnight(self, at: int, days: int = 0) -> int:
        """The beginning of the local day of `at`, or of a later one."""
        day = datetime.fromtimestamp(at / 1000, self._zone).date() + timedelta(days)
        begins = datetime(day.year, day.month, day.day, tzinfo=self._zone)
        return round(begins.astimezone(UTC).timestamp() * 1000)
