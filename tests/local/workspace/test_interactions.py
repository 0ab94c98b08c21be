"""Commands, clicks and response addresses: what reaches the app, what people see of its answers."""

import asyncio
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from bot.local.workspace.server import Options
from tests.local.workspace.conftest import BUTTON, World

CHANNEL = "#production-alerts"
SELECT = {
    "type": "static_select",
    "action_id": "release",
    "placeholder": {"type": "plain_text", "text": "Which?"},
    "options": [{"text": {"type": "plain_text", "text": name}, "value": name} for name in ("v40", "v41")],
}


async def respond(world: World, url: str, **body: object) -> int:
    """The app posts to a response address."""
    async with world.session.post(url, json=body) as answer:
        return answer.status


async def test_a_command_reaches_the_app_signed_and_complete(world: World) -> None:
    """Every field that Slack sends is there; the answer tells status and time."""
    answer = await world.does("command", user="sre", channel=CHANNEL, command="/health", text=" newsletter ")

    (payload,) = world.app.received
    expected = {
        "team_id": "T0STEWARD",
        "api_app_id": "A0STEWARD",
        "channel_id": "C0ALERTS",
        "channel_name": "production-alerts",
        "user_id": "U0SRE",
        "user_name": "sre",
        "command": "/health",
        "text": "newsletter",
    }
    assert expected == {key: payload[key] for key in expected}
    assert payload["response_url"].startswith(world.workspace.url)
    assert payload["trigger_id"]
    assert (200, "") == (answer["status"], answer["body"])
    assert answer["ack_ms"] > 0


@pytest.mark.parametrize(
    ("body", "seen_by_lead"),
    [
        pytest.param({"text": "fine"}, [], id="an answer is for the person who typed"),
        pytest.param({"text": "fine", "response_type": "in_channel"}, ["fine"], id="in_channel is for all"),
    ],
)
async def test_the_acknowledgement_of_a_command_may_be_a_message(
    world: World, body: dict[str, str], seen_by_lead: list[str]
) -> None:
    """A JSON body is shown, ephemeral unless it says otherwise."""
    world.app.answers = [(200, body)]

    await world.does("command", user="sre", channel=CHANNEL, command="/health", text="")

    assert ["fine"] == [each["text"] for each in await world.messages("sre")]
    assert seen_by_lead == [each["text"] for each in await world.messages("lead")]


async def test_a_command_that_fails_is_regretted_by_slackbot(world: World) -> None:
    """An error status shows `dispatch_failed` to the person; nothing is sent again."""
    world.app.answers = [(500, "")]

    answer = await world.does("command", user="sre", channel=CHANNEL, command="/health", text="")

    (message,) = await world.messages("sre")
    assert (500, 1) == (answer["status"], len(world.app.received))
    assert ('/health failed with the error "dispatch_failed"', True) == (message["text"], message["ephemeral"])


async def test_a_command_that_takes_longer_than_three_seconds_has_timed_out(world: World) -> None:
    """Slack waits three seconds."""
    world.app.delay = asyncio.Event()

    answer = await world.does("command", user="sre", channel=CHANNEL, command="/health", text="")
    world.app.delay.set()

    assert 504 == answer["status"]
    assert "operation_timeout" in (await world.messages("sre"))[0]["text"]


