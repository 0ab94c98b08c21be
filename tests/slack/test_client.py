"""Slack's answers and failures in our words, against a workspace that is as strict as Slack."""

import json
from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web

from bot.domain.errors import OutcomeUnknown, Rejected, Unauthorized, Unreachable
from bot.domain.message import Button, Buttons, Message, lines
from bot.local.lab.child import free_ports
from bot.ports import ChannelGone, PersonGone, Posted, RateLimited
from bot.slack.client import SlackChat, SlackGroups, SlackRooms, open_client
from tests.slack.world import SlackWorld

UTC = ZoneInfo("UTC")
MESSAGE = Message("Hello", (lines("Hello <!channel>"), Buttons((Button("Ack", "incident.ack", "x"),))))


def _chat(world: SlackWorld) -> SlackChat:
    return SlackChat(world.client, UTC)


async def _post(world: SlackWorld) -> None:
    await _chat(world).post("C0ALERTS", MESSAGE, thread=None, key="k")


async def _update(world: SlackWorld) -> None:
    await _chat(world).update(Posted("C0ALERTS", "1.1"), MESSAGE, key="k")


async def _find(world: SlackWorld) -> None:
    await _chat(world).find("C0ALERTS", thread=None, key="k", since=0)


async def _members(world: SlackWorld) -> None:
    await SlackGroups(world.client).members("S0APPROVERS")


async def test_a_message_carries_its_key_and_can_be_edited_and_found(world: SlackWorld) -> None:
    """Posted once, edited in place, and found by its key in the channel and in a thread."""
    chat, since = _chat(world), world.clock.now() - 1_000

    header = await chat.post("C0ALERTS", MESSAGE, thread=None, key="header")
    reply = await chat.post("C0ALERTS", Message.plain("more"), thread=header.ts, key="reply")
    await chat.update(header, Message.plain("Edited"), key="header")

    shown = await world.messages()
    assert ["Edited", "more"] == [message["text"] for message in shown]
    assert header.ts == shown[1]["thread_ts"]
    assert header == await chat.find("C0ALERTS", thread=None, key="header", since=since)
    assert reply == await chat.find("C0ALERTS", thread=header.ts, key="reply", since=since)
    assert await chat.find("C0ALERTS", thread=None, key="other", since=since) is None
    assert await chat.find("C0ALERTS", thread=None, key="header", since=world.clock.now() + 60_000) is None


async def test_a_message_is_found_behind_many_others(world: SlackWorld) -> None:
    """The look-up goes on past the first page."""
    chat, since = _chat(world), world.clock.now() - 1_000
    first = await chat.post("C0ALERTS", MESSAGE, thread=None, key="first")
    for number in range(220):
        await chat.post("C0ALERTS", Message("x"), thread=None, key=f"later-{number}")

    assert first == await chat.find("C0ALERTS", thread=None, key="first", since=since)


@pytest.mark.parametrize(
    ("call", "method", "kind", "expected"),
    [
        pytest.param(_post, "chat.postMessage", "500", OutcomeUnknown, id="a post that fails may have been done"),
        pytest.param(_post, "chat.postMessage", "html", OutcomeUnknown, id="a post answered by a proxy's page"),
        pytest.param(_post, "chat.postMessage", "drop", OutcomeUnknown, id="a post whose answer is lost"),
        pytest.param(_post, "chat.postMessage", "429", RateLimited, id="a post that must wait"),
        pytest.param(_update, "chat.update", "500", OutcomeUnknown, id="an edit that fails"),
        pytest.param(_find, "conversations.history", "500", Unreachable, id="a look-up that fails"),
        pytest.param(_find, "conversations.history", "429", RateLimited, id="a look-up that must wait"),
        pytest.param(_members, "usergroups.users.list", "500", Unreachable, id="a group that cannot be read"),
        pytest.param(_members, "usergroups.users.list", "html", Unreachable, id="a group answered by a page"),
        pytest.param(_members, "usergroups.users.list", "429", Unreachable, id="a group behind a rate limit"),
        pytest.param(_members, "usergroups.users.list", "drop", Unreachable, id="a group whose answer is lost"),
    ],
)
async def test_faults_are_named(
    world: SlackWorld,
    call: Callable[[SlackWorld], Awaitable[None]],
    method: str,
    kind: str,
    expected: type[Exception],
) -> None:
    """Every fault becomes one of our errors: wait, down, or perhaps done."""
    await world.does("faults", method=method, kind=kind, times=3, retry_after=7)

    with pytest.raises(expected) as raised:
        await call(world)

    if isinstance(raised.value, RateLimited):
        assert 7_000 == raised.value.retry_after


