"""The Web API answers, and refuses, as Slack does."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from tests.local.workspace.conftest import World

TEXT = {"type": "mrkdwn", "text": "hello"}
SECTION = {"type": "section", "text": TEXT}
MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "Form"}, "blocks": [SECTION]}

REFUSALS: list[Any] = [
    pytest.param("no.such.method", {}, "unknown_method", id="a method that does not exist"),
    pytest.param("chat.postMessage", {"channel": "C0NONE", "text": "x"}, "channel_not_found", id="unknown channel"),
    pytest.param("chat.postMessage", {"channel": "C0ALERTS"}, "no_text", id="a message without text"),
    pytest.param("chat.postMessage", {"text": "x"}, "invalid_arguments", id="a message to nowhere"),
    pytest.param("chat.postMessage", {"channel": "C0ALERTS", "text": "x" * 40_001}, "msg_too_long", id="a long text"),
    pytest.param(
        "chat.postMessage",
        {"channel": "C0ALERTS", "text": "x", "blocks": [{"type": "spaceship"}]},
        "invalid_blocks",
        id="a block of no known type",
    ),
    pytest.param(
        "chat.postMessage",
        {"channel": "C0ALERTS", "text": "x", "blocks": [{"type": "section", "text": {**TEXT, "text": "x" * 2900}}] * 5},
        "msg_blocks_too_long",
        id="more than 13,000 characters in blocks",
    ),
    pytest.param(
        "chat.postMessage", {"channel": "C0ALERTS", "text": "x", "blocks": "{"}, "invalid_blocks_format", id="no JSON"
    ),
    pytest.param(
        "chat.postMessage",
        {"channel": "C0ALERTS", "text": "x", "metadata": {"event_type": "key"}},
        "invalid_metadata_format",
        id="metadata without a payload",
    ),
    pytest.param(
        "chat.postMessage",
        {"channel": "C0ALERTS", "text": "x", "thread_ts": "1.000001"},
        "thread_not_found",
        id="a reply to nothing",
    ),
    pytest.param("chat.postEphemeral", {"channel": "C0ALERTS", "text": "x"}, "invalid_arguments", id="shown to nobody"),
    pytest.param(
        "chat.postEphemeral",
        {"channel": "C0ALERTS", "text": "x", "user": "U0NOBODY"},
        "user_not_found",
        id="shown to a stranger",
    ),
    pytest.param(
        "chat.postEphemeral",
        {"channel": "D0SRE", "text": "x", "user": "U0LEAD"},
        "user_not_in_channel",
        id="shown to someone who is not in the channel",
    ),
    pytest.param(
        "chat.update", {"channel": "C0ALERTS", "ts": "1.1", "text": "x"}, "message_not_found", id="update nothing"
    ),
    pytest.param("chat.delete", {"channel": "C0ALERTS", "ts": "1.1"}, "message_not_found", id="delete nothing"),
    pytest.param(
        "chat.getPermalink", {"channel": "C0ALERTS", "message_ts": "1.1"}, "message_not_found", id="link to nothing"
    ),
    pytest.param("conversations.create", {"name": "general"}, "name_taken", id="a name that is taken"),
    pytest.param("conversations.create", {"name": "No Caps"}, "invalid_name_specials", id="a name with capitals"),
    pytest.param("conversations.create", {"name": "x" * 81}, "invalid_name_maxlength", id="a name of 81 characters"),
    pytest.param("conversations.create", {"name": ""}, "invalid_name_required", id="no name"),
    pytest.param("conversations.create", {"name": "--"}, "invalid_name_punctuation", id="a name of hyphens"),
    pytest.param("conversations.archive", {"channel": "C0GENERAL"}, "cant_archive_general", id="archive #general"),
    pytest.param("conversations.setTopic", {"channel": "C0ALERTS", "topic": "x" * 251}, "too_long", id="a long topic"),
    pytest.param(
        "conversations.invite",
        {"channel": "C0ALERTS", "users": "U0SRE"},
        "already_in_channel",
        id="invite someone who is there",
    ),
    pytest.param(
        "conversations.invite", {"channel": "C0ALERTS", "users": "U0STEWARD"}, "cant_invite_self", id="invite oneself"
    ),
    pytest.param(
        "conversations.invite", {"channel": "C0ALERTS", "users": "U0NOBODY"}, "user_not_found", id="invite a stranger"
    ),
    pytest.param(
        "conversations.invite", {"channel": "C0ALERTS", "users": ",".join(["U0SRE"] * 101)}, "too_many_users", id="101"
    ),
    pytest.param("conversations.kick", {"channel": "C0GENERAL", "user": "U0SRE"}, "cant_kick_from_general", id="kick"),
    pytest.param("conversations.leave", {"channel": "C0GENERAL"}, "cant_leave_general", id="leave #general"),
    pytest.param("conversations.info", {"channel": "C0NONE"}, "channel_not_found", id="describe an unknown channel"),
    pytest.param(
        "conversations.history", {"channel": "C0ALERTS", "limit": 1000}, "invalid_limit", id="history of 1000 at once"
    ),
    pytest.param(
        "conversations.history", {"channel": "C0ALERTS", "oldest": "soon"}, "invalid_ts_oldest", id="since no time"
    ),
    pytest.param(
        "conversations.history", {"channel": "C0ALERTS", "cursor": "x"}, "invalid_cursor", id="a cursor of our own"
    ),
    pytest.param("conversations.replies", {"channel": "C0ALERTS", "ts": "1.1"}, "thread_not_found", id="no thread"),
    pytest.param("conversations.open", {"users": "U0NOBODY"}, "user_not_found", id="direct messages with a stranger"),
    pytest.param("conversations.list", {"types": "secret"}, "invalid_types", id="list channels of no kind"),
    pytest.param("users.info", {"user": "U0NOBODY"}, "user_not_found", id="a stranger"),
    pytest.param("users.lookupByEmail", {"email": "x@example.com"}, "users_not_found", id="a stranger's address"),
    pytest.param("usergroups.users.list", {"usergroup": "S0NONE"}, "no_such_subteam", id="an unknown user group"),
    pytest.param(
        "usergroups.users.update", {"usergroup": "S0APPROVERS", "users": "U0X"}, "invalid_users", id="stranger in group"
    ),
    pytest.param("views.open", {"view": MODAL}, "invalid_arguments", id="a view without a trigger"),
    pytest.param("views.open", {"view": MODAL, "trigger_id": "1.2.3"}, "invalid_trigger_id", id="a made-up trigger"),
    pytest.param("views.open", {"view": {"type": "modal"}, "trigger_id": "1.2.3"}, "invalid_arguments", id="no title"),
    pytest.param("views.update", {"view": MODAL, "view_id": "V0NONE"}, "not_found", id="update a view that is closed"),
    pytest.param("views.publish", {"view": MODAL, "user_id": "U0SRE"}, "invalid_arguments", id="a modal as home"),
    pytest.param(
        "views.publish",
        {"view": {"type": "home", "blocks": [SECTION]}, "user_id": "U0NOBODY"},
        "user_not_found",
        id="a stranger's home",
    ),
    pytest.param(
        "views.publish",
        {"view": {"type": "home", "blocks": [SECTION]}, "user_id": "U0SRE", "hash": "old"},
        "hash_conflict",
        id="a home that has changed meanwhile",
    ),
    pytest.param("files.completeUploadExternal", {"files": [{"id": "F0"}]}, "file_not_found", id="an unknown file"),
    pytest.param("pins.add", {"channel": "C0ALERTS"}, "no_item_specified", id="pin nothing"),
    pytest.param("pins.add", {"channel": "C0ALERTS", "timestamp": "1.1"}, "message_not_found", id="pin no message"),
    pytest.param(
        "reactions.add", {"channel": "C0ALERTS", "timestamp": "1.1", "name": "a b"}, "message_not_found", id="react"
    ),
    pytest.param(
        "bookmarks.add",
        {"channel_id": "C0ALERTS", "title": "x", "type": "link", "link": "ftp://x"},
        "invalid_link",
        id="a bookmark to ftp",
    ),
    pytest.param("apps.connections.open", {}, "not_allowed_token_type", id="a socket with the bot's token"),
]


@pytest.mark.parametrize(("method", "arguments", "error"), REFUSALS)
async def test_what_slack_refuses_is_refused(world: World, method: str, arguments: dict[str, Any], error: str) -> None:
    """A call that cannot be done answers `ok: false` with Slack's code, over JSON."""
    with pytest.raises(SlackApiError) as refused:
        await world.slack.api_call(method, json=arguments)

    assert error == refused.value.response["error"]


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        pytest.param({}, "not_authed", id="no token"),
        pytest.param({"Authorization": "Bearer xoxb-other"}, "invalid_auth", id="another workspace's token"),
    ],
)
async def test_a_call_needs_the_token_of_this_run(world: World, headers: dict[str, str], error: str) -> None:
    """Without the run's token nothing is answered."""
    async with world.session.post(f"{world.workspace.url}/api/auth.test", headers=headers) as answer:
        assert error == (await answer.json())["error"]