@pytest.mark.parametrize(
    "manifest",
    [{"features": {"slash_commands": [{"command": "/oncall", "description": "Who", "should_escape": True}]}}],
    ids=["one command"],
)
async def test_the_manifest_decides_on_commands_and_escaping(world: World) -> None:
    """A command that is not in the manifest is refused; `should_escape` turns names into ids."""
    status, answer = await world.call(
        "POST", "/local/command", {"user": "sre", "channel": CHANNEL, "command": "/foo", "text": ""}
    )
    await world.does("command", user="sre", channel=CHANNEL, command="/oncall", text="@lead #general <b> https://x.io")

    assert (404, {"error": "/foo is not a valid command."}) == (status, answer)
    assert "<@U0LEAD|lead> <#C0GENERAL|general> &lt;b&gt; <https://x.io>" == world.app.received[0]["text"]
    assert [{"command": "/oncall", "description": "Who", "usage_hint": ""}] == world.workspace.commands


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        pytest.param("command", {"user": "eve", "channel": CHANNEL, "command": "/x"}, 404, id="a stranger types"),
        pytest.param("command", {"user": "sre", "channel": "#none", "command": "/x"}, 404, id="in no channel"),
        pytest.param("command", {"user": "sre", "channel": "@lead", "command": "/x"}, 403, id="in others' messages"),
        pytest.param("command", {"user": "sre", "channel": CHANNEL}, 400, id="no command"),
        pytest.param(
            "command",
            {"user": "sre", "channel": CHANNEL, "command": "/echo", "text": 5},
            400,
            id="no text but a number",
        ),
        pytest.param("click", {"user": "sre", "channel": CHANNEL, "ts": "1.1", "action_id": "x"}, 404, id="no message"),
        pytest.param("click", {"user": "sre", "view_id": "V0", "action_id": "x"}, 404, id="click in no view"),
        pytest.param("submit", {"user": "sre", "view_id": "V0"}, 404, id="submit no view"),
        pytest.param("message", {"user": "sre", "channel": CHANNEL, "text": " "}, 400, id="an empty message"),
        pytest.param("redeliver", {"times": 1}, 409, id="repeat nothing"),
        pytest.param("redeliver", {"times": 0}, 400, id="repeat no times"),
        pytest.param("faults", {"method": "chat.postMessage", "kind": "flood"}, 400, id="no such fault"),
        pytest.param("faults", {"method": "chat.shout", "kind": "500"}, 400, id="a fault of no method"),
        pytest.param("clock", {"advance": "5"}, 400, id="a duration without a unit"),
        pytest.param("clock", {"advance": "-5m"}, 400, id="back in time"),
        pytest.param("lab/newsletter/app", {"state": "down"}, 404, id="break what is not there"),
        pytest.param("lab/steward/approvers", {"set": {"members": ["eve"]}}, 400, id="a stranger among approvers"),
        pytest.param("lab/steward/approvers", {"state": "slow"}, 400, id="a group cannot be slow"),
        pytest.param("lab/steward/approvers", {"colour": "red"}, 400, id="a lab call says state or set"),
        pytest.param("disconnect", {}, 409, id="no socket to disconnect"),
        pytest.param("nothing", {}, 404, id="no such call"),
    ],
)
async def test_misuse_of_a_local_call_is_refused_with_the_reason(
    world: World, path: str, body: dict[str, Any], status: int
) -> None:
    """4xx and `error`."""
    found, answer = await world.call("POST", f"/local/{path}", body)

    assert status == found, answer
    assert answer["error"]
    assert [] == world.app.received


async def test_a_click_carries_the_message_and_its_value(world: World) -> None:
    """`block_actions` with container, message, action, trigger and response address."""
    ts = await world.post(blocks=[BUTTON])

    await world.does("click", user="lead", channel=CHANNEL, ts=ts, action_id="approve", value="OP-1")

    (payload,) = world.app.received
    action = {key: payload["actions"][0][key] for key in ("action_id", "block_id", "value", "type", "style")}
    assert {
        "action_id": "approve",
        "block_id": "row",
        "value": "OP-1",
        "type": "button",
        "style": "primary",
    } == action
    assert ("block_actions", "U0LEAD", ts, "C0ALERTS") == (
        payload["type"],
        payload["user"]["id"],
        payload["container"]["message_ts"],
        payload["channel"]["id"],
    )
    assert ts == payload["message"]["ts"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param({"action_id": "deny"}, 404, id="an element that the message does not have"),
        pytest.param({"value": "OP-2"}, 409, id="a value that the button does not carry"),
        pytest.param({"action_id": "release"}, 400, id="a select without a choice"),
        pytest.param({"action_id": "release", "value": "v39"}, 400, id="a choice that is not offered"),
    ],
)
async def test_only_what_a_message_offers_can_be_pressed(world: World, change: dict[str, str], status: int) -> None:
    """A forged click does not leave the client."""
    blocks = [BUTTON, {"type": "section", "text": {"type": "mrkdwn", "text": "Release"}, "accessory": SELECT}]
    ts = await world.post(blocks=blocks)
    body = {"user": "lead", "channel": CHANNEL, "ts": ts, "action_id": "approve"} | change

    found, _ = await world.call("POST", "/local/click", body)

    assert status == found
    assert [] == world.app.received


