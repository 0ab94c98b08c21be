"""Modals: opened by a trigger, stacked, submitted, closed."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from bot.local.workspace.tickets import Tickets
from bot.local.workspace.values import Refusal
from tests.fakes.clock import FakeClock
from tests.local.workspace.conftest import World

CHANNEL = "#production-alerts"


def text(value: str) -> dict[str, str]:
    """A plain text object."""
    return {"type": "plain_text", "text": value}


def modal(title: str = "Form", **more: object) -> dict[str, Any]:
    """A form with a required text, an optional select and a person."""
    options = [{"text": text(name), "value": name} for name in ("v40", "v41")]
    blocks = [
        {
            "type": "input",
            "block_id": "why",
            "label": text("Why"),
            "element": {"type": "plain_text_input", "action_id": "text", "max_length": 20},
        },
        {
            "type": "input",
            "block_id": "release",
            "optional": True,
            "label": text("Release"),
            "element": {
                "type": "static_select",
                "action_id": "choice",
                "options": options,
                "initial_option": options[0],
            },
        },
        {
            "type": "input",
            "block_id": "who",
            "optional": True,
            "label": text("Who"),
            "element": {"type": "users_select", "action_id": "person"},
        },
    ]
    return {"type": "modal", "title": text(title), "submit": text("Send"), "blocks": blocks, **more}


async def trigger(world: World, user: str = "sre") -> str:
    """A trigger id, from a command."""
    await world.does("command", user=user, channel=CHANNEL, command="/rollback", text="")
    return str(world.app.received.pop()["trigger_id"])


async def opened(world: World, **more: object) -> str:
    """The id of a modal that is open for the engineer on call."""
    answer = await world.slack.views_open(trigger_id=await trigger(world), view=modal() | more)
    return str(answer["view"]["id"])


async def submit(world: World, view_id: str, **values: object) -> tuple[int, Any]:
    """Submit with one value per block."""
    actions = {"why": "text", "release": "choice", "who": "person"}
    body = {block: {actions[block]: value} for block, value in values.items()}
    return await world.call("POST", "/local/submit", {"user": "sre", "view_id": view_id, "values": body})


async def test_a_trigger_opens_one_modal(world: World) -> None:
    """The second use is `exchanged_trigger_id`."""
    trigger_id = await trigger(world)
    await world.slack.views_open(trigger_id=trigger_id, view=modal())

    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        await world.slack.views_open(trigger_id=trigger_id, view=modal())

    assert ["Form"] == [view["title"]["text"] for view in await world.views("sre")]
    assert [] == await world.views("lead")


def test_a_trigger_lives_three_seconds() -> None:
    """Of real time, whatever the workspace's clock says."""
    seconds = [0.0]
    tickets = Tickets(FakeClock(), monotonic=lambda: seconds[0])
    early, late = tickets.trigger("U0SRE"), tickets.trigger("U0SRE")

    seconds[0] = 2.9
    assert "U0SRE" == tickets.exchange(early).user
    seconds[0] = 3.1
    with pytest.raises(Refusal, match="expired_trigger_id"):
        tickets.exchange(late)


async def test_a_submission_carries_every_input(world: World) -> None:
    """What was put in, what was preset, and what is empty; then the modal closes."""
    view_id = await opened(world, private_metadata="secret", callback_id="rollback")

    status, _ = await submit(world, view_id, why="503", who="lead")

    (payload,) = world.app.received
    values = payload["view"]["state"]["values"]
    assert (200, "view_submission", "secret", "rollback") == (
        status,
        payload["type"],
        payload["view"]["private_metadata"],
        payload["view"]["callback_id"],
    )
    assert {"type": "plain_text_input", "value": "503"} == values["why"]["text"]
    assert "v40" == values["release"]["choice"]["selected_option"]["value"]
    assert "U0LEAD" == values["who"]["person"]["selected_user"]
    assert [] == await world.views()


@pytest.mark.parametrize(
    ("values", "status"),
    [
        pytest.param({}, 422, id="a required input is empty"),
        pytest.param({"why": "x" * 21}, 422, id="longer than the input takes"),
        pytest.param({"why": "x", "release": "v39"}, 400, id="a choice that is not offered"),
        pytest.param({"why": "x", "who": "eve"}, 404, id="a stranger"),
    ],
)
async def test_what_the_client_would_not_send_is_not_sent(world: World, values: dict[str, str], status: int) -> None:
    """The app never hears of it; the modal stays."""
    view_id = await opened(world)

    found, _ = await submit(world, view_id, **values)

    assert (status, []) == (found, world.app.received)
    (view,) = await world.views()
    assert (status == 422) == ("why" in view["errors"])