async def test_a_pause_is_kept_for_its_method_and_channel_alone(world: SlackWorld) -> None:
    """Until it is over Slack is not asked there; every other channel and method goes on."""
    await world.does("faults", method="chat.postMessage", kind="429", times=1, retry_after=7)
    now, seen = 100.0, list[str]()

    async with open_client(
        token=world.workspace.credentials.bot_token, url=f"{world.workspace.url}/api/", clock=lambda: now
    ) as client:
        chat = SlackChat(client, UTC)
        for channel, later in (("C0ALERTS", 0.0), ("C0ALERTS", 6.9), ("C0GENERAL", 0.0), ("C0ALERTS", 0.1)):
            now += later
            try:
                await chat.post(channel, MESSAGE, thread=None, key="k")
            except RateLimited as limit:
                seen.append(f"{limit.retry_after}")
            else:
                seen.append(channel)

    assert ["7000", "100", "C0GENERAL", "C0ALERTS"] == seen


@pytest.mark.parametrize("header", [{}, {"Retry-After": ""}, {"Retry-After": "soon"}, {"Retry-After": "0"}])
async def test_a_limit_without_its_header_is_no_reason_to_ask_at_once(header: dict[str, str]) -> None:
    """Half a minute is the pause then."""

    async def limited(_: web.Request) -> web.Response:
        return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=header)

    application = web.Application()
    application.router.add_route("*", "/api/{method}", limited)
    runner = web.AppRunner(application)
    await runner.setup()
    [port] = free_ports(1)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        async with open_client(token="xoxb-1", url=f"http://127.0.0.1:{port}/api/") as client:
            with pytest.raises(RateLimited) as raised:
                await SlackRooms(client).direct_channel("U0SRE")
    finally:
        await runner.cleanup()

    assert 30_000 == raised.value.retry_after


async def test_an_account_that_is_gone_is_told_apart(world: SlackWorld) -> None:
    """A message to it is not tried again."""
    with pytest.raises(PersonGone, match="user_not_found"):
        await SlackRooms(world.client).direct_channel("U0NOBODY")


async def test_a_lost_answer_is_not_sent_again(world: SlackWorld) -> None:
    """The client never repeats by itself: one post, however its answer was lost."""
    await world.does("faults", method="chat.postMessage", kind="drop", times=1)

    with pytest.raises(OutcomeUnknown):
        await _post(world)

    assert 1 == len(await world.messages())
    assert await _chat(world).find("C0ALERTS", thread=None, key="k", since=0) is not None


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        pytest.param("C0NOWHERE", ChannelGone, id="a channel that does not exist"),
        pytest.param("archived", ChannelGone, id="an archived channel"),
    ],
)
async def test_a_channel_that_is_gone(world: SlackWorld, channel: str, expected: type[Exception]) -> None:
    """The message must take another way."""
    if channel == "archived":
        channel = await SlackRooms(world.client).create_channel("inc-12-mail", since=world.clock.now())
        await world.client.conversations_archive(channel=channel)

    with pytest.raises(expected):
        await _chat(world).post(channel, MESSAGE, thread=None, key="k")