async def test_a_choice_is_sent_as_its_option(world: World) -> None:
    """A select passes the option that was chosen, in the action and in the state."""
    ts = await world.post(blocks=[{"type": "actions", "block_id": "row", "elements": [SELECT]}])

    await world.does("click", user="lead", channel=CHANNEL, ts=ts, action_id="release", value="v40")

    (payload,) = world.app.received
    assert "v40" == payload["actions"][0]["selected_option"]["value"]
    assert "v40" == payload["state"]["values"]["row"]["release"]["selected_option"]["value"]


async def test_an_ephemeral_message_is_clicked_by_its_reader_and_replaced_in_place(world: World) -> None:
    """The payload omits the message; the response address replaces it, five times at most, and keeps it ephemeral."""
    await world.slack.chat_postEphemeral(channel="C0ALERTS", user="U0SRE", text="psst", blocks=[BUTTON])
    ts = (await world.messages("sre"))[0]["ts"]

    stranger, _ = await world.call(
        "POST", "/local/click", {"user": "lead", "channel": CHANNEL, "ts": ts, "action_id": "approve"}
    )
    await world.does("click", user="sre", channel=CHANNEL, ts=ts, action_id="approve")
    payload = world.app.received[0]
    statuses = [
        await respond(world, payload["response_url"], replace_original=True, text=f"{n}", response_type="in_channel")
        for n in range(6)
    ]

    assert 404 == stranger
    assert (True, False) == (payload["container"]["is_ephemeral"], "message" in payload)
    assert [200] * 5 + [404] == statuses
    assert [("4", True)] == [(each["text"], each["ephemeral"]) for each in await world.messages("sre")]
    assert [] == await world.messages("lead")


async def test_a_command_has_no_original_to_replace(world: World) -> None:
    """Each post to a command's response address is a new message, as in Slack."""
    await world.does("command", user="sre", channel=CHANNEL, command="/health", text="")
    url = world.app.received[0]["response_url"]

    await respond(world, url, text="thinking")
    await respond(world, url, text="done", replace_original=True)

    assert ["thinking", "done"] == [each["text"] for each in await world.messages("sre")]


async def test_a_response_address_lives_half_an_hour(world: World) -> None:
    """After 30 minutes of the workspace's clock it has expired."""
    await world.does("command", user="sre", channel=CHANNEL, command="/health", text="")
    url = world.app.received[0]["response_url"]

    await world.does("clock", advance="31m")

    assert 404 == await respond(world, url, text="late")
    assert [] == await world.messages("sre")


@pytest.mark.parametrize("body", [{"text": ""}, {"blocks": [{"type": "x"}]}], ids=["no text", "invalid blocks"])
async def test_a_response_is_as_strict_as_a_message(world: World, body: dict[str, Any]) -> None:
    """400 for what could not be posted."""
    await world.does("command", user="sre", channel=CHANNEL, command="/health", text="")

    assert 400 == await respond(world, world.app.received[0]["response_url"], **body)


async def test_redelivery_repeats_the_same_bytes(world: World) -> None:
    """Same body, same signature, same time: what a replay looks like."""
    await world.does("command", user="sre", channel=CHANNEL, command="/health", text="")

    answer = await world.does("redeliver", times=2)

    assert [200, 200] == [each["status"] for each in answer["deliveries"]]
    assert 1 == len(set(world.app.bodies))
    assert 1 == len({each["X-Slack-Signature"] for each in world.app.headers})


