"""`/incident` and `/oncall` as people use them: typed, by form, by button."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

import commands.incident
import commands.oncall
from bot.domain.errors import FieldErrors, NotFound, UsageError
from bot.domain.message import Message, Modal
from bot.domain.people import Access, Actor
from bot.incidents.model import Reference, State
from bot.requests.invocation import Incoming, Invocation, Listener
from bot.requests.services import Services
from bot.systems import System, Systems
from tests.incidents.world import ENGINEER, SRE, World, button_of, configuration, text_of

pytestmark = pytest.mark.ledger

LISTENERS: dict[tuple[str, str], Listener] = {
    (listener.kind, listener.key): listener for listener in (*commands.incident.LISTENERS, *commands.oncall.LISTENERS)
}


async def sends(world: World, incoming: Incoming, actor: Actor = ENGINEER) -> Message | Modal | None:
    """What the registry does with a request that the policy allows."""
    listener = LISTENERS[incoming.kind, incoming.key]
    systems = Systems({"newsletter": System("newsletter", "Newsletter")})
    parts = {"clock": world.clock, "incidents": world.incidents, "oncall": world.oncall, "systems": systems}
    services = cast("Services", SimpleNamespace(config=configuration(), ledger=world.ledger, **parts))
    call: Invocation[Any] = Invocation(
        listener.parse(incoming), actor, Access(frozenset({"engineer"})), incoming, cast("Any", None)
    )
    return await listener.handler(call, services)


async def types(world: World, text: str, actor: Actor = ENGINEER, channel: str = "C0ALERTS") -> Message:
    """Type `/incident …` and read the reply."""
    reply = await sends(world, Incoming("command", "/incident", text, actor.slack, channel=channel), actor)
    assert isinstance(reply, Message)
    return reply


async def presses(world: World, message: Message, label: str, actor: Actor = SRE) -> Message | Modal | None:
    """Press a button of a message."""
    button = button_of(message, label)
    return await sends(world, Incoming("button", button.action, button.value, actor.slack), actor)


@pytest.mark.parametrize(
    ("text", "title", "severity", "system"),
    [
        pytest.param("open mail stopped", "mail stopped", "P1", "", id="a title alone opens a P1"),
        pytest.param("open P0 newsletter mail stopped", "mail stopped", "P0", "newsletter", id="everything"),
        pytest.param("open newsletter: mail stopped", "mail stopped", "P1", "newsletter", id="a system with a colon"),
        pytest.param("open newsletter p0 mail stopped", "mail stopped", "P0", "newsletter", id="the system first"),
        pytest.param("open P0: newsletter, mail stopped", "mail stopped", "P0", "newsletter", id="with punctuation"),
        pytest.param('open "P0 newsletter mail stopped"', "mail stopped", "P0", "newsletter", id="all in quotes"),
        pytest.param(
            "open sev0 news letter mail stopped", "mail stopped", "P0", "newsletter", id="a name in two words"
        ),
        pytest.param("open newsletter: sev 2, mail slow", "mail slow", "P2", "newsletter", id="sev after the system"),
        pytest.param("open p95 is too high", "p95 is too high", "P1", "", id="a percentile is no severity"),
        pytest.param("open P0 Newsletter", "Newsletter is in trouble", "P0", "newsletter", id="no title"),
        pytest.param("open p2 <!channel> down", "<!channel> down", "P2", "", id="a title is only text"),
    ],
)
async def test_opening_at_once(world: World, text: str, title: str, severity: str, system: str) -> None:
    """What is typed is enough; the first word is a system only where one has that name."""
    await types(world, text)

    incident = (await world.incidents.unresolved())[0]
    assert (title, severity, system) == (incident.title, incident.severity.value, incident.system)


async def test_whoever_opens_it_reads_who_was_paged(world: World) -> None:
    """And can take it at once."""
    reply = await types(world, "open P0 newsletter mail stopped")

    assert text_of(reply) == "INC-1 is open · P0 INC-1 Newsletter: mail stopped\n@sre was paged.\n[I have it]"


async def test_opening_with_nothing_asks_by_a_form(world: World) -> None:
    """The form opens the incident; a title of spaces is refused at its field."""
    form = await sends(world, Incoming("command", "/incident", "open p0", "U0SRE"))
    assert isinstance(form, Modal)
    fields = {"severity": "P0", "system": "newsletter", "title": "mail stopped", "impact": "no mail goes out"}

    with pytest.raises(FieldErrors, match="title: Say in a few words"):
        await sends(world, Incoming("form", form.form, "", "U0SRE", fields=fields | {"title": "  "}))
    await sends(world, Incoming("form", form.form, "", "U0SRE", fields=fields))

    assert "Impact: no mail goes out" in text_of(await world.message("incident:INC-1"))


async def test_a_life_by_typing(world: World) -> None:
    """Ack, severity, update, mitigate, resolve; each reply says how it stands."""
    await types(world, "open P0 newsletter mail stopped")
    replies = [
        (await types(world, text, SRE)).text
        for text in (
            "ack INC-1",
            "severity INC-1 P1 half of it",
            "update INC-1 rolled back",
            "mitigate INC-1",
            "resolve INC-1 mail flows",
        )
    ]

    assert replies == [
        "INC-1 P0 · @sre has it",
        "INC-1 P1 · @sre has it",
        "INC-1 P1 · @sre has it",
        "INC-1 P1 · mitigated",
        "INC-1 P1 · resolved",
    ]


async def test_a_life_by_buttons(world: World) -> None:
    """I have it, an update by form, mitigated, resolve."""
    await types(world, "open P0 newsletter mail stopped")
    await presses(world, await world.message("escalation:INC-1:1"), "I have it")
    form = await presses(world, await world.message("incident:INC-1"), "Update…")
    assert isinstance(form, Modal)
    await sends(world, Incoming("form", form.form, "", "U0SRE", fields={"text": "fixed"}, private=form.private), SRE)
    await presses(world, await world.message("incident:INC-1"), "Mitigated")
    await presses(world, await world.message("incident:INC-1"), "Resolve")

    _, events = await world.incidents.view(Reference(id="INC-1"))
    assert [event.text for event in events if event.person == "sre"] == [
        "has it",
        "fixed",
        "mitigated it",
        "resolved it",
    ]


async def test_passing_on_by_button(world: World) -> None:
    """The next level is pinged and told who was pinged before."""
    await types(world, "open P0 newsletter mail stopped")
    await presses(world, await world.message("escalation:INC-1:1"), "I can't, pass on")

    ping = text_of(await world.message("escalation:INC-1:2"))
    assert ping.startswith("🚨 P0 INC-1 Newsletter: mail stopped · <@lead>, you are next\nPinged before: @sre at 03:00")
    assert "level 3 @manager at 03:15 unless mitigated" in ping


async def test_its_channel_implies_the_incident(world: World) -> None:
    """Inside the incident's own channel no id is typed; elsewhere several open ones have to be told apart."""
    for title in ("one", "two"):
        await types(world, f"open {title}")
    await world.ledger.write(lambda tx: tx.run("record_room", id="INC-2", room="C2", now=1))

    offered = await types(world, "ack", SRE)
    with pytest.raises(UsageError, match="name one"):
        await types(world, "show", SRE)
    assert "[INC-2 P1 two] [INC-1 P1 one]" in text_of(offered)
    await types(world, "ack", SRE, channel="C2")

    assert [(item.id, item.state) for item in await world.incidents.unresolved()] == [
        ("INC-1", State.OPEN),
        ("INC-2", State.ACKNOWLEDGED),
    ]


