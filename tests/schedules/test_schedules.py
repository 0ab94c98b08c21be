"""Scheduled summaries: exactly once, across restarts and replicas, with what changed since the last one."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from bot.domain.errors import Unavailable
from bot.domain.message import Message
from bot.domain.reading import Reading, Status
from bot.health.messages import Report
from bot.incidents.model import Reference, Severity
from bot.schedules.service import Schedules, upcoming
from bot.store import Ledger, open_ledger
from tests.fakes.clock import FakeClock
from tests.incidents.world import MIN, SRE, World, configuration, text_of

pytestmark = pytest.mark.ledger

HOUR = 60 * MIN
MORNING = {"when": "daily 9:00", "systems": ["newsletter"], "title": "Morning summary"}
NOON = {"when": "daily 12:00", "systems": ["newsletter"], "title": "Noon summary"}
REVIEW = {"when": "Sunday 10:00", "post": "review", "systems": ["newsletter"], "title": "Weekly review"}


def at(hour: int, minute: int = 0, day: int = 3) -> int:
    """A moment of May 2026 in UTC; the clock of the tests starts on the 3rd, a Sunday, at 03:00."""
    return round(datetime(2026, 5, day, hour, minute, tzinfo=UTC).timestamp() * 1000)


@dataclass
class FakeReports:
    """`Reports` whose one check is as the test says; `down` raises instead."""

    status: Status = Status.HEALTHY
    down: bool = False
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def reports(self, systems: Sequence[str]) -> list[Report]:
        self.asked.append(tuple(systems))
        if self.down:
            raise Unavailable("the ledger does not answer")
        return [Report(name, name.title(), (Reading("app", "app", self.status),), at(9), 12) for name in systems]


@dataclass
class Posting:
    """A duty over a ledger, with a clock and readings that the test moves."""

    world: World
    reports: FakeReports
    duty: Schedules

    @classmethod
    def build(
        cls, ledger: Ledger, clock: FakeClock, reports: FakeReports, zone: str = "UTC", **schedules: object
    ) -> "Posting":
        """A process that has just started."""
        config = configuration(schedules=schedules or {"morning": MORNING, "noon": NOON}, timezone=zone)
        world = World.build(ledger, clock, config)
        return cls(world, reports, Schedules(ledger, clock, config, reports, world.oncall))

    async def reaches(self, moment: int) -> None:
        """Let time pass without an engine, then run it."""
        self.world.clock.advance(moment - self.world.clock.now())
        await self.duty.run(self.world.clock.now())

    async def posts(self) -> list[str]:
        """Keys of the posts, without the moment of the first one."""
        return [row["key"] for row in await self.world.outbox() if row["key"].startswith("schedule:")]

    async def message(self, number: int = -1) -> Message:
        """One post."""
        return await self.world.message((await self.posts())[number])

    async def text(self, number: int = -1) -> str:
        """The text of one post."""
        return text_of(await self.message(number))


@pytest.fixture
async def posting(ledger: Ledger, clock: FakeClock) -> Posting:
    """Two schedules, started for the first time at 03:00, with the first summary posted."""
    posting = Posting.build(ledger, clock, FakeReports())
    await posting.duty.run(clock.now())
    return posting


async def test_the_first_start_posts_a_summary_at_once(posting: Posting) -> None:
    """One for all systems; nothing else is due yet."""
    await posting.duty.run(posting.world.clock.now())

    assert await posting.posts() == [f"schedule:first:{at(3)}"]
    assert (await posting.text()).startswith("🟢 First summary\n🟢 Newsletter: 1 healthy")
    assert await posting.duty.next_due() == at(9)


async def test_a_restart_posts_no_first_summary_again(posting: Posting, ledger: Ledger, clock: FakeClock) -> None:
    """The ledger remembers."""
    await Posting.build(ledger, clock, FakeReports()).duty.run(clock.now())

    assert len(await posting.posts()) == 1


async def test_a_summary_is_posted_when_it_is_due(posting: Posting) -> None:
    """At nine, once, under a key that names the run."""
    await posting.reaches(at(8, 59))
    before = len(await posting.posts())
    await posting.reaches(at(9))
    await posting.reaches(at(9, 1))

    assert (before, await posting.posts()) == (1, [f"schedule:first:{at(3)}", f"schedule:morning:{at(9)}"])


async def test_a_summary_says_what_changed_since_the_last_one(posting: Posting) -> None:
    """Whichever schedule posted the last one."""
    await posting.reaches(at(9))
    unchanged = await posting.text()
    posting.reports.status = Status.CRITICAL
    await posting.reaches(at(12))

    assert "Nothing changed since 03:00." in unchanged
    assert "Changed since 09:00\n🟢 → 🔴 Newsletter: app" in await posting.text()


async def test_runs_that_were_missed_are_one_late_run(posting: Posting) -> None:
    """After two days without the bot one morning summary is posted, and says how late it is."""
    await posting.reaches(at(9))
    await posting.reaches(at(10, day=6))

    keys = await posting.posts()
    assert keys[2:] == [f"schedule:morning:{at(9, day=4)}", f"schedule:noon:{at(12)}"]
    assert "Late by 2 d 1 h: it was due at 09:00; 2 more runs were missed" in await posting.text(2)
    assert await posting.duty.next_due() == at(12, day=6)


async def test_each_post_is_kept_in_the_audit(posting: Posting, ledger: Ledger) -> None:
    """Which run it was of, how late it came, and how many were missed before it."""
    await posting.reaches(at(9, 1, day=6))

    rows = await ledger.read(lambda tx: tx.all("unsealed_audit", n=100))
    kept = {row["subject"]: json.loads(row["detail"]) for row in rows if row["kind"] == "schedule.posted"}
    assert {"due": at(9), "missed": 3, "late_ms": at(9, 1, day=6) - at(9)} == kept["morning"]
    assert {"due": at(3), "missed": 0, "late_ms": 0} == kept["first"]


async def test_readings_that_cannot_be_had_are_said(posting: Posting) -> None:
    """Silence would look like health; the comparison goes on from what was known."""
    posting.reports.down = True
    await posting.reaches(at(9))
    failed = await posting.text()
    posting.reports.down = False
    await posting.reaches(at(12))

    assert "The checks could not be run: the ledger does not answer" in failed
    assert "Nothing changed" in await posting.text()


async def test_replicas_post_once(ledger_url: str, clock: FakeClock) -> None:
    """Three processes that start and reach nine o'clock together."""
    ledgers = [await open_ledger(ledger_url) for _ in range(3)]
    replicas = [Posting.build(ledger, clock, FakeReports()) for ledger in ledgers]
    await asyncio.gather(*(replica.duty.run(clock.now()) for replica in replicas))
    clock.advance(6 * HOUR)

    await asyncio.gather(*(replica.duty.run(clock.now()) for replica in replicas))

    assert len(await replicas[0].posts()) == 2
    for ledger in ledgers:
        await ledger.close()