async def test_unread_counts_follow_reading(world: World) -> None:
    """Others' messages count until the channel is read; one's own never do."""
    await world.post(text="one")
    await world.post(text="two")
    counts = {channel.name: unread for channel, unread in world.workspace.channels_for("U0SRE")}
    await world.does("read", user="sre", channel=CHANNEL)
    await world.does("message", user="sre", channel=CHANNEL, text="mine")
    after = {channel.name: unread for channel, unread in world.workspace.channels_for("U0SRE")}

    assert (2, 0) == (counts["production-alerts"], after["production-alerts"])


async def test_the_stream_tells_every_change(world: World) -> None:
    """A line per revision, the present one first."""
    async with world.session.get(f"{world.workspace.url}/local/stream") as stream:
        first = await asyncio.wait_for(stream.content.readuntil(b"\n\n"), 5)
        await world.post()
        second = await asyncio.wait_for(stream.content.readuntil(b"\n\n"), 5)

    assert int(first.removeprefix(b"data: ")) < int(second.removeprefix(b"data: "))


async def test_a_group_that_is_down_cannot_be_read(world: World) -> None:
    """The workspace breaks its user groups itself; the lab lists them under `steward`."""
    await world.does("lab/steward/approvers", state="down")
    with pytest.raises(SlackApiError, match="plan_upgrade_required"):
        await world.slack.usergroups_users_list(usergroup="S0APPROVERS")

    await world.does("lab/steward/approvers", state="up", set={"members": ["manager"]})

    _, lab = await world.call("GET", "/local/lab")
    assert {"members": ["manager"]} == lab["steward"]["approvers"]["values"]
    assert ["U0MANAGER"] == (await world.slack.usergroups_users_list(usergroup="S0APPROVERS"))["users"]


async def test_a_message_of_a_person_reaches_the_app_as_an_event(world: World) -> None:
    """Mentions and direct messages arrive; names become ids; markup is escaped."""
    await world.does("message", user="sre", channel=CHANNEL, text="@steward <b>")
    await world.does("message", user="sre", channel="@sre", text="hi")

    kinds = [(each["event"]["type"], each["event"].get("channel_type")) for each in world.app.received]
    assert [("message", "channel"), ("app_mention", None), ("message", "im")] == kinds
    assert "<@U0STEWARD|steward> &lt;b&gt;" == (await world.messages())[0]["text"]


async def test_the_home_tab_is_announced_and_published(world: World) -> None:
    """`app_home_opened` carries the published home from the second time on."""
    home = {"type": "home", "blocks": [BUTTON]}
    await world.does("event", user="sre", type="app_home_opened")
    await world.slack.views_publish(user_id="U0SRE", view=home)
    await world.does("event", user="sre", type="app_home_opened")
    (shown,) = await world.views("sre")
    await world.does("click", user="sre", view_id=shown["id"], action_id="approve")

    first, second, click = world.app.received
    assert ("view" in first["event"], second["event"]["view"]["type"]) == (False, "home")
    assert ("view", shown["id"]) == (click["container"]["type"], click["container"]["view_id"])


async def test_an_event_is_retried_three_times(world: World) -> None:
    """The same event id, with the number and the reason of the retry."""
    world.app.answers = [(500, ""), (500, ""), (500, ""), (200, "")]

    answer = await world.does("event", user="sre", type="app_home_opened")
    for _ in range(200):
        if len(world.app.received) == 4:
            break
        await asyncio.sleep(0.01)

    assert 500 == answer["status"]
    assert 1 == len({each["event_id"] for each in world.app.received})
    assert [None, "1", "2", "3"] == [each.get("X-Slack-Retry-Num") for each in world.app.headers]
    assert "http_error" == world.app.headers[-1]["X-Slack-Retry-Reason"]


