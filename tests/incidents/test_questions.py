"""What is asked before it is done: red checks, a second incident, a misspelt system, a severity in the title."""

import pytest

from bot.domain.errors import FieldErrors
from bot.domain.message import Message, Modal
from bot.domain.reading import Reading, Status
from bot.incidents.model import Reference, State
from bot.requests.invocation import Incoming
from tests.incidents.test_command import presses, sends, types
from tests.incidents.world import MIN, SRE, World, text_of

pytestmark = pytest.mark.ledger

RED = [
    Reading("app", "app", Status.CRITICAL, value="503"),
    Reading("campaign-emails", "campaign-emails", Status.CRITICAL, value="1,240 waiting"),
    Reading("db", "database", Status.HEALTHY),
]
FIRST = Reference(id="INC-1")


async def events(world: World) -> list[str]:
    """What people did, as the timeline tells it."""
    return [event.text for event in (await world.incidents.view(FIRST))[1]]


@pytest.mark.parametrize("verb", ["mitigate", "resolve"])
async def test_an_end_is_asked_while_checks_are_critical(world: World, verb: str) -> None:
    """Typed or pressed, nothing changes before the second press; the timeline keeps which checks were red."""
    await types(world, "open P0 newsletter mail stopped")
    world.checks.readings = RED

    asked = await types(world, f"{verb} INC-1 rolled back", SRE)
    state = (await world.incidents.find(FIRST)).state
    await presses(world, asked, f"{verb.capitalize()}d all the same")

    assert "2 checks are still critical: app 503, campaign-emails 1,240 waiting." in text_of(asked)
    assert state is State.OPEN
    assert (await events(world))[-1] == (
        f"{verb}d it although 2 checks were critical (app 503, campaign-emails 1,240 waiting): rolled back"
    )


async def test_the_same_is_said_in_one_line(world: World) -> None:
    """`anyway` answers the question before it is asked; green checks ask nothing."""
    await types(world, "open P0 newsletter mail stopped")
    world.checks.readings = RED
    await types(world, "mitigate INC-1 anyway rolled back", SRE)
    world.checks.readings = RED[2:]
    await types(world, "resolve INC-1", SRE)

    assert (await world.incidents.find(FIRST)).state is State.RESOLVED
    assert (await events(world))[-2:] == [
        "mitigated it although 2 checks were critical (app 503, campaign-emails 1,240 waiting): rolled back",
        "resolved it",
    ]


async def test_checks_that_do_not_answer_count_as_they_were_last_read(world: World) -> None:
    """Silence is not green."""
    world.checks.readings = RED
    await types(world, "open P0 newsletter mail stopped")
    world.checks.readings = []

    asked = await types(world, "mitigate INC-1", SRE)

    assert "2 checks are still critical: app, campaign-emails." in text_of(asked)


async def test_a_severity_needs_a_reason(world: World) -> None:
    """Without one a form asks for it; the timeline and the header keep it."""
    await types(world, "open P1 newsletter mail stopped")
    form = await sends(world, Incoming("command", "/incident", "severity INC-1 P0", "U0SRE"), SRE)
    assert isinstance(form, Modal)
    fields = {"severity": "P0", "reason": " "}

    with pytest.raises(FieldErrors, match="reason: Say why"):
        await sends(world, Incoming("form", form.form, "", "U0SRE", fields=fields, private=form.private), SRE)
    fields["reason"] = "all of it"
    await sends(world, Incoming("form", form.form, "", "U0SRE", fields=fields, private=form.private), SRE)

    said = "changed the severity from P1 to P0: all of it"
    assert said in await events(world)
    assert f"Now: {said} (@sre, 03:00)" in text_of(await world.message("incident:INC-1"))


@pytest.mark.parametrize(
    ("before", "after", "asked"),
    [
        pytest.param("P0", "P1", True, id="a P0 that would page later"),
        pytest.param("P0", "P3", True, id="a P0 that would page nobody"),
        pytest.param("P1", "P2", True, id="a P1 that would page nobody"),
        pytest.param("P2", "P3", False, id="what pages nobody anyhow"),
        pytest.param("P1", "P0", False, id="a raised one pages anew"),
    ],
)
async def test_an_unanswered_page_is_not_silenced_by_a_slip(
    world: World, before: str, after: str, *, asked: bool
) -> None:
    """Lowered while nobody has it, it asks; once somebody has it, it does not."""
    await types(world, f"open {before} newsletter mail stopped")

    reply = await types(world, f"severity INC-1 {after} because half of it", SRE)
    kept = (await world.incidents.find(FIRST)).severity.value

    assert ("nobody has it yet" in reply.text and "Nothing was changed" in reply.text) == asked
    assert kept == (before if asked else after)
    if asked:
        await presses(world, reply, f"{after} all the same")
        assert (await world.incidents.find(FIRST)).severity.value == after
        assert f"changed the severity from {before} to {after}: half of it" in await events(world)