async def test_an_edit_of_nothing_is_refused(world: SlackWorld) -> None:
    """A message that was deleted cannot be edited; repeating does not help."""
    with pytest.raises(Rejected, match="message_not_found"):
        await _update(world)


async def test_a_wrong_token_is_our_own_trouble(world: SlackWorld) -> None:
    """The error names the call and Slack's word, not the token."""
    async with open_client(token="xoxb-wrong", url=f"{world.workspace.url}/api/") as client:
        with pytest.raises(Unauthorized) as raised:
            await SlackGroups(client).members("S0APPROVERS")

    assert "xoxb" not in str(raised.value)


async def test_a_slack_that_is_down_was_not_told() -> None:
    """Where no connection was made, nothing can have happened."""
    async with open_client(token="xoxb-1", url="http://127.0.0.1:9/api/") as client:
        with pytest.raises(Unreachable):
            await SlackChat(client, UTC).post("C0ALERTS", MESSAGE, thread=None, key="k")


async def test_proxies_are_not_obeyed(world: SlackWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment does not get Slack's traffic."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async with open_client(token=world.workspace.credentials.bot_token, url=f"{world.workspace.url}/api") as client:
        assert 3 == len(await SlackGroups(client).members("S0APPROVERS"))


async def test_an_empty_group_has_no_members(world: SlackWorld) -> None:
    """An empty group is an answer, not an error."""
    async with world.http.post(
        f"{world.workspace.url}/local/lab/steward/approvers", data=json.dumps({"set": {"members": []}})
    ) as answer:
        assert 200 == answer.status

    assert frozenset() == await SlackGroups(world.client).members("S0APPROVERS")


async def test_rooms_are_made_once(world: SlackWorld) -> None:
    """A name that is taken gets a number; inviting and archiving again is success; direct messages have a channel."""
    rooms, since = SlackRooms(world.client), world.clock.now()

    first = await rooms.create_channel("production-alerts", since=since)
    await rooms.set_topic(first, "P0 " * 200)
    for _ in range(2):
        await rooms.invite(first, "U0SRE")
    for _ in range(2):
        await rooms.archive(first)

    assert "production-alerts-2" == world.workspace.directory.channels[first].name
    assert world.workspace.directory.channels[first].archived
    assert "D0SRE" == await rooms.direct_channel("U0SRE")


async def test_a_channel_whose_answer_was_lost_is_found_again(world: SlackWorld) -> None:
    """By its name and its creator: there is one channel, however often its creation had no answer."""
    rooms, since = SlackRooms(world.client), world.clock.now()
    await world.does("faults", method="conversations.create", kind="drop", times=2)
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            await rooms.create_channel("inc-0012-mail", since=since)

    found = await rooms.create_channel("inc-0012-mail", since=since)

    channels = world.workspace.directory.channels
    assert [found] == [channel.id for channel in channels.values() if channel.name.startswith("inc-")]


@pytest.mark.parametrize(
    ("own", "asked", "ours"),
    [
        pytest.param("general-2", "general", True, id="under the number that it got"),
        pytest.param("general-mail", "general", False, id="another name that begins alike"),
        pytest.param("inc-12", "inc-12", False, id="one of somebody else"),
        pytest.param("inc-13", "inc-13", False, id="one that is older"),
        pytest.param("inc-14", "inc-14", False, id="one that is archived"),
    ],
)
async def test_only_the_bots_own_new_channel_is_taken_for_the_lost_one(
    world: SlackWorld, own: str, asked: str, *, ours: bool
) -> None:
    """A channel that merely has the name gets no incident put into it."""
    since = world.clock.now()
    known = str((await world.client.conversations_create(name=own))["channel"]["id"])
    channel = world.workspace.directory.channels[known]
    if own == "inc-12":
        channel.creator = "U0SRE"
    if own == "inc-13":
        channel.created -= 120
    if own == "inc-14":
        channel.archived = True

    found = await SlackRooms(world.client).create_channel(asked, since=since)

    assert ours == (found == known)
