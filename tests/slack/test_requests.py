"""What people type, press and send reaches its handler once, and every outcome reaches the person."""

import asyncio
import threading
import time
from typing import Any

import pytest

from bot.slack.guard import FRESH_FOR
from bot.store import Row
from tests.slack.listeners import GATE, RAN
from tests.slack.world import SlackWorld, slash


async def test_a_command_is_acknowledged_and_answered(either_world: SlackWorld) -> None:
    """The acknowledgement is empty; the reply follows, and only the person who typed sees it."""
    world = either_world

    acknowledged = await world.types("“hello”\u00a0there")

    assert 200 == acknowledged["status"]
    reply = await world.sees('You said "hello" there')
    assert reply["ephemeral"]
    assert [] == await world.messages("lead")
    assert [("sre", '"hello" there')] == RAN


async def test_a_request_that_changes_something_is_kept_before_it_is_acknowledged(either_world: SlackWorld) -> None:
    """It stands in the inbox when the acknowledgement arrives, and is finished once it was carried out."""
    world = either_world

    await world.types("change wait")

    assert 1 == await world.open_requests()
    GATE.set()
    await world.sees("You said change wait")
    await world.until(world.nothing_open, "the request is finished")


@pytest.mark.parametrize("text", ["look", "change it"])
async def test_a_repeated_delivery_runs_nothing_twice(world: SlackWorld, text: str) -> None:
    """The same signed request is acknowledged again and ignored, whether it reads or changes."""
    await world.types(text)
    await world.sees(f"You said {text}")

    await world.does("redeliver", times=3)
    await world.types("the last")
    await world.sees("You said the last")

    assert [("sre", text), ("sre", "the last")] == RAN


async def test_a_repetition_is_known_as_long_as_its_signature_is_fresh(world: SlackWorld) -> None:
    """Almost five minutes later, after old keys were forgotten, the same signed request still runs nothing."""
    await world.types("change it")
    await world.sees("You said change it")
    await world.until(world.nothing_open, "it is finished")

    world.clock.advance(FRESH_FOR - 5_000)
    await world.service.inbox_duty.run(world.clock.now())
    await world.does("redeliver", times=1)
    await world.types("the last")
    await world.sees("You said the last")

    assert [("sre", "change it"), ("sre", "the last")] == RAN


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("nonsense", "did you mean newsletter?\nUsage: /echo WORDS", id="a usage error names the usage"),
        pytest.param("conflict", "Already decided by @lead at 03:08.", id="an expected error in its own words"),
        pytest.param("boom", "Something went wrong on our side", id="a defect of a handler"),
        pytest.param("defect", "Something went wrong on our side", id="a defect of a parser"),
    ],
)
async def test_an_error_reaches_the_person(world: SlackWorld, text: str, words: str) -> None:
    """No error is silent, and none shows what only the log may hold."""
    await world.types(text)

    seen = await world.sees(words)
    assert seen["ephemeral"]
    assert "secret detail" not in str(await world.messages())


async def test_the_policy_comes_before_the_handler(world: SlackWorld) -> None:
    """A refusal gives its reason to the person and to the audit; the handler never runs."""
    await world.types("now", command="/danger")

    await world.sees("a p0 request needs the role nobody; you do not hold it")
    assert [] == RAN
    rows = await world.ledger.read(lambda tx: tx.all("read_audit", after="", n=10))
    assert [("request.refused", "/danger", "sre")] == [(row["kind"], row["subject"], row["actor"]) for row in rows]


async def test_whoever_may_do_nothing_does_not_fill_the_audit(world: SlackWorld) -> None:
    """Twenty refusals of a person are recorded within an hour, the last says that more are left out; each is told."""
    await world.types("now", command="/danger", user="engineer")
    for number in range(25):
        await world.types(f"now {number}", command="/danger")
        await world.until(world.nothing_open, "it was refused")
    refused = await _refused(world, "sre")
    world.clock.advance(3_600_000)
    await world.types("an hour later", command="/danger")
    await world.until(world.nothing_open, "it was refused")

    assert 20 == len(refused)
    assert ["more" in row["detail"] for row in refused] == [False] * 19 + [True]
    assert 21 == len(await _refused(world, "sre"))
    assert 1 == len(await _refused(world, "engineer"))
    told = [message for message in await world.messages() if "you do not hold it" in message["text"]]
    assert 26 == len(told)