@pytest.mark.parametrize("way", ["query", "form", "json"])
async def test_arguments_come_as_query_form_or_json(world: World, way: str) -> None:
    """Slack reads all three, and so does the SDK send them."""
    arguments = {"channel": "C0ALERTS", "text": way}
    headers = {"Authorization": f"Bearer {world.workspace.credentials.bot_token}"}
    sent: dict[str, Any] = {{"query": "params", "form": "data", "json": "json"}[way]: arguments}

    async with world.session.post(f"{world.workspace.url}/api/chat.postMessage", headers=headers, **sent) as answer:
        assert (await answer.json())["ok"]

    assert [way] == [message["text"] for message in await world.messages()]


async def test_the_token_may_come_as_an_argument(world: World) -> None:
    """A form field `token` counts as well."""
    form = {"token": world.workspace.credentials.bot_token}
    async with world.session.post(f"{world.workspace.url}/api/auth.test", data=form) as answer:
        found = await answer.json()

    assert ("T0STEWARD", "U0STEWARD", "B0STEWARD") == (found["team_id"], found["user_id"], found["bot_id"])


@pytest.mark.parametrize("manifest", [{"oauth_config": {"scopes": {"bot": ["chat:write"]}}}], ids=["chat:write alone"])
async def test_a_scope_that_the_manifest_lacks_is_missing(world: World) -> None:
    """The manifest's scopes are the token's; the refusal names the one that is needed."""
    await world.post()
    with pytest.raises(SlackApiError) as refused:
        await world.slack.usergroups_users_list(usergroup="S0APPROVERS")

    assert ("missing_scope", "usergroups:read") == (
        refused.value.response["error"],
        refused.value.response["needed"],
    )