async def test_a_changed_phrase_is_planned_anew(posting: Posting, ledger: Ledger, clock: FakeClock) -> None:
    """After a restart with another time the old one is forgotten; a schedule taken out never runs again."""
    later = Posting.build(ledger, clock, FakeReports(), morning=MORNING | {"when": "daily 10:00"})
    await later.duty.run(clock.now())

    assert await later.duty.next_due() == at(10)
    await later.reaches(at(13))
    assert (await posting.posts())[1:] == [f"schedule:morning:{at(10)}"]


async def test_runs_are_planned_in_the_configured_zone(ledger: Ledger, clock: FakeClock) -> None:
    """Nine o'clock in Berlin is seven in UTC, and a post that is late counts the missed ones there as well."""
    posting = Posting.build(ledger, clock, FakeReports(), "Europe/Berlin", night={**MORNING, "when": "daily 0:30"})
    await posting.duty.run(clock.now())

    assert await posting.duty.next_due() == at(22, 30)
    await posting.reaches(at(22, 30, day=5))

    assert (await posting.posts())[1:] == [f"schedule:night:{at(22, 30)}"]
    assert "2 more runs were missed" in await posting.text()
    assert await posting.duty.next_due() == at(22, 30, day=6)


async def test_a_changed_zone_is_planned_anew(posting: Posting, ledger: Ledger, clock: FakeClock) -> None:
    """After a restart in another zone the same phrase means another moment."""
    moved = Posting.build(ledger, clock, FakeReports(), "America/New_York")
    before = await posting.duty.next_due()
    await moved.duty.run(clock.now())

    assert (before, await moved.duty.next_due()) == (at(9), at(13))
    await moved.reaches(at(13))
    assert (await moved.posts())[1:] == [f"schedule:morning:{at(13)}"]


async def test_in_the_autumn_night_a_time_that_comes_twice_posts_once(ledger: Ledger) -> None:
    """Started again in the second of the two hours from two to three, nothing is due before the next night."""
    clock = FakeClock(round(datetime(2026, 10, 24, 23, tzinfo=UTC).timestamp() * 1000))
    nightly = {**MORNING, "when": "daily 2:30"}
    posting = Posting.build(ledger, clock, FakeReports(), "Europe/Berlin", night=nightly)
    first, second = (round(datetime(2026, 10, 25, hour, 30, tzinfo=UTC).timestamp() * 1000) for hour in (0, 1))
    await posting.duty.run(clock.now())
    await posting.reaches(first)

    for moment in (second - 20 * MIN, second - 1, second, second + 20 * MIN):
        clock.advance(moment - clock.now())
        again = Posting.build(ledger, clock, FakeReports(), "Europe/Berlin", night=nightly)
        await again.duty.run(moment)
        new = Posting.build(ledger, clock, FakeReports(), "Europe/Berlin", night={**nightly, "when": "daily 2:15"})
        await new.duty.run(moment)
        assert await new.duty.next_due() == round(datetime(2026, 10, 26, 1, 15, tzinfo=UTC).timestamp() * 1000)

    assert (await posting.posts())[1:] == [f"schedule:night:{first}"]