async def test_an_acknowledged_incident_is_lowered_at_once(world: World) -> None:
    """Somebody has it, so nobody's page is silenced."""
    await types(world, "open P0 newsletter mail stopped")
    await types(world, "ack INC-1", SRE)
    await types(world, "severity INC-1 P2 half of it", SRE)

    assert (await world.incidents.find(FIRST)).severity.value == "P2"


@pytest.mark.parametrize(
    ("label", "state", "told", "pages"),
    [
        ("Reopen INC-1 as P0", State.OPEN, "reopened it as P0: all of it", 2),
        ("P0, stays mitigated", State.MITIGATED, "changed the severity from P1 to P0: all of it", 1),
    ],
    ids=["reopened", "stays mitigated"],
)
async def test_what_is_mitigated_is_not_raised_in_silence(
    world: World, label: str, state: State, *, told: str, pages: int
) -> None:
    """A P0 that pages nobody is asked about first; reopened as one it pages at once."""
    await types(world, "open P1 newsletter mail stopped")
    await world.sends()
    await types(world, "mitigate INC-1", SRE)
    world.clock.advance(MIN)

    asked = await types(world, "severity INC-1 P0 because all of it", SRE)
    before = await world.incidents.find(FIRST)
    await presses(world, asked, label)

    after = await world.incidents.find(FIRST)
    assert text_of(asked) == (
        "INC-1 is mitigated, so nobody is paged. Is it broken again, as P0?\n"
        "Nothing was changed. Only the severity, in one line: /incident severity INC-1 P0 anyway all of it\n"
        "[Reopen INC-1 as P0] [P0, stays mitigated]"
    )
    assert ("P1", State.MITIGATED) == (before.severity.value, before.state)
    assert ("P0", state) == (after.severity.value, after.state)
    assert told in await events(world)
    assert pages == len(await world.keys()) == (await world.pager()).count("trigger")


async def test_an_old_button_lowers_nothing(world: World) -> None:
    """It offered to reopen a P2 as a P1; the incident has become a P0 since, and stays one."""
    await types(world, "open P2 newsletter mail stopped")
    await types(world, "mitigate INC-1", SRE)
    asked = await types(world, "severity INC-1 P1 because half of it", SRE)
    await types(world, "severity INC-1 P0 anyway all of it", SRE)

    await presses(world, asked, "Reopen INC-1 as P1")

    after = await world.incidents.find(FIRST)
    assert ("P0", State.OPEN) == (after.severity.value, after.state)
    assert "reopened it as P0: half of it" in await events(world)


async def test_the_form_does_not_raise_in_silence_either(world: World) -> None:
    """It asks the same, and nothing has changed."""
    await types(world, "open P1 newsletter mail stopped")
    await types(world, "mitigate INC-1", SRE)
    form = await sends(world, Incoming("command", "/incident", "severity INC-1 P0", "U0SRE"), SRE)
    assert isinstance(form, Modal)
    fields = {"severity": "P0", "reason": "all of it"}

    asked = await sends(world, Incoming("form", form.form, "", "U0SRE", fields=fields, private=form.private), SRE)

    assert "[Reopen INC-1 as P0] [P0, stays mitigated]" in text_of(asked)
    assert (await world.incidents.find(FIRST)).severity.value == "P1"


async def test_what_is_mitigated_is_lowered_and_raised_in_one_line(world: World) -> None:
    """Lowered it pages nobody either way, and `anyway` answers the question before it is asked."""
    await types(world, "open P1 newsletter mail stopped")
    await types(world, "mitigate INC-1", SRE)

    replies = [(await types(world, f"severity INC-1 {typed}", SRE)).text for typed in ("P2 half", "P0 anyway all")]

    assert replies == ["INC-1 P2 · mitigated", "INC-1 P0 · mitigated"]


async def test_a_second_incident_that_is_worse_reopens_the_first_as_such(world: World) -> None:
    """Reopened as the P2 that it was, what is a P0 by now would page nobody at night."""
    await types(world, "open P2 newsletter mail slow")
    await types(world, "mitigate INC-1", SRE)

    await presses(world, await types(world, "open P0 newsletter mail stopped"), "Reopen INC-1 as P0")

    found = await world.incidents.find(FIRST)
    assert ("P0", State.OPEN) == (found.severity.value, found.state)
    assert ["trigger"] == await world.pager()