async def test_invalid_blocks_are_explained_by_pointer(world: World) -> None:
    """The answer names the place and the limit."""
    with pytest.raises(SlackApiError) as refused:
        await world.post(blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}])

    messages = refused.value.response["response_metadata"]["messages"]
    assert ["[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"] == messages


async def test_nobody_writes_into_an_archived_channel(world: World) -> None:
    """`is_archived` for the app, 409 for a person; archiving twice is refused."""
    channel = (await world.slack.conversations_create(name="inc-1"))["channel"]["id"]
    await world.slack.conversations_invite(channel=channel, users="U0SRE,U0LEAD")
    await world.slack.conversations_archive(channel=channel)

    with pytest.raises(SlackApiError, match="is_archived"):
        await world.post(channel=channel)
    with pytest.raises(SlackApiError, match="already_archived"):
        await world.slack.conversations_archive(channel=channel)
    status, _ = await world.call(
        "POST", "/local/command", {"user": "sre", "channel": "#inc-1", "command": "/health", "text": ""}
    )
    assert 409 == status


async def test_a_channel_that_the_bot_left_is_closed_to_it(world: World) -> None:
    """History needs membership."""
    await world.slack.conversations_leave(channel="C0ALERTS")

    with pytest.raises(SlackApiError, match="not_in_channel"):
        await world.slack.conversations_history(channel="C0ALERTS")


async def test_timestamps_are_unique_and_grow(world: World) -> None:
    """Messages of the same moment get different, increasing timestamps."""
    stamps = [await world.post(text=str(number)) for number in range(20)]

    assert sorted(set(stamps)) == stamps


async def test_a_message_is_found_again_by_its_metadata(world: World) -> None:
    """History and replies return metadata when asked for, and only then."""
    metadata = {"event_type": "outbox", "event_payload": {"key": "escalation:INC-1:2"}}
    first = await world.post(metadata=metadata)
    reply = await world.post(thread_ts=first, metadata=metadata)

    plain = await world.slack.conversations_history(channel="C0ALERTS")
    full = await world.slack.conversations_history(channel="C0ALERTS", include_all_metadata=True, oldest="0", limit=10)
    thread = await world.slack.conversations_replies(channel="C0ALERTS", ts=first, include_all_metadata=True)

    assert "metadata" not in plain["messages"][0]
    assert [(first, metadata)] == [(each["ts"], each["metadata"]) for each in full["messages"]]
    assert [first, reply] == [each["ts"] for each in thread["messages"]]


async def test_history_comes_newest_first_page_by_page(world: World) -> None:
    """The cursor leads on until it is empty."""
    for number in range(5):
        await world.post(text=str(number))
    seen: list[str] = []
    cursor = ""

    for _ in range(3):
        page = await world.slack.conversations_history(channel="C0ALERTS", limit=2, cursor=cursor)
        seen += [each["text"] for each in page["messages"]]
        cursor = page["response_metadata"]["next_cursor"]

    assert (["4", "3", "2", "1", "0"], "") == (seen, cursor)


