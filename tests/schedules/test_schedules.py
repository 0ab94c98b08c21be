"""Scheduled summaries: exactly once, across restarts and replicas, with what changed since the last one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from bot.domain.errors import Unavailable
from bot.domain.health import Report
from bot.domain.incident import Reference, Severity
from bot.domain.reading import Reading, Status
from bot.services.schedules import Schedules, upcoming
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
    def build(cls, ledger: Ledger, clock: FakeClock, reports: FakeReports, **schedules: object) -> "Posting":
        """A process that has just started."""
        config = configuration(schedules=schedules or {"morning": MORNING, "noon": NOON})
        return cls(World.build(ledger, clock, config), reports, Schedules(ledger, clock, config, reports))

    async def reaches(self, moment: int) -> None:
        """Let time pass without an engine, then run it."""
        self.world.clock.advance(moment - self.world.clock.now())
        await self.duty.run(self.world.clock.now())

    async def posts(self) -> list[str]:
        """Keys of the posts, without the moment of the first one."""
        return [row["key"] for row in await self.world.outbox() if row["key"].startswith("schedule:")]

    async def text(self, number: int = -1) -> str:
        """The text of one post."""
        return text_of(await self.world.message((await self.posts())[number]))


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
    assert (await posting.text()).startswith("First summary\n🟢 Newsletter: 1 healthy")
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


async def test_a_review_tells_the_incidents_since_the_last_one(ledger: Ledger, clock: FakeClock) -> None:
    """With their severity and how long they took."""
    posting = Posting.build(ledger, clock, FakeReports(), review=REVIEW)
    await posting.duty.run(clock.now())
    board = await posting.world.incidents.open("mail stopped", Severity.P1, SRE, system="newsletter")
    clock.advance(HOUR)
    await posting.world.incidents.resolve(Reference(id=board.incident.id), SRE)

    await posting.reaches(at(10))

    assert "INC-1 P1 mail stopped · resolved after 1 h" in await posting.text()


def test_what_comes_next_is_told() -> None:
    """The nearest run first, each phrase in words."""
    config = configuration(schedules={"noon": NOON, "morning": MORNING})

    told = [(name, phrase.explain(), due) for name, phrase, due in upcoming(config, at(3))]

    assert told == [("morning", "At 09:00 every day", at(9)), ("noon", "At 12:00 every day", at(12))]
