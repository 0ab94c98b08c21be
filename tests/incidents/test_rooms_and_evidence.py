"""What follows the opening: a channel of its own, and evidence in the thread. Neither can hold up a page."""

from dataclasses import dataclass, field
from datetime import UTC

import pytest

from bot.domain.errors import Conflict, OutcomeUnknown, Unauthorized, Unreachable
from bot.domain.message import Message, Moment, Paragraph
from bot.domain.people import Actor
from bot.health.statement import Statement
from bot.incidents.channels import AGAIN, ATTEMPTS, KEPT, IncidentRooms, room_name
from bot.incidents.evidence import IncidentEvidence
from bot.incidents.model import Reference, Severity, Suspect
from bot.ports import ChannelGone, RateLimited
from tests.fakes.clock import START
from tests.incidents.world import LEAD, MIN, SRE, World, execute, text_of

pytestmark = pytest.mark.ledger

FIRST = Reference(id="INC-1")
CHANGED = Suspect("app v40 → v41 by @sre", START - 3 * MIN)


@dataclass
class FakeRooms:
    """`Rooms` of a workspace in memory; `faults` are raised by the next calls of a method, one each."""

    faults: dict[str, list[Exception]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def made(self, method: str) -> list[str]:
        """What this method was called with."""
        return [call.split(" ", 1)[1] for call in self.calls if call.startswith(method + " ")]

    async def create_channel(self, name: str, *, since: int) -> str:
        assert since
        self._call("create", name)
        return f"C{len(self.made('create'))}"

    async def set_topic(self, channel: str, topic: str) -> None:
        self._call("topic", f"{channel} {topic}")

    async def invite(self, channel: str, slack_id: str) -> None:
        self._call("invite", f"{channel} {slack_id}")

    async def archive(self, channel: str) -> None:
        self._call("archive", channel)

    def _call(self, method: str, text: str) -> None:
        if self.faults.get(method):
            raise self.faults[method].pop(0)
        self.calls.append(f"{method} {text}")


@dataclass
class FakeEvidence:
    """`EvidenceSource` with one answer; `down` raises instead."""

    down: bool = False
    changed: Suspect = CHANGED

    async def evidence(self, system: str) -> tuple[Message, Statement]:
        if self.down:
            raise Unreachable(f"{system} cannot be asked")
        said = Statement("🔴 app 503, 🟢 8 healthy", "critical:app", ("app 503",), START)
        return Message.plain("🔴 Newsletter: 2 critical, 8 healthy"), said

    async def suspect(self, system: str, at: int) -> Suspect:
        if self.down:
            raise Unreachable(f"{system} cannot be asked")
        return self.changed if self.changed.at is None or self.changed.at <= at else Suspect()


def rooms_of(world: World, rooms: FakeRooms) -> IncidentRooms:
    """The duty over this workspace."""
    return IncidentRooms(world.ledger, world.clock, rooms=rooms, oncall=world.oncall, posts=world.incidents.posts)


def evidence_of(world: World, source: FakeEvidence) -> IncidentEvidence:
    """The duty over this source."""
    posts = world.incidents.posts
    return IncidentEvidence(world.ledger, world.clock, source=source, oncall=world.oncall, posts=posts)


async def rest(duty: IncidentRooms, world: World) -> None:
    """Let the duty take every step that is due now."""
    for _ in range(30):
        if not await duty.run(world.clock.now()):
            return
    raise AssertionError("the duty does not come to rest")


async def test_an_incident_gets_a_channel_of_its_own(world: World) -> None:
    """Named so that it sorts, with its topic, whoever opened it and whoever was paged; the header stands in it too."""
    rooms = FakeRooms()
    await world.open("P0", "Mail stopped!")

    await rest(rooms_of(world, rooms), world)

    assert rooms.calls == [
        "create inc-0001-newsletter-mail-stopped",
        "topic C1 P0 INC-1: Mail stopped!",
        "invite C1 U0ENGINEER",
        "invite C1 U0SRE",
    ]
    assert any(row["channel"] == "C1" and row["key"] == "incident:INC-1:C1" for row in await world.outbox())
    assert (await world.incidents.find(Reference(room="C1"))).id == "INC-1"


@pytest.mark.parametrize("fault", [OutcomeUnknown("no answer"), Unreachable("500"), RateLimited(7_000)], ids=str)
@pytest.mark.parametrize("step", ["create", "topic", "invite"])
async def test_a_failed_step_of_a_channel_is_repeated_alone(world: World, step: str, fault: Exception) -> None:
    """What was done before it is written down: each call succeeds once. A limit is waited for as Slack asks."""
    rooms = FakeRooms({step: [fault]})
    duty = rooms_of(world, rooms)
    await world.open("P0")

    await rest(duty, world)
    due = await duty.next_due()
    assert due == world.clock.now() + (7_000 if isinstance(fault, RateLimited) else AGAIN)
    world.clock.advance(AGAIN)
    await rest(duty, world)

    assert [1, 1, 2] == [len(rooms.made(method)) for method in ("create", "topic", "invite")]
    assert await duty.next_due() is None


async def test_whoever_is_paged_or_takes_it_later_is_invited_too(world: World) -> None:
    """Also while the duty is at work for somebody else; nobody is invited twice."""
    rooms = FakeRooms()
    duty = rooms_of(world, rooms)
    await world.open("P0")
    await rest(duty, world)

    await world.incidents.page_next(FIRST, SRE)
    await rest(duty, world)
    paged = rooms.made("invite")
    await world.incidents.acknowledge(FIRST, Actor("cto", "U0CTO"))
    await rest(duty, world)

    assert paged == ["C1 U0ENGINEER", "C1 U0SRE", "C1 U0LEAD"]
    assert rooms.made("invite") == [*paged, "C1 U0CTO"]
    assert await duty.next_due() is None


async def test_a_channel_that_cannot_be_created_is_tried_again_and_given_up_aloud(world: World) -> None:
    """After the last attempt the thread says so; the incident lives on without it, and a person may ask again."""
    rooms = FakeRooms({"create": [OutcomeUnknown("Slack did not answer.") for _ in range(ATTEMPTS)]})
    duty = rooms_of(world, rooms)
    await world.open("P0")

    for _ in range(ATTEMPTS):
        await rest(duty, world)
        world.clock.advance(AGAIN)
    await world.incidents.acknowledge(FIRST, SRE)
    await rest(duty, world)

    assert rooms.calls == []
    assert await duty.next_due() is None
    assert "(Slack did not answer); stay in this thread" in text_of(
        await world.message("incident:INC-1:channel:create")
    )
    await world.incidents.want_room(FIRST, SRE)
    await rest(duty, world)
    assert rooms.made("create") == ["inc-0001-newsletter-mail-stopped"]


@pytest.mark.parametrize("step", ["create", "topic", "invite"])
async def test_a_missing_scope_is_said_at_once(world: World, step: str) -> None:
    """Waiting brings no scope: the thread names it after the first refusal, and what can be done goes on."""
    rooms = FakeRooms({step: [Unauthorized("The bot's token lacks the scope channels:manage")]})
    duty = rooms_of(world, rooms)
    await world.open("P0")

    await rest(duty, world)

    assert "lacks the scope channels:manage" in text_of(await world.message(f"incident:INC-1:channel:{step}"))
    assert await duty.next_due() is None
    assert step == "create" or "C1 U0SRE" in rooms.made("invite")


async def test_a_channel_that_people_archived_is_not_written_to_again(world: World) -> None:
    """The thread says so, what is done stands there from then on, and the button offers a new one."""
    rooms = FakeRooms()
    duty = rooms_of(world, rooms)
    await world.open("P0")
    await rest(duty, world)

    rooms.faults["topic"] = [ChannelGone("Slack says is_archived")]
    await world.incidents.change_severity(FIRST, Severity.P1, SRE, reason="half of it")
    await rest(duty, world)
    await world.incidents.acknowledge(FIRST, SRE)

    assert "stay in this thread" in text_of(await world.message("incident:INC-1:channel:create"))
    told = [row for row in await world.outbox() if ":told:" in row["key"]]
    assert [row["channel"] for row in told] == ["C1", "C0ALERTS"]
    assert "[Own channel]" in text_of(await world.message("incident:INC-1"))


@pytest.mark.parametrize("severity", ["P2", "P3"])
async def test_a_small_incident_gets_a_channel_by_its_button_alone(world: World, severity: str) -> None:
    """P0 and P1 get one by themselves; so does one that is raised to them."""
    rooms = FakeRooms()
    duty = rooms_of(world, rooms)
    await world.open(severity)
    await world.open(severity)
    await rest(duty, world)
    before = list(rooms.calls)
    offered = text_of(await world.message("incident:INC-1"))

    await world.incidents.want_room(FIRST, SRE)
    await world.incidents.change_severity(Reference(id="INC-2"), Severity.P1, SRE, reason="half of it")
    await rest(duty, world)

    assert before == []
    assert "[Own channel]" in offered
    assert len(rooms.made("create")) == 2
    assert "[Own channel]" not in text_of(await world.message("incident:INC-1"))
    with pytest.raises(Conflict, match="has a channel of its own already"):
        await world.incidents.want_room(FIRST, SRE)


async def test_a_channel_is_archived_a_week_after_the_end(world: World) -> None:
    """Not before, and once; an incident without a channel leaves nothing to do."""
    rooms = FakeRooms()
    duty = rooms_of(world, rooms)
    await world.open("P0")
    await rest(duty, world)
    await world.incidents.resolve(FIRST, SRE)
    await rest(duty, world)

    world.clock.advance(KEPT - 1)
    await rest(duty, world)
    before = rooms.made("archive")
    world.clock.advance(1)
    await rest(duty, world)

    assert (before, rooms.made("archive")) == ([], ["C1"])
    assert await duty.next_due() is None


async def test_an_incident_that_comes_back_gets_a_new_channel(world: World) -> None:
    """A bot cannot open an archived one again; before that the old one is still good."""
    rooms = FakeRooms()
    duty = rooms_of(world, rooms)
    await world.open("P0")
    await rest(duty, world)
    await world.incidents.resolve(FIRST, SRE)
    await rest(duty, world)
    world.clock.advance(KEPT)
    await rest(duty, world)

    execute(world.ledger, "update incident set state = 'acknowledged', resolved_at = null")
    await world.incidents.update(FIRST, "it is back", SRE)
    await rest(duty, world)

    assert len(rooms.made("create")) == 2
    assert any(row["channel"] == "C2" and row["key"] == "incident:INC-1:C2" for row in await world.outbox())
    assert "C2 U0SRE" in rooms.made("invite")


async def test_what_people_do_is_told_in_the_incidents_channel(world: World) -> None:
    """An edited header notifies nobody; before there is a channel it is told in the header's thread."""
    await world.open("P0")
    await world.incidents.acknowledge(FIRST, SRE)
    await rest(rooms_of(world, FakeRooms()), world)

    await world.incidents.acknowledge(FIRST, LEAD)
    await world.incidents.update(FIRST, "the relay is full", LEAD)
    await world.incidents.change_severity(FIRST, Severity.P1, LEAD, reason="half of it")

    told = [row for row in await world.outbox() if ":told:" in row["key"]]
    assert [(row["channel"], row["thread_key"]) for row in told] == [
        ("C0ALERTS", "incident:INC-1"),
        *[("C1", None)] * 3,
    ]
    texts = [text_of(await world.message(row["key"])) for row in told]
    assert texts == [
        "✋ INC-1 P0 · @sre has it",
        "✋ INC-1 P0 · @lead took it over from @sre",
        "✋ INC-1 P0 · @lead: the relay is full",
        "✋ INC-1 P1 · @lead changed the severity from P0 to P1: half of it",
    ]


async def test_a_channel_is_created_after_a_crash(world: World) -> None:
    """A replica that died after its claim leaves the wish in the ledger; another one fulfils it."""
    await world.open("P0")
    await world.ledger.write(lambda tx: tx.one("claim_room", now=world.clock.now(), again=world.clock.now() + AGAIN))
    world.clock.advance(AGAIN)

    rooms = FakeRooms()
    await rest(rooms_of(world, rooms), world)

    assert rooms.made("create") == ["inc-0001-newsletter-mail-stopped"]


async def test_evidence_stands_in_the_thread_and_in_the_ping(world: World) -> None:
    """The checks of now and the suspect change."""
    await world.open("P0")
    await world.sends()

    await evidence_of(world, FakeEvidence()).run(world.clock.now())

    ping = text_of(await world.message("escalation:INC-1:1"))
    assert "Checks at 03:00: 🔴 app 503, 🟢 8 healthy" in ping
    assert "Suspect change: app v40 → v41 by @sre, 02:57" in ping
    thread = next(row["thread_key"] for row in await world.outbox() if row["key"] == "incident:INC-1:evidence")
    assert thread == "incident:INC-1"


async def test_what_is_suspected_is_as_new_as_the_page(world: World) -> None:
    """Read anew for a later page, and shown as the last change where it came after the incident; said in no thread."""
    source = FakeEvidence()
    duty = evidence_of(world, source)
    await world.open("P0")
    await duty.run(world.clock.now())
    quiet = await duty.next_due()
    await world.passes(5)
    source.changed = Suspect("app v41 → v40 by @sre", world.clock.now())
    await world.settle()
    await duty.run(world.clock.now())

    header = text_of(await world.message("incident:INC-1"))
    assert quiet is None
    assert "Last change: app v41 → v40 by @sre, 03:05" in header
    assert "Last change: app v41 → v40 by @sre, 03:05" in text_of(await world.message("escalation:INC-1:2"))
    assert "v40 → v41" not in header
    assert 1 == len([row for row in await world.outbox() if row["key"].startswith("incident:INC-1:evidence")])


async def test_a_reopening_gathers_evidence_anew(world: World) -> None:
    """What was released before it is suspected, with its date where that is another day; the checks are told again."""
    source = FakeEvidence()
    duty = evidence_of(world, source)
    await world.open("P0")
    await duty.run(world.clock.now())
    await world.incidents.resolve(FIRST, SRE)
    world.clock.advance(24 * 60 * MIN)
    source.changed = Suspect("app v41 → v42 by @lead", world.clock.now() - 23 * 60 * MIN)
    await world.incidents.reopen(FIRST, SRE)
    await duty.run(world.clock.now())

    header = await world.message("incident:INC-1")
    lines = [line for part in header.parts if isinstance(part, Paragraph) for line in part.lines]
    suspect = next(line for line in lines if text_of(line).startswith("Suspect"))
    assert "Suspect change: app v41 → v42 by @lead, 04:00" == text_of(suspect)
    assert "date" == next(piece.style_in(UTC) for piece in suspect if isinstance(piece, Moment))
    assert 2 == len([row for row in await world.outbox() if row["key"].startswith("incident:INC-1:evidence")])


async def test_a_suspect_that_cannot_be_read_anew_stands(world: World) -> None:
    """A provider that is down at the second page takes nothing away, and the thread is not told of it."""
    source = FakeEvidence()
    duty = evidence_of(world, source)
    await world.open("P0")
    await duty.run(world.clock.now())
    await world.passes(5)
    await world.settle()
    source.down = True
    await duty.run(world.clock.now())

    assert "Suspect change: app v40 → v41 by @sre, 02:57" in text_of(await world.message("incident:INC-1"))
    assert "could not be run" not in text_of(await world.message("incident:INC-1:evidence"))


async def test_a_page_during_the_reading_has_its_own(world: World) -> None:
    """What is paged while the providers are asked is not taken for answered by what they said before."""

    class Slow(FakeEvidence):
        async def suspect(self, system: str, at: int) -> Suspect:
            await world.incidents.page_next(FIRST, SRE)
            return await super().suspect(system, at)

    await world.open("P0")
    await evidence_of(world, Slow()).run(world.clock.now())
    due = await evidence_of(world, FakeEvidence()).next_due()

    assert world.clock.now() == due


async def test_evidence_after_the_acknowledgement_pages_nobody(world: World) -> None:
    """Slow checks do not wake anybody a second time."""
    await world.open("P0")
    await world.incidents.acknowledge(FIRST, SRE)

    await evidence_of(world, FakeEvidence()).run(world.clock.now())

    assert await world.keys() == []


async def test_evidence_that_cannot_be_had_is_said(world: World) -> None:
    """Once, with the reason."""
    duty = evidence_of(world, FakeEvidence(down=True))
    await world.open("P0")

    await duty.run(world.clock.now())

    assert "could not be run: newsletter cannot be asked" in text_of(await world.message("incident:INC-1:evidence"))
    assert await duty.next_due() is None


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        pytest.param("Mail stopped", "inc-0001-newsletter-mail-stopped", id="words"),
        pytest.param("<!channel> É!", "inc-0001-newsletter-channel", id="signs and other letters"),
        pytest.param("x" * 90, "inc-0001-newsletter-" + "x" * 40, id="too long"),
        pytest.param("日本", "inc-0001-newsletter", id="nothing that a channel name may have"),
    ],
)
async def test_the_name_of_the_channel(world: World, title: str, expected: str) -> None:
    """Slack allows small letters, digits and hyphens."""
    view = await world.open("P0", title)

    assert expected == room_name(view.incident)