async def test_an_update_keeps_what_it_does_not_name(world: World) -> None:
    """Blocks and metadata stay unless sent; the message is marked as edited."""
    metadata = {"event_type": "outbox", "event_payload": {"key": "a"}}
    ts = await world.post(blocks=[SECTION], metadata=metadata)

    await world.slack.chat_update(channel="C0ALERTS", ts=ts, text="later")
    (kept,) = await world.messages()
    await world.slack.chat_update(channel="C0ALERTS", ts=ts, text="last", blocks=[], metadata={})
    (bare,) = await world.messages()

    assert ("later", "section", metadata) == (kept["text"], kept["blocks"][0]["type"], kept["metadata"])
    assert "U0STEWARD" == kept["edited"]["user"]
    assert ("last", [], None) == (bare["text"], bare["blocks"], bare["metadata"])


async def test_only_own_messages_change(world: World) -> None:
    """A person's message cannot be updated or deleted by the app."""
    ts = (await world.does("message", user="sre", channel="#general", text="mine"))["ts"]

    with pytest.raises(SlackApiError, match="cant_update_message"):
        await world.slack.chat_update(channel="C0GENERAL", ts=ts, text="x")
    with pytest.raises(SlackApiError, match="cant_delete_message"):
        await world.slack.chat_delete(channel="C0GENERAL", ts=ts)


async def test_an_update_takes_4000_characters(world: World) -> None:
    """`chat.update` is stricter than posting."""
    ts = await world.post()

    await world.slack.chat_update(channel="C0ALERTS", ts=ts, text="x" * 4000)
    with pytest.raises(SlackApiError, match="msg_too_long"):
        await world.slack.chat_update(channel="C0ALERTS", ts=ts, text="x" * 4001)


async def test_a_message_to_a_person_lands_in_direct_messages(world: World) -> None:
    """A user id as channel means the direct messages with that person."""
    answer = await world.slack.chat_postMessage(channel="U0LEAD", text="only you")

    assert "D0LEAD" == answer["channel"]
    assert ["only you"] == [each["text"] for each in await world.messages("lead", "@lead")]
    status, _ = await world.call("GET", "/local/messages", user="sre", channel="@lead")
    assert 403 == status


async def test_an_ephemeral_message_is_seen_by_one_person(world: World) -> None:
    """It is in that person's messages alone, never in history."""
    await world.slack.chat_postEphemeral(channel="C0ALERTS", user="U0SRE", text="psst")

    assert [("psst", True)] == [(each["text"], each["ephemeral"]) for each in await world.messages("sre")]
    assert [] == await world.messages("lead")
    assert [] == (await world.slack.conversations_history(channel="C0ALERTS"))["messages"]


async def test_a_file_goes_through_its_upload_address(world: World) -> None:
    """`files_upload_v2` announces, uploads and completes; the file stands in the channel and can be read."""
    await world.slack.files_upload_v2(
        channel="C0ALERTS", content="line 1\nline 2", filename="app.log", initial_comment="logs"
    )

    (message,) = await world.messages()
    async with world.session.get(message["files"][0]["url_private"]) as answer:
        content = await answer.text()
    assert ("logs", "app.log", "line 1\nline 2") == (message["text"], message["files"][0]["name"], content)


async def test_pins_bookmarks_and_reactions_are_kept(world: World) -> None:
    """Each is refused the second time, and listed."""
    ts = await world.post()
    await world.slack.pins_add(channel="C0ALERTS", timestamp=ts)
    await world.slack.reactions_add(channel="C0ALERTS", timestamp=ts, name="eyes")
    await world.slack.bookmarks_add(channel_id="C0ALERTS", title="Runbook", type="link", link="https://example.com")

    with pytest.raises(SlackApiError, match="already_pinned"):
        await world.slack.pins_add(channel="C0ALERTS", timestamp=ts)
    with pytest.raises(SlackApiError, match="already_reacted"):
        await world.slack.reactions_add(channel="C0ALERTS", timestamp=ts, name="eyes")
    pinned = await world.slack.pins_list(channel="C0ALERTS")
    bookmarks = await world.slack.bookmarks_list(channel_id="C0ALERTS")
    assert ([ts], ["Runbook"]) == (
        [each["message"]["ts"] for each in pinned["items"]],
        [each["title"] for each in bookmarks["bookmarks"]],
    )


async def test_user_groups_are_read_and_changed(world: World) -> None:
    """The approvers are the lead, the manager and the CTO until someone changes it."""
    before = (await world.slack.usergroups_users_list(usergroup="S0APPROVERS"))["users"]
    await world.slack.usergroups_users_update(usergroup="S0APPROVERS", users="U0LEAD")
    after = (await world.slack.usergroups_users_list(usergroup="S0APPROVERS"))["users"]

    assert (["U0LEAD", "U0MANAGER", "U0CTO"], ["U0LEAD"]) == (before, after)
