"""What follows the opening: a channel of its own, and evidence in the thread. Neither can hold up a page."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from bot.domain.errors import OutcomeUnknown, Unreachable
from bot.domain.incident import Reference
from bot.domain.message import Message
from bot.domain.people import Actor
from bot.services.incident_evidence import IncidentEvidence
from bot.services.incident_rooms import AGAIN, ATTEMPTS, IncidentRooms, room_name
from tests.incidents.world import SRE, World, text_of

pytestmark = pytest.mark.ledger

FIRST = Reference(id="INC-1")


@dataclass
class FakeRooms:
    """`Rooms` of a workspace in memory; the first `failures` creations fail."""

    failures: int = 0
    created: list[str] = field(default_factory=list)
    invited: list[str] = field(default_factory=list)

    async def create_channel(self, name: str, *, topic: str) -> str:
        assert topic
        if self.failures:
            self.failures -= 1
            raise OutcomeUnknown("Slack did not answer")
        self.created.append(name)
        return f"C{len(self.created)}"

    async def invite(self, channel: str, slack_ids: Sequence[str]) -> None:
        assert channel
        self.invited += slack_ids

    async def direct_channel(self, slack_id: str) -> str:
        raise AssertionError(f"nobody writes to {slack_id}")


@dataclass
class FakeWitness:
    """`Witness` with one answer; `down` raises instead."""

    down: bool = False

    async def evidence(self, system: str) -> Message:
        if self.down:
            raise Unreachable(f"{system} cannot be asked")
        return Message.plain("🔴 Newsletter: 2 critical, 8 healthy")

    async def suspect(self, system: str, at: int) -> str:
        assert at, system
        return "app v40 → v41 by @sre, 3 min before"


def rooms_of(world: World, rooms: FakeRooms) -> IncidentRooms:
    """The duty over this workspace."""
    return IncidentRooms(world.ledger, world.clock, rooms=rooms, oncall=world.oncall, posts=world.incidents.posts)


def evidence_of(world: World, witness: FakeWitness) -> IncidentEvidence:
    """The duty over this witness."""
    posts = world.incidents.posts
    return IncidentEvidence(world.ledger, world.clock, witness=witness, oncall=world.oncall, posts=posts)


async def test_an_incident_gets_a_channel_of_its_own(world: World) -> None:
    """Named after it, with whoever opened it and whoever was paged; the header stands in it too."""
    rooms = FakeRooms()
    await world.open("P0", "Mail stopped!")

    await rooms_of(world, rooms).run(world.clock.now())
    await rooms_of(world, rooms).run(world.clock.now())

    assert (rooms.created, rooms.invited) == (["inc-1-mail-stopped"], ["U0ENGINEER", "U0SRE"])
    assert any(row["channel"] == "C1" and row["key"] == "incident:INC-1:room" for row in await world.outbox())
    assert (await world.incidents.find(Reference(room="C1"))).id == "INC-1"


async def test_whoever_is_paged_or_takes_it_later_is_invited_too(world: World) -> None:
    """Also while the duty is at work for somebody else; who is inside already does no harm."""
    rooms = FakeRooms()
    duty = rooms_of(world, rooms)
    await world.open("P0")
    while await duty.run(world.clock.now()):
        pass
    rooms.invited.clear()

    await world.incidents.page_next(FIRST, SRE)
    await duty.run(world.clock.now())
    paged = list(rooms.invited)
    await world.incidents.acknowledge(FIRST, Actor("cto", "U0CTO"))
    await duty.run(world.clock.now())

    assert "U0LEAD" in paged
    assert "U0CTO" not in paged
    assert "U0CTO" in rooms.invited
    assert await duty.next_due() is None


async def test_a_channel_that_cannot_be_created_is_tried_again_and_given_up_aloud(world: World) -> None:
    """After the last attempt the thread says so; the incident lives on without it."""
    rooms = FakeRooms(failures=ATTEMPTS)
    duty = rooms_of(world, rooms)
    await world.open("P0")

    for _ in range(ATTEMPTS):
        await duty.run(world.clock.now())
        world.clock.advance(AGAIN)

    assert await duty.next_due() is None
    assert rooms.created == []
    assert "stay in this thread" in text_of(await world.message("incident:INC-1:channel"))


async def test_a_channel_is_created_after_a_crash(world: World) -> None:
    """A replica that died after its claim leaves the wish in the ledger; another one fulfils it."""
    await world.open("P0")
    await world.ledger.write(lambda tx: tx.one("claim_room", now=world.clock.now(), again=world.clock.now() + AGAIN))
    world.clock.advance(AGAIN)

    rooms = FakeRooms()
    await rooms_of(world, rooms).run(world.clock.now())

    assert rooms.created == ["inc-1-mail-stopped"]


async def test_evidence_stands_in_the_thread_and_in_the_ping(world: World) -> None:
    """The checks of now and the suspect change."""
    await world.open("P0")
    await world.sends()

    await evidence_of(world, FakeWitness()).run(world.clock.now())

    ping = text_of(await world.message("escalation:INC-1:1"))
    assert "Checks: 🔴 Newsletter: 2 critical, 8 healthy" in ping
    assert "Suspect change: app v40 → v41 by @sre, 3 min before" in ping
    thread = next(row["thread_key"] for row in await world.outbox() if row["key"] == "incident:INC-1:evidence")
    assert thread == "incident:INC-1"


async def test_evidence_after_the_acknowledgement_pages_nobody(world: World) -> None:
    """Slow checks do not wake anybody a second time."""
    await world.open("P0")
    await world.incidents.acknowledge(FIRST, SRE)

    await evidence_of(world, FakeWitness()).run(world.clock.now())

    assert await world.keys() == []


async def test_evidence_that_cannot_be_had_is_said(world: World) -> None:
    """Once, with the reason."""
    duty = evidence_of(world, FakeWitness(down=True))
    await world.open("P0")

    await duty.run(world.clock.now())

    assert "could not be run: newsletter cannot be asked" in text_of(await world.message("incident:INC-1:evidence"))
    assert await duty.next_due() is None


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        pytest.param("Mail stopped", "inc-1-mail-stopped", id="words"),
        pytest.param("<!channel> É!", "inc-1-channel", id="signs and other letters"),
        pytest.param("x" * 90, "inc-1-" + "x" * 54, id="too long"),
        pytest.param("日本", "inc-1", id="nothing that a channel name may have"),
    ],
)
async def test_the_name_of_the_channel(world: World, title: str, expected: str) -> None:
    """Slack allows small letters, digits and hyphens."""
    board = await world.open("P0", title)

    assert expected == room_name(board.incident)