async def test_runs_of_one_moment_are_one_post(ledger: Ledger, clock: FakeClock) -> None:
    """The last Friday is a Friday too: one post with both titles, all their systems, and the longer look back."""
    friday = {"when": "Friday 17:00", "post": "review", "systems": ["newsletter"], "title": "Before the weekend"}
    monthly = {**friday, "when": "last Friday 17:00", "systems": ["target-list"], "title": "Month-end review"}
    elsewhere = {**friday, "channel": "C0GENERAL", "title": "For everybody"}
    posting = Posting.build(ledger, clock, FakeReports(), friday=friday, monthly=monthly, other=elsewhere)
    await posting.duty.run(clock.now())
    for day in (8, 15, 22):
        await posting.reaches(at(17, day=day))
    before = await posting.posts()
    await posting.reaches(at(17, day=29))

    assert (await posting.posts())[len(before) :] == [
        f"schedule:friday:{at(17, day=29)}",
        f"schedule:other:{at(17, day=29)}",
    ]
    channels = {row["key"]: row["channel"] for row in await posting.world.outbox()}
    assert ["C0ALERTS", "C0GENERAL"] == [channels[key] for key in (await posting.posts())[len(before) :]]
    assert (await posting.text(-2)).startswith("🟢 Before the weekend · Month-end review\n")
    assert "🟢 Newsletter" in await posting.text(-2)
    assert "🟢 Target-List" in await posting.text(-2)
    assert "No incident was opened so far." in await posting.text(-2)
    assert "No incident was opened since 17:00." in await posting.text(-1)
    assert await posting.duty.next_due() == at(17, day=36 - 31) + 31 * 24 * HOUR


async def test_a_summary_tells_what_is_open_and_what_the_night_brought(posting: Posting) -> None:
    """Its heading is no better than the worst incident; the night is what came since the last summary."""
    for hour in (9, 12):
        await posting.reaches(at(hour))
    quiet = await posting.text()
    for severity, title in (("P2", "slow"), ("P0", "mail stopped"), ("P1", "gone again")):
        await posting.world.open(severity, title)
    await posting.world.incidents.resolve(Reference(id="INC-3"), SRE)
    await posting.reaches(at(9, day=4))
    morning = await posting.text()
    await posting.world.incidents.mitigate(Reference(id="INC-2"), SRE)
    await posting.world.incidents.resolve(Reference(id="INC-1"), SRE)
    await posting.reaches(at(12, day=4))
    noon = await posting.text()

    assert quiet.startswith("🟢 Noon summary\n")
    assert "No incident was opened since 09:00." in quiet
    assert morning.startswith("🚨 Morning summary: INC-2 P0 is open and 1 more\n🚨 INC-2 P0 Newsletter: mail stopped")
    assert "3 incidents opened since 12:00\nINC-2 P0 mail stopped · open\nINC-3 P1 gone again · resolved" in morning
    assert "On call primary @sre, secondary @lead, manager @manager, cto @cto" in morning
    assert noon.startswith("🩹 Noon summary: INC-2 P0 is mitigated\n")
    assert "🚨 INC-2 P0 mail stopped is open" in (await posting.message(-2)).text


async def test_a_summary_without_readings_tells_what_is_open_all_the_same(posting: Posting) -> None:
    """The checks that cannot be run do not hide a P0."""
    posting.reports.down = True
    await posting.world.open("P0", "mail stopped")
    await posting.reaches(at(9))

    assert (await posting.text()).startswith("🚨 Morning summary: INC-1 P0 is open\n🚨 INC-1 P0 newsletter: mail")


async def test_long_lists_begin_with_the_worst_and_count_the_rest(ledger: Ledger, clock: FakeClock) -> None:
    """Of twenty incidents the P0 that was opened last stands first; the others are counted."""
    posting = Posting.build(ledger, clock, FakeReports(), review=REVIEW)
    await posting.duty.run(clock.now())
    for number in range(19):
        await posting.world.open("P3", f"small {number}")
    await posting.world.open("P0", "mail stopped")

    await posting.reaches(at(10))

    told = await posting.text()
    assert "20 incidents opened so far\nINC-20 P0 mail stopped · open\nINC-1 P3 small 0" in told
    assert told.count("… and 8 more") == 2


async def test_a_review_tells_the_incidents_since_the_last_one(ledger: Ledger, clock: FakeClock) -> None:
    """With their severity and how long they took."""
    posting = Posting.build(ledger, clock, FakeReports(), review=REVIEW)
    await posting.duty.run(clock.now())
    view = await posting.world.incidents.open("mail stopped", Severity.P1, SRE, system="newsletter")
    clock.advance(HOUR)
    await posting.world.incidents.resolve(Reference(id=view.incident.id), SRE)

    await posting.reaches(at(10))

    assert "INC-1 P1 mail stopped · resolved after 1 h" in await posting.text()


def test_what_comes_next_is_told() -> None:
    """The nearest run first, each phrase in words."""
    config = configuration(schedules={"a": NOON, "b": MORNING}, timezone="Europe/Berlin")

    told = [(name, phrase.explain(), due) for name, phrase, due in upcoming(config, at(3))]

    # In Berlin's summer, nine o'clock is seven in UTC.
    assert told == [("b", "At 09:00 every day", at(7)), ("a", "At 12:00 every day", at(10))]