async def test_a_second_incident_of_one_system_is_pointed_out_first(world: World) -> None:
    """Nothing is opened before it is meant; the known one can be raised instead."""
    await types(world, "open P2 newsletter mail slow")

    asked = await types(world, "open P0 newsletter mail stopped")
    known = len(await world.incidents.unresolved())
    await presses(world, asked, "Raise INC-1 to P0")
    again = await types(world, "open P1 newsletter login page")
    await presses(world, again, "Open another")
    await types(world, "open P1 anyway newsletter images")

    assert "Newsletter has an incident already. Nothing new is open yet.\n🚨 INC-1 P2 mail slow" in text_of(asked)
    assert known == 1
    assert [(it.id, it.severity.value, it.title) for it in await world.incidents.unresolved()] == [
        ("INC-1", "P0", "mail slow"),
        ("INC-3", "P1", "images"),
        ("INC-2", "P1", "login page"),
    ]
    assert "Raise" not in text_of(again)


async def test_the_form_of_a_second_incident_asks_too_and_keeps_its_impact(world: World) -> None:
    """What is mitigated is offered to be reopened."""
    await types(world, "open P0 newsletter mail stopped")
    await types(world, "mitigate INC-1", SRE)
    fields = {"severity": "P0", "system": "newsletter", "title": "mail again", "impact": "no receipts"}

    asked = await sends(world, Incoming("form", "incident.open", "", "U0SRE", fields=fields), SRE)
    assert isinstance(asked, Message)
    await presses(world, asked, "Open another")

    assert "[Reopen INC-1] [Open another]" in text_of(asked)
    assert (await world.incidents.find(Reference(id="INC-2"))).impact == "no receipts"


async def test_a_misspelt_system_is_asked(world: World) -> None:
    """It opens for the system that is meant, or without one; before that nothing is open."""
    asked = await types(world, "open P0 newsleter mail stopped")
    before = await world.incidents.unresolved()
    await presses(world, asked, "Open P0 for Newsletter")
    await presses(world, asked, "Open P0 without a system")

    assert "Do you mean Newsletter?" in text_of(asked)
    assert before == []
    assert [(it.system, it.title) for it in await world.incidents.unresolved()] == [
        ("", "newsleter mail stopped"),
        ("newsletter", "mail stopped"),
    ]


@pytest.mark.parametrize("typed", ["mail stopped P0!", "newsletter mail stopped (sev0)"])
async def test_a_severity_inside_the_title_is_asked(world: World, typed: str) -> None:
    """It never becomes a silent P1."""
    asked = await types(world, f"open {typed}")
    before = await world.incidents.unresolved()
    await presses(world, asked, "Open as P0")

    assert before == []
    assert "is it P0?" in text_of(asked)
    assert [it.severity.value for it in await world.incidents.unresolved()] == ["P0"]


async def test_an_acknowledgement_with_several_open_offers_them(world: World) -> None:
    """One press takes the one that is meant; what is mitigated is not offered."""
    for title in ("one", "two", "three"):
        await types(world, f"open P1 {title}")
    await types(world, "mitigate INC-2", SRE)

    offered = await types(world, "ack", SRE)
    await presses(world, offered, "INC-3 P1 three")
    await types(world, "mitigate INC-3 done", SRE)
    await types(world, "ack", SRE)

    assert "[INC-3 P1 three] [INC-1 P1 one]" in text_of(offered)
    states = {it.id: it.state for it in await world.incidents.unresolved()}
    assert states == {"INC-1": State.ACKNOWLEDGED, "INC-2": State.MITIGATED, "INC-3": State.MITIGATED}


async def test_the_words_go_with_the_choice(world: World) -> None:
    """What was typed before it was known of which incident is not typed again."""
    for title in ("one", "two"):
        await types(world, f"open P1 {title}")

    form = await presses(world, await types(world, "update it drains", SRE), "INC-1 P1 one")
    await presses(world, await types(world, "mitigate by a restart", SRE), "INC-1 P1 one")
    lowered = await presses(world, await types(world, "severity P2 half of it", SRE), "INC-2 P1 two")

    assert isinstance(form, Modal)
    assert "it drains" in str(form.fields)
    assert (await events(world))[-1] == "mitigated it: by a restart"
    assert "/incident severity INC-2 P2 anyway half of it" in text_of(lowered)


async def test_an_update_of_what_is_mitigated_offers_the_way_back(world: World) -> None:
    """Whatever its words say: nobody is paged for it any more."""
    await types(world, "open P0 newsletter mail stopped")
    await types(world, "mitigate INC-1", SRE)

    reply = await types(world, "update INC-1 it is broken again", SRE)
    world.clock.advance(MIN)
    await presses(world, reply, "Reopen")

    assert "Nobody is paged for it any more. Broken again?" in text_of(reply)
    assert (await world.incidents.find(FIRST)).state is State.OPEN