async def _refused(world: SlackWorld, person: str) -> list[Row]:
    rows = await world.ledger.read(lambda tx: tx.all("read_audit", after="", n=100))
    return [row for row in rows if row["kind"] == "request.refused" and row["actor"] == person]


async def test_nobody_gets_through_while_roles_cannot_be_read(world: SlackWorld) -> None:
    """A group that Slack does not tell us grants nothing."""
    await world.does("faults", method="usergroups.users.list", kind="500", times=10)

    await world.types("hello")

    await world.sees("Not allowed")
    assert [] == RAN


async def test_slow_roles_do_not_block(world: SlackWorld) -> None:
    """Where reading the roles takes more than 2 s, the person is told to type again."""
    await world.does("faults", method="usergroups.users.list", kind="timeout", times=1)

    await world.types("hello")

    await world.sees("I cannot read who holds which role")
    assert [] == RAN


async def test_a_ledger_that_is_down_accepts_nothing(world: SlackWorld) -> None:
    """What cannot be kept is not acknowledged as taken: the person reads that nothing was done."""
    await world.types("the roles are read")
    await world.sees("You said the roles are read")
    held = threading.Event()
    holding = asyncio.create_task(world.ledger.write(lambda _: held.wait(10)))

    answer = await world.types("change it")

    held.set()
    await holding
    assert "My ledger does not answer, so I did nothing" in str(answer["body"])
    assert [("sre", "the roles are read")] == RAN
    await world.until(world.nothing_open, "nobody runs later what the person was told not to happen")


async def test_a_press_replaces_the_message_that_only_this_person_sees(either_world: SlackWorld) -> None:
    """Pressing in an own reply turns it into the next one."""
    world = either_world
    await world.types("buttons")
    ts = (await world.sees("Press"))["ts"]

    await world.does("click", user="sre", channel="#production-alerts", ts=ts, action_id="echo.again")

    await world.sees("Pressed again")
    assert ["Pressed again"] == [message["text"] for message in await world.messages()]


async def test_the_second_of_two_equal_buttons_is_the_same_action(world: SlackWorld) -> None:
    """The number behind an action only tells buttons of one message apart."""
    await world.types("buttons")
    ts = (await world.sees("Press"))["ts"]

    await world.does("click", user="sre", channel="#production-alerts", ts=ts, action_id="echo.again#2")

    await world.sees("Pressed other")


async def test_a_button_without_a_handler_is_explained(world: SlackWorld) -> None:
    """A button from an earlier version says so, and leaves its message alone."""
    await world.types("buttons")
    ts = (await world.sees("Press"))["ts"]

    await world.does("click", user="sre", channel="#production-alerts", ts=ts, action_id="echo.gone")

    await world.sees("belongs to an earlier version of me")
    await world.sees("Press")


async def test_a_form_opens_and_its_answer_finds_the_channel(either_world: SlackWorld) -> None:
    """A form comes up in time; what it sends is answered where it was asked for, private text included."""
    world = either_world
    await world.types("form")
    view = await world.view("modal")

    values = {"title": {"title": "mail stopped"}, "owner": {"owner": "sre"}}
    await world.does("submit", user="sre", view_id=view["id"], values=values)

    await world.sees("Sent mail stopped|sre|INC")
    assert [] == [view for view in await world.views() if view["type"] == "modal"]


@pytest.mark.parametrize(
    ("title", "error"),
    [
        pytest.param("short", "Say what people notice", id="an error of one field"),
        pytest.param("odd", "This cannot be.", id="an error of the whole form stands at its first field"),
    ],
)
async def test_errors_of_a_form_stand_at_its_fields(world: SlackWorld, title: str, error: str) -> None:
    """The form stays open and shows what to correct."""
    await world.types("form")
    view = await world.view("modal")

    await world.does(
        "submit", user="sre", view_id=view["id"], values={"title": {"title": title}, "owner": {"owner": "x"}}
    )

    (shown,) = [each for each in await world.views() if each["type"] == "modal"]
    assert error in shown["errors"]["title"]