async def test_the_list_is_worst_first(world: World) -> None:
    """One line each; without any, a button to open one."""
    empty = await types(world, "list")
    await types(world, "open P1 slow")
    await types(world, "open P0 down")

    reply = await types(world, "")

    assert text_of(empty) == "No incident is open.\n[Open incident]"
    assert text_of(reply) == (
        "🚨 INC-2 P0 down · nobody has it yet · since 03:00\n🚨 INC-1 P1 slow · nobody has it yet · since 03:00"
    )


async def test_of_one_severity_the_unanswered_come_first(world: World) -> None:
    """Then those that somebody has, then the mitigated ones; the newest of each first."""
    for _ in range(6):
        await types(world, "open P1 slow")
    await types(world, "mitigate INC-1", SRE)
    await types(world, "ack INC-2", SRE)
    await types(world, "ack INC-5", SRE)

    listed = [line.split()[1] for line in text_of(await types(world, "list")).splitlines()]
    assert ["INC-6", "INC-4", "INC-3", "INC-5", "INC-2", "INC-1"] == listed


async def test_showing_one(world: World) -> None:
    """The header and the timeline."""
    await types(world, "open P0 newsletter mail stopped")

    shown = text_of(await types(world, "show INC-1"))

    assert "Clocks: respond by 03:05 · mitigate by 03:15" in shown
    assert "level 4 @cto at 03:30 unless mitigated" in shown
    assert shown.endswith("03:00 @engineer opened it as P0\n03:00 @engineer paged level 1: @sre")


async def test_an_update_has_no_verb(world: World) -> None:
    """Who said it, a colon, and what; what somebody did keeps its verb. So in the thread and on the timeline."""
    await types(world, "open P0 newsletter mail stopped")
    await types(world, "update INC-1 it broke again", SRE)
    await types(world, "mitigate INC-1 rolled back", SRE)

    shown = text_of(await types(world, "show INC-1"))
    told = [row["key"] for row in await world.outbox() if ":told:" in row["key"]]
    assert "03:00 @sre: it broke again\n03:00 @sre mitigated it: rolled back" in shown
    assert ["🚨 INC-1 P0 · @sre: it broke again", "🩹 INC-1 P0 · @sre mitigated it: rolled back"] == [
        (await world.message(key)).text for key in told
    ]


async def test_what_does_not_exist(world: World) -> None:
    """The error says what to type instead."""
    with pytest.raises(NotFound, match="There is no incident INC-9; /incident list"):
        await types(world, "show INC-9")


async def test_who_is_on_call(world: World) -> None:
    """One line per level, or one level."""
    everybody = await sends(world, Incoming("command", "/oncall", "", "U0SRE"))
    one = await sends(world, Incoming("command", "/oncall", "primary", "U0SRE"))
    assert isinstance(everybody, Message)
    assert isinstance(one, Message)

    assert everybody.text == "On call: primary @sre, secondary @lead, manager @manager, cto @cto"
    assert one.text == "On call: primary @sre"
    with pytest.raises(NotFound, match="the rotations are primary, secondary, manager, cto"):
        await sends(world, Incoming("command", "/oncall", "nobody", "U0SRE"))


async def test_a_rotation_tells_who_follows(ledger: Any, clock: Any) -> None:  # noqa: ANN401 - the shared fixtures
    """With the day and the time of the change."""
    rotation = {"rotation": ["sre", "lead"], "every": "1w", "since": "2026-04-27"}
    world = World.build(ledger, clock, configuration(oncall={"primary": rotation}))

    reply = await sends(world, Incoming("command", "/oncall", "", "U0SRE"))

    assert text_of(reply).startswith("primary @sre, then @lead from 09:00")
