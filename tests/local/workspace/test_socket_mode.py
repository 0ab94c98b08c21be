"""Socket Mode, driven by Bolt's own client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.local.workspace.server import Options
from tests.local.workspace.conftest import World

CHANNEL = "#production-alerts"


@pytest.fixture
def options() -> Options:
    """Deliveries go over sockets."""
    return Options(limits=False, socket_mode=True)


@pytest.fixture
async def heard(world: World) -> AsyncIterator[list[dict[str, Any]]]:
    """A Bolt app that is connected; what it hears."""
    received: list[dict[str, Any]] = []
    app = AsyncApp(client=world.slack, process_before_response=True)

    async def on_command(ack: AsyncAck, body: dict[str, Any]) -> None:
        received.append(body)
        await ack(text="fine")

    async def on_event(body: dict[str, Any]) -> None:
        received.append(body)

    app.command("/health")(on_command)
    app.event("app_home_opened")(on_event)
    client = AsyncWebClient(base_url=f"{world.workspace.url}/api/")
    handler = AsyncSocketModeHandler(app, world.workspace.credentials.app_token, web_client=client, ping_interval=3)
    await handler.connect_async()  # type: ignore[no-untyped-call] # Bolt does not type it.
    await until(lambda: world.server.socket.connections == 1)
    yield received
    await handler.close_async()  # type: ignore[no-untyped-call] # As above.


async def until(condition: Callable[[], bool]) -> None:
    """Poll a condition, for ten seconds at most."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


async def test_a_command_goes_to_the_socket_and_its_acknowledgement_comes_back(
    world: World, heard: list[dict[str, Any]]
) -> None:
    """The acknowledgement's payload is shown."""
    answer = await world.does("command", user="sre", channel=CHANNEL, command="/health", text="newsletter")

    assert ["newsletter"] == [each["text"] for each in heard]
    assert (200, {"text": "fine"}) == (answer["status"], answer["body"])
    assert ["fine"] == [each["text"] for each in await world.messages()]


async def test_an_event_is_acknowledged(world: World, heard: list[dict[str, Any]]) -> None:
    """Events arrive as `event_callback`."""
    answer = await world.does("event", user="sre", type="app_home_opened")

    assert (200, "app_home_opened") == (answer["status"], heard[0]["event"]["type"])


async def test_an_unknown_command_is_never_acknowledged(world: World, heard: list[dict[str, Any]]) -> None:
    """Bolt stays silent; Slack gives up after three seconds."""
    answer = await world.does("command", user="sre", channel=CHANNEL, command="/unknown", text="")

    assert (504, []) == (answer["status"], heard)


async def test_redelivery_repeats_the_envelope(world: World, heard: list[dict[str, Any]]) -> None:
    """The same payload again, as Slack's duplicates come."""
    await world.does("command", user="sre", channel=CHANNEL, command="/health", text="")
    await world.does("redeliver", times=2)

    assert 3 == len(heard)
    assert 1 == len({each["trigger_id"] for each in heard})


async def test_the_client_comes_back_after_a_disconnect(world: World, heard: list[dict[str, Any]]) -> None:
    """`refresh_requested` ends the connection; the client opens another one by a new ticket."""
    await world.does("disconnect", reason="refresh_requested")
    await until(lambda: world.server.socket.connections == 1)

    answer = await world.does("command", user="sre", channel=CHANNEL, command="/health", text="")

    assert (200, 1) == (answer["status"], len(heard))


async def test_without_a_connection_nothing_is_delivered(world: World) -> None:
    """502, and Slackbot's regret."""
    answer = await world.does("command", user="sre", channel=CHANNEL, command="/health", text="")

    assert 502 == answer["status"]
    assert "dispatch_failed" in (await world.messages())[0]["text"]


async def test_a_ticket_opens_one_connection(world: World) -> None:
    """A second use, or a made-up ticket, is 404; the bot's token gets none."""
    client = AsyncWebClient(
        world.workspace.credentials.app_token, base_url=f"{world.workspace.url}/api/", session=world.session
    )
    url = str((await client.apps_connections_open(app_token=world.workspace.credentials.app_token))["url"])
    async with world.session.ws_connect(url) as link:
        assert "hello" == (await link.receive_json())["type"]
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await world.session.ws_connect(url)
    with pytest.raises(SlackApiError, match="not_allowed_token_type"):
        await world.slack.apps_connections_open(app_token=world.workspace.credentials.bot_token)


async def test_there_are_ten_connections_at_most(world: World) -> None:
    """The eleventh is ended at once, with the reason."""
    urls = [f"{world.workspace.url}/link?ticket={world.workspace.tickets.link()}" for _ in range(11)]
    links = [await world.session.ws_connect(url) for url in urls[:10]]

    eleventh = await world.session.ws_connect(urls[10])
    told = await eleventh.receive_json()

    assert ("disconnect", "too_many_websockets") == (told["type"], told["reason"])
    assert (await eleventh.receive()).type is aiohttp.WSMsgType.CLOSE
    for link in links:
        await link.close()