async def test_a_form_that_only_reads_leads_to_the_next_form(world: SlackWorld) -> None:
    """The next form takes the place of the one that was sent."""
    await world.types("form")
    view = await world.view("modal")

    await world.does(
        "submit", user="sre", view_id=view["id"], values={"title": {"title": "next"}, "owner": {"owner": "x"}}
    )

    assert ["And now"] == [each["title"]["text"] for each in await world.views() if each["type"] == "modal"]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        pytest.param("500", "The form could not be opened: Slack answered 500", id="Slack is unwell"),
        pytest.param("429", "The form could not be opened: Slack asks to wait", id="a limit"),
        pytest.param("expired", "The form came too late for Slack; type the command", id="an old trigger"),
        pytest.param("exchanged", "This press was answered already; type the command", id="a used trigger"),
        pytest.param("invalid", "could not be opened: Slack refused views.open: invalid_trigger_id", id="a wrong one"),
    ],
)
async def test_a_form_that_slack_refuses_says_what_failed(world: SlackWorld, fault: str, told: str) -> None:
    """Not every failure is a form that came too late; each says what to do."""
    tickets = world.workspace.tickets
    trigger = tickets.trigger("U0SRE")
    if fault in ("500", "429"):
        await world.does("faults", method="views.open", kind=fault, times=1)
    elif fault == "exchanged":
        tickets.exchange(trigger)
    elif fault == "expired":
        tickets._monotonic = lambda: time.monotonic() + 10
    else:
        trigger = "1.1"

    await world.send(slash(text="form", trigger_id=trigger))

    await world.sees(told)


async def test_a_reply_that_cannot_be_rendered_is_no_silence(world: SlackWorld) -> None:
    """The person is told, and the request does not stay open."""
    await world.types("change unrenderable")

    await world.sees("Something went wrong on our side")
    await world.until(world.nothing_open, "it is finished")


async def test_interim_and_final_replies_arrive(world: SlackWorld) -> None:
    """A slow handler shows something first; the reply follows."""
    await world.types("slow")

    await world.sees("Looking …")
    await world.sees("You said slow")


async def test_a_lost_reply_address_is_not_the_end(world: SlackWorld) -> None:
    """Where the payload's address does not work, the reply comes as an ephemeral message of the channel."""
    await world.does("faults", method="response_url", kind="500", times=1)

    await world.types("hello")

    assert (await world.sees("You said hello"))["ephemeral"]


async def test_the_home_tab_is_published_when_it_is_opened(either_world: SlackWorld) -> None:
    """Opening the tab shows what is there for this person; opening it again does not conflict."""
    world = either_world
    for _ in range(2):
        await world.does("event", user="lead", type="app_home_opened", tab="home")

    view = await world.view("home", "lead")
    assert "Hello lead" in str(view["blocks"])


async def test_a_press_on_the_home_tab_is_answered_in_a_view(either_world: SlackWorld) -> None:
    """The home tab has no channel, so the reply opens above it."""
    world = either_world
    await world.does("event", user="lead", type="app_home_opened", tab="home")
    home = await world.view("home", "lead")

    await world.does("click", user="lead", view_id=home["id"], action_id="echo.again")

    assert "Pressed home" in str((await world.view("modal", "lead"))["blocks"])


async def test_a_reply_without_a_place_goes_to_the_person_directly(world: SlackWorld) -> None:
    """Where no view opens any more, the person's direct messages remain: never silence."""
    await world.does("event", user="lead", type="app_home_opened", tab="home")
    home = await world.view("home", "lead")
    await world.does("faults", method="views.open", kind="500", times=1)

    await world.does("click", user="lead", view_id=home["id"], action_id="echo.again#2")

    async def told() -> dict[str, Any] | None:
        found = await world.messages("lead", "@lead")
        return next((message for message in found if message["text"] == "Pressed change it"), None)

    await world.until(told, "lead reads it")