async def test_an_input_that_the_view_lacks_is_misuse(world: World) -> None:
    """Unknown blocks are told with the known ones."""
    view_id = await opened(world)

    status, answer = await world.call(
        "POST", "/local/submit", {"user": "sre", "view_id": view_id, "values": {"x": {"y": "z"}}}
    )

    assert 404 == status
    assert "why/text" in answer["error"]


async def test_errors_are_shown_at_their_fields_and_what_was_typed_stays(world: World) -> None:
    """`response_action: errors` keeps the modal open."""
    view_id = await opened(world)
    world.app.answers = [(200, {"response_action": "errors", "errors": {"why": "Say more."}})]

    await submit(world, view_id, why="x")

    (view,) = await world.views()
    assert {"why": "Say more."} == view["errors"]
    assert "x" == view["state"]["values"]["why"]["text"]["value"]


@pytest.mark.parametrize(
    ("answer", "titles"),
    [
        pytest.param({"response_action": "update", "view": modal("Next")}, ["Next"], id="update replaces it"),
        pytest.param({"response_action": "push", "view": modal("Next")}, ["Form", "Next"], id="push lies on top"),
        pytest.param({"response_action": "clear"}, [], id="clear closes all"),
        pytest.param("", [], id="nothing closes it"),
    ],
)
async def test_the_acknowledgement_says_what_becomes_of_the_modal(
    world: World, answer: object, titles: list[str]
) -> None:
    """`response_action` is obeyed."""
    view_id = await opened(world)
    world.app.answers = [(200, answer)]

    await submit(world, view_id, why="x")

    assert titles == [view["title"]["text"] for view in await world.views()]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((500, ""), id="an error status"),
        pytest.param((200, {"response_action": "errors", "errors": {"nowhere": "x"}}), id="an error at no input"),
        pytest.param((200, {"response_action": "dance"}), id="an unknown action"),
        pytest.param((200, {"response_action": "update", "view": {"type": "modal"}}), id="an invalid view"),
        pytest.param((200, "OK"), id="text"),
    ],
)
async def test_an_answer_that_makes_no_sense_keeps_the_modal_and_says_so(
    world: World, answer: tuple[int, object]
) -> None:
    """The client says that it had some trouble connecting."""
    view_id = await opened(world)
    world.app.answers = [answer]

    await submit(world, view_id, why="x")

    (view,) = await world.views()
    assert "trouble" in view["errors"][""]


async def test_a_stack_is_three_deep(world: World) -> None:
    """The fourth push is refused; only the top one can be reached."""
    bottom = await opened(world)
    button = {"type": "button", "action_id": "more", "text": text("More")}
    top = bottom
    for _ in range(2):
        top = await _push(world, top, button)

    with pytest.raises(SlackApiError, match="push_limit_reached"):
        await _push(world, top, button)
    status, _ = await submit(world, bottom, why="x")

    assert (409, 3) == (status, len(await world.views()))


async def _push(world: World, view_id: str, button: dict[str, Any]) -> str:
    view = modal()
    view["blocks"].append({"type": "actions", "elements": [button]})
    await world.slack.views_update(view_id=view_id, view=view)
    await world.does("click", user="sre", view_id=view_id, action_id="more")
    answer = await world.slack.views_push(trigger_id=world.app.received.pop()["trigger_id"], view=view)
    return str(answer["view"]["id"])


async def test_an_update_with_an_old_hash_conflicts(world: World) -> None:
    """`hash` guards against what changed meanwhile."""
    answer = await world.slack.views_open(trigger_id=await trigger(world), view=modal(external_id="mine"))
    old = answer["view"]["hash"]
    await world.slack.views_update(external_id="mine", view=modal("Two", external_id="mine"), hash=old)

    with pytest.raises(SlackApiError, match="hash_conflict"):
        await world.slack.views_update(external_id="mine", view=modal("Three"), hash=old)

    assert ["Two"] == [view["title"]["text"] for view in await world.views()]


@pytest.mark.parametrize(("notify", "heard"), [(True, ["view_closed"]), (False, [])], ids=["asked to", "not asked to"])
async def test_the_app_hears_of_a_closed_modal_where_it_asked_to(
    world: World, *, notify: bool, heard: list[str]
) -> None:
    """`notify_on_close`."""
    view_id = await opened(world, notify_on_close=notify)

    await world.does("close", user="sre", view_id=view_id)

    assert heard == [each["type"] for each in world.app.received]
    assert [] == await world.views()


async def test_a_form_with_inputs_needs_a_submit_button(world: World) -> None:
    """Slack refuses it with the reason."""
    view = modal()
    del view["submit"]

    with pytest.raises(SlackApiError) as refused:
        await world.slack.views_open(trigger_id=await trigger(world), view=view)

    assert "invalid_arguments" == refused.value.response["error"]
    assert "submit" in refused.value.response["response_metadata"]["messages"][0]