@pytest.mark.parametrize("manifest", [{"settings": {"event_subscriptions": {"bot_events": []}}}], ids=["no events"])
async def test_an_event_without_a_subscription_is_not_sent(world: World) -> None:
    """Slack sends only what the manifest asks for."""
    status, _ = await world.call("POST", "/local/event", {"user": "sre", "type": "app_home_opened"})

    assert (409, []) == (status, world.app.received)


class TestFaults:
    """`POST /local/faults` strikes the next calls."""

    @pytest.mark.parametrize(
        ("kind", "status"), [pytest.param("429", 429, id="rate limited"), pytest.param("500", 500, id="broken")]
    )
    async def test_a_refused_call_does_nothing(self, world: World, kind: str, status: int) -> None:
        """The status is answered as often as asked for, then all is well."""
        await world.does("faults", method="chat.postMessage", kind=kind, times=1, retry_after=7)

        with pytest.raises(SlackApiError) as refused:
            await world.post()
        await world.post(text="after")

        assert status == refused.value.response.status_code
        assert (kind == "429") == ("7" == refused.value.response.headers.get("Retry-After"))
        assert ["after"] == [each["text"] for each in await world.messages()]

    async def test_html_comes_with_status_200(self, world: World) -> None:
        """A proxy's page instead of JSON."""
        await world.does("faults", method="*", kind="html")
        async with world.session.post(f"{world.workspace.url}/api/auth.test") as answer:
            assert (200, "text/html") == (answer.status, answer.content_type)

    async def test_timeout_does_nothing_and_never_answers(self, world: World) -> None:
        """The client gives up; no message is there."""
        await world.does("faults", method="chat.postMessage", kind="timeout")

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(world.post(), 0.3)

        assert [] == await world.messages()

    async def test_drop_does_the_work_and_loses_the_answer(self, world: World) -> None:
        """The connection breaks; the message is there."""
        await world.does("faults", method="chat.postMessage", kind="drop")

        with pytest.raises(aiohttp.ClientError):
            await world.post()

        assert ["hello"] == [each["text"] for each in await world.messages()]

    async def test_a_response_address_can_be_struck(self, world: World) -> None:
        """`response_url` names it."""
        await world.does("command", user="sre", channel=CHANNEL, command="/health", text="")
        await world.does("faults", method="response_url", kind="500")

        assert 500 == await respond(world, world.app.received[0]["response_url"], text="x")
        assert [] == await world.messages()


class TestLimits:
    """Slack's limits, on real time."""

    @pytest.fixture
    def options(self) -> Options:
        """With limits, as in the demo."""
        return Options()

    async def test_the_sixth_message_of_a_burst_is_refused(self, world: World) -> None:
        """Five at once, then one a second; other channels are not affected."""
        for _ in range(5):
            await world.post()

        with pytest.raises(SlackApiError) as refused:
            await world.post()
        await world.post(channel="C0GENERAL")

        assert (429, "1", "ratelimited") == (
            refused.value.response.status_code,
            refused.value.response.headers["Retry-After"],
            refused.value.response["error"],
        )

    async def test_a_tier_two_method_is_refused_after_twenty_calls(self, world: World) -> None:
        """The wait is told."""
        for _ in range(20):
            await world.slack.usergroups_users_list(usergroup="S0APPROVERS")

        with pytest.raises(SlackApiError) as refused:
            await world.slack.usergroups_users_list(usergroup="S0APPROVERS")

        assert 1 <= int(refused.value.response.headers["Retry-After"]) <= 60


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Host": "evil.example"}, id="a name that resolves to the loopback"),
        pytest.param({"Origin": "http://evil.example"}, id="a page of another site"),
        pytest.param({"Origin": "null"}, id="a page of no site"),
        pytest.param({"Host": "["}, id="a name that is none"),
        pytest.param({"Origin": "http://["}, id="a site that is none"),
    ],
)
async def test_only_the_loopback_is_answered(world: World, headers: dict[str, str]) -> None:
    """A page elsewhere cannot drive the workspace."""
    async with world.session.get(f"{world.workspace.url}/local/clock", headers=headers) as answer:
        assert 403 == answer.status
