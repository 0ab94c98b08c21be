"""`/rollback`, the buttons of operations and the proposals of `/queue` and `/health`, as a person uses them."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.domain.errors import FieldErrors, NotFound, Refused, UsageError
from bot.domain.message import ChoiceField, Message, Modal, TextField
from bot.domain.people import Access, Actor
from bot.domain.policy import Risk
from bot.domain.timing import DAY, HOUR, MINUTE
from bot.operations.model import State
from bot.operations.ports import OpenIncident
from bot.ports import Job
from bot.requests.invocation import Incoming, Invocation, Listener, Reply
from bot.requests.services import Services
from commands import change_buttons, operation_buttons, rollback
from commands.rollback import RollbackRequest
from tests.operations.world import ENGINEER, LEAD, SRE, World, configuration, jobs, said

LISTENERS = {each.key: each for each in (*operation_buttons.LISTENERS, *rollback.LISTENERS, *change_buttons.LISTENERS)}


def payload(key: str, text: str = "", /, *, private: str = "", **fields: str) -> Incoming:
    """What came from Slack."""
    return Incoming(LISTENERS[key].kind, key, text, "U0SRE", fields=fields, private=private)


async def does(world: World, actor: Actor, incoming: Incoming) -> Reply:
    """Parse and run one payload, as the registry does."""
    listener: Listener = LISTENERS[incoming.key]
    services = cast(
        "Services",
        SimpleNamespace(systems=world.systems, operations=world.operations, clock=world.clock, config=configuration()),
    )
    call: Invocation[Any] = Invocation(
        listener.parse(incoming), actor, Access(frozenset()), incoming, answers=cast("Any", None)
    )
    return await listener.handler(call, services)


async def sees(world: World, actor: Actor, incoming: Incoming) -> str:
    """The text of the reply."""
    reply = await does(world, actor, incoming)
    assert isinstance(reply, Message)
    return said(reply)


async def form(world: World, actor: Actor, incoming: Incoming) -> Modal:
    """The form that opens."""
    reply = await does(world, actor, incoming)
    assert isinstance(reply, Modal)
    return reply


def field(modal: Modal, name: str) -> Any:  # noqa: ANN401 - one of the kinds of fields
    """One field of a form."""
    return next(each for each in modal.fields if each.id == name)


@pytest.mark.parametrize(
    ("text", "request_", "risk"),
    [
        pytest.param("", RollbackRequest(), Risk.READ, id="nothing opens the form"),
        pytest.param("shop", RollbackRequest("shop"), Risk.READ, id="a system alone opens the form"),
        pytest.param(
            "Shop to previous because 503 since 02:41",
            RollbackRequest("shop", "", "previous", "503 since 02:41"),
            Risk.P0,
            id="the component may be implied",
        ),
        pytest.param(
            "shop web to v40 because it goes to 503",
            RollbackRequest("shop", "web", "v40", "it goes to 503"),
            Risk.P0,
            id="a reason may contain `to`",
        ),
        pytest.param(
            "shop to v40", RollbackRequest("shop", "", "v40"), Risk.READ, id="without a reason it is asked for"
        ),
        pytest.param("shop because 503", RollbackRequest("shop", "", "", "503"), Risk.READ, id="nor without a release"),
        pytest.param(
            "shop to v40 --dry-run", RollbackRequest("shop", "", "v40", "", True), Risk.READ, id="a dry run only reads"
        ),
        pytest.param(
            "shop to v40 because --dry-run is text",
            RollbackRequest("shop", "", "v40", "--dry-run is text"),
            Risk.P0,
            id="a reason is text",
        ),
    ],
)
def test_rollback_is_parsed(text: str, request_: RollbackRequest, risk: Risk) -> None:
    """The grammar of the usage line, and what each form of it may do."""
    parsed = RollbackRequest.parse(payload("/rollback", text))

    assert (request_, risk) == (parsed, parsed.risk)


@pytest.mark.parametrize(
    "text", ["shop web v40", "shop to", "shop to v40 v41", "shop to v40 because", "a b c because d"]
)
def test_what_is_not_understood_shows_the_usage(text: str) -> None:
    """The text names the word and the usage; nothing is guessed."""
    with pytest.raises(UsageError, match="Usage: /rollback SYSTEM"):
        RollbackRequest.parse(payload("/rollback", text))


@pytest.mark.ledger
async def test_a_complete_rollback_asks_for_approval(world: World) -> None:
    """The only deployable component is implied; the reply names who was asked."""
    told = await sees(world, SRE, payload("/rollback", "shop to previous because 503"))

    assert "Roll back shop/web v41 → v40 needs approval: OP-1." in told
    assert "Asked @lead, @manager (at <" in told
    assert State.PENDING == (await world.operations.find("OP-1")).state


@pytest.mark.ledger
@pytest.mark.parametrize(
    ("text", "hint"),
    [
        pytest.param("shpo to v40 because x", "did you mean shop", id="an unknown system"),
        pytest.param("shop wep to v40 because x", "did you mean web", id="an unknown component"),
        pytest.param("shop to v4O because x", "there are v4", id="an unknown release"),
    ],
)
async def test_names_that_do_not_exist_offer_the_nearest(world: World, text: str, hint: str) -> None:
    """Nothing is asked for; the person reads what they may have meant."""
    with pytest.raises(NotFound, match=hint):
        await does(world, SRE, payload("/rollback", text))


@pytest.mark.ledger
async def test_the_form_offers_releases_and_the_incident_as_reason(world: World) -> None:
    """Every release but the current one; the reason comes from the open incident."""
    world.incidents.open["shop"] = OpenIncident("INC-12", "P0", "Shop is down")

    opened = await form(world, SRE, payload("/rollback", "shop to v39"))
    before = await form(world, SRE, payload("/rollback", "shop web to previous"))
    by_button = await form(world, SRE, payload("rollback.choose", "shop"))

    choice: ChoiceField = field(opened, "release")
    assert ["shop/web: v40", "shop/web: v39"] == [each.label for each in choice.options]
    assert "shop/web runs v41 now" in str(opened.intro)
    assert choice.initial == "shop web v39"
    assert field(before, "release").initial == "shop web v40"
    assert field(opened, "reason").initial == "Shop is down"
    assert field(by_button, "release").initial == ""


@pytest.mark.ledger
async def test_the_submitted_form_asks_for_approval(world: World) -> None:
    """What was chosen is planned like the typed command."""
    told = await sees(world, SRE, payload("rollback.form", release="shop web v39", reason="503"))

    assert "v41 → v39 needs approval" in told


@pytest.mark.parametrize(
    ("key", "fields", "wrong"),
    [
        pytest.param("rollback.form", {}, {"release", "reason"}, id="a rollback needs a release and a reason"),
        pytest.param("restart.form", {"first": "web"}, {"reason"}, id="a restart needs a reason"),
        pytest.param("queue.clear_stuck_form", {"reason": " "}, {"reason"}, id="clearing needs a reason"),
        pytest.param("operation.deny_form", {"text": ""}, {"text"}, id="a denial needs a reason"),
    ],
)
def test_forms_show_what_is_missing(key: str, fields: dict[str, str], wrong: set[str]) -> None:
    """Each empty field has its own text, in the acknowledgement."""
    with pytest.raises(FieldErrors) as error:
        LISTENERS[key].parse(replace(payload(key, private="shop jobs"), fields=fields))

    assert wrong == set(error.value.fields)


@pytest.mark.ledger
async def test_a_dry_run_shows_everything_and_asks_nobody(world: World) -> None:
    """The whole plan, the exact calls, and no operation."""
    told = await sees(world, SRE, payload("/rollback", "shop to v40 --dry-run"))

    assert "POST /deploys/v40/restore" in told
    assert "nothing will run" in told
    with pytest.raises(NotFound):
        await world.operations.find("OP-1")


@pytest.mark.ledger
async def test_from_denial_to_a_second_try(world: World) -> None:
    """A denial opens a form for the reason; the requester may cancel the next try."""
    token = (await world.asked()).token
    opened = await form(world, LEAD, payload("operation.deny", token))
    await does(world, LEAD, payload("operation.deny_form", private=opened.private, text="not now"))
    again = (await world.asked()).token
    told = await sees(world, SRE, payload("operation.cancel", again))

    assert State.DENIED == (await world.operations.find(token)).state
    assert told == "OP-2 is cancelled; nothing ran."


@pytest.mark.ledger
async def test_the_buttons_of_an_operation(world: World) -> None:
    """Approve, look at the plan, undo, look again."""
    token = (await world.asked()).token
    plan = await sees(world, ENGINEER, payload("operation.plan", token))
    await does(world, LEAD, payload("operation.approve", token))
    await world.work()
    undone = await sees(world, SRE, payload("operation.undo", token))

    assert "Steps:\n  1. make v40 current\n     POST /deploys/v40/restore" in plan
    assert "OP-2 runs now" in undone
    with pytest.raises(Refused, match="no undo"):
        await does(world, LEAD, payload("operation.undo", await _restarted(world)))


async def _restarted(world: World) -> str:
    changed = await world.operations.propose(await world.restart(), SRE, "leak")
    await does(world, SRE, payload("operation.confirm", changed.token))
    await world.work()
    return changed.token


@pytest.mark.ledger
async def test_running_alone_and_the_review(world: World) -> None:
    """An undo suffices with one click; without one the name is typed. Someone else signs."""
    world.incidents.open["shop"] = OpenIncident("INC-12", "P0", "Shop is down")
    first = (await world.asked()).token
    told = await sees(world, SRE, payload("operation.emergency", first))
    second = (await world.operations.propose(await world.restart("postgres"), SRE, "locks")).token
    world.clock.advance(5 * MINUTE)
    opened = await form(world, SRE, payload("operation.emergency_named", second))
    await sees(world, SRE, payload("operation.emergency_form", private=opened.private, text="postgres"))
    await world.work()
    signed = await sees(world, LEAD, payload("operation.review", first))

    assert "OP-1 runs now" in told
    assert ["v40"] == world.web.rolled_back
    assert ["postgres-1", "postgres-2"] == world.docker.restarted
    assert signed == "You signed the review of OP-1."


@pytest.mark.parametrize("value", ["", "   ", "x" * 65, "tökén", "OP-1", "op-1", "1"])
def test_a_button_without_an_id_is_refused(value: str) -> None:
    """A value that no operation can have is refused before the ledger is asked."""
    with pytest.raises(UsageError, match="belongs to no operation"):
        LISTENERS["operation.approve"].parse(payload("operation.approve", value))


@pytest.mark.ledger
async def test_the_buttons_of_a_queue(world: World) -> None:
    """Retry and removal show their plan to be confirmed; clearing asks why and then for approval."""
    world.queue.failed_jobs = {"1": Job("1", "send-batch")}
    world.queue.waiting = jobs(world.clock, "old", age=2 * DAY)
    world.queue.processing = jobs(world.clock, "stuck", age=HOUR)

    retry = await sees(world, SRE, payload("queue.retry_failed", "shop jobs"))
    remove = await sees(world, SRE, payload("queue.remove_expired", "shop jobs"))
    opened = await form(world, SRE, payload("queue.clear_stuck", "shop jobs"))
    clear = await sees(world, SRE, payload("queue.clear_stuck_form", private=opened.private, reason="worker died"))

    assert "[Run it] [Cancel] [Full plan]" in retry
    assert "1 entries: old" in remove
    assert "needs approval: OP-3" in clear


@pytest.mark.ledger
@pytest.mark.parametrize(
    ("chosen", "units", "state"),
    [
        pytest.param({"first": "worker"}, 2, State.DRAFT, id="a service"),
        pytest.param({"first": "*"}, 2, State.DRAFT, id="every service but the databases"),
        pytest.param({"first": "worker", "second": "worker"}, 2, State.DRAFT, id="the same twice counts once"),
        pytest.param({"first": "*", "second": "postgres"}, 4, State.PENDING, id="a database needs approval"),
    ],
)
async def test_restart_from_the_health_message(world: World, chosen: dict[str, str], units: int, state: State) -> None:
    """The form offers what can be restarted; the plan lists the units."""
    opened = await form(world, SRE, payload("restart.choose", "shop"))
    await sees(world, SRE, payload("restart.form", private=opened.private, reason="leak", **chosen))

    found = await world.operations.find("OP-1")
    assert ["worker", "postgres"] == [each.value for each in field(opened, "first").options]
    assert isinstance(field(opened, "reason"), TextField)
    assert (units, state) == (len(found.plan.steps), found.state)


def test_every_listener_has_its_own_key() -> None:
    """Two handlers of one key would hide one another."""
    assert len(LISTENERS) == len(operation_buttons.LISTENERS) + len(rollback.LISTENERS) + len(change_buttons.LISTENERS)
