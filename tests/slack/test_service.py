"""The Slack side starts and stops as a whole: a Slack that is down, running work, another way in."""

import asyncio
import time

import pytest

from bot.domain.errors import Unauthorized
from bot.requests.inbox import Inbox
from bot.requests.invocation import Incoming
from bot.store import Ledger
from tests.slack.listeners import GATE, RAN
from tests.slack.world import SlackWorld, slack_world, slash

INCOMING = Incoming("command", "/echo", "change it", "U0SRE", channel="C0ALERTS", request_id="abcd1234")


async def test_probes_answer(world: SlackWorld) -> None:
    """Alive while the process lives; ready with the reason why not; figures; PagerDuty's webhook."""
    async with world.http.get(f"{world.bot}/healthz") as answer:
        assert 200 == answer.status
    async with world.http.get(f"{world.bot}/readyz") as answer:
        assert (200, "ready\n") == (answer.status, await answer.text())
    world.ready[0] = "the ledger does not answer"
    async with world.http.get(f"{world.bot}/readyz") as answer:
        assert (503, "the ledger does not answer\n") == (answer.status, await answer.text())
    async with world.http.get(f"{world.bot}/metrics") as answer:
        assert "steward_up 1\n" == await answer.text()
    for given, status in (("v1=good", 202), ("v1=bad", 401)):
        headers = {"X-PagerDuty-Signature": given}
        async with world.http.post(f"{world.bot}/pagerduty/webhook", data=b"{}", headers=headers) as answer:
            assert status == answer.status


async def test_stopping_lets_running_work_end(memory_ledger: Ledger) -> None:
    """What was acknowledged is answered before the bot stops; what comes meanwhile is refused."""
    async with slack_world(memory_ledger) as world:
        await world.types("change wait")
        stopping = asyncio.create_task(world.service.stop())
        await asyncio.sleep(0)

        status, _ = await world.send(slash(text="too late"))
        async with world.http.post(f"{world.bot}/pagerduty/webhook", data=b"{}") as answer:
            assert 503 == answer.status  # PagerDuty sends it again, to another process.
        GATE.set()
        await stopping

        assert 503 == status
        await world.sees("You said change wait")
        assert [("sre", "change wait")] == RAN


async def test_oauth_variables_change_nothing(memory_ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bolt would switch to OAuth by them, and know no workspace."""
    monkeypatch.setenv("SLACK_CLIENT_ID", "1.2")
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "s")
    async with slack_world(memory_ledger) as world:
        await world.types("hello")

        await world.sees("You said hello")


@pytest.mark.parametrize("method", ["auth.test", "apps.connections.open"])
async def test_a_token_that_slack_refuses_stops_the_start(memory_ledger: Ledger, method: str) -> None:
    """Waiting would not help, so the start fails and says which call was refused."""
    with pytest.raises(Unauthorized, match=method):
        async with slack_world(memory_ledger, socket_mode=True, refused=method):
            pytest.fail("it started")


async def test_a_slack_that_is_down_at_the_start_is_awaited(memory_ledger: Ledger) -> None:
    """The bot starts anyway, takes nothing that it cannot verify, and connects as soon as Slack answers."""
    async with slack_world(memory_ledger, down=2) as world:
        assert 503 == (await world.send(slash()))[0]

        await world.until(lambda: _accepted(world), "Slack was reached")

        await world.types("hello")
        await world.sees("You said hello")


async def test_a_token_that_slack_refuses_later_is_tried_again(memory_ledger: Ledger) -> None:
    """Readiness says why Slack cannot reach the bot; once the token is accepted, the bot takes commands."""
    async with slack_world(memory_ledger, down=2, revoked=1) as world:
        assert "Slack" in (await world.until(lambda: _unready(world, ""), "not ready"))["reason"]

        refused = await world.until(lambda: _unready(world, "token_revoked"), "the refusal")
        await world.until(lambda: _accepted(world), "Slack was reached")

        assert "does not accept the bot's token (auth.test: token_revoked)" in refused["reason"]
        assert None is await _unready(world, "")
        await world.types("hello")
        await world.sees("You said hello")


async def _unready(world: SlackWorld, text: str) -> dict[str, str] | None:
    async with world.http.get(f"{world.bot}/readyz") as answer:
        reason = await answer.text()
        return {"reason": reason} if answer.status == 503 and text in reason else None


async def _ready(world: SlackWorld) -> bool:
    return world.service.reached and await _unready(world, "") is None


async def _accepted(world: SlackWorld) -> dict[str, int] | None:
    status, _ = await world.send(slash(text="probe"))
    return {"status": status} if status == 200 else None


async def test_a_lost_socket_is_opened_again(memory_ledger: Ledger) -> None:
    """After the connection broke, payloads arrive again without anybody's help."""
    async with slack_world(memory_ledger, socket_mode=True) as world:
        await world.types("hello")
        await world.sees("You said hello")

        await world.server.socket.disconnect("refresh_requested")

        await world.until(lambda: _typed(world, "back again"), "the bot is back")
        await world.sees("You said back again")


async def test_a_message_nested_too_deep_ends_no_socket(memory_ledger: Ledger) -> None:
    """It is no envelope; the next one arrives over the same socket."""
    async with slack_world(memory_ledger, socket_mode=True) as world:
        await world.types("hello")
        (link,) = world.server.socket._links

        await link.send_str("[" * 100_000)
        await world.types("again")

        await world.sees("You said again")
        assert [link] == world.server.socket._links


async def test_a_slack_that_ends_every_socket_is_not_asked_without_pause(memory_ledger: Ledger) -> None:
    """Pauses grow; after 20 s without a socket the bot is not ready and says why; then it comes back by itself."""
    async with slack_world(memory_ledger, socket_mode=True) as world:
        assert await _ready(world)
        socket, began = world.server.socket, time.monotonic()
        socket.most = 0
        await socket.disconnect("refresh_requested")

        await world.until(lambda: _turned_away(world, 2), "Slack turned two sockets away")
        took = time.monotonic() - began
        assert not world.service.reached
        assert None is await _unready(world, "")
        world.ahead[0] += 20
        away = await _unready(world, "too_many_websockets")
        socket.most = 10

        assert took >= 1.5
        assert away is not None
        assert "Slack has not reached the bot for 2" in away["reason"]
        await world.until(lambda: _typed(world, "back again"), "the bot is back")
        assert await _ready(world)


async def test_the_next_socket_is_open_before_the_last_one_ends(memory_ledger: Ledger) -> None:
    """Slack warns some seconds ahead; what comes meanwhile arrives over either."""
    async with slack_world(memory_ledger, socket_mode=True) as world:
        await world.server.socket.disconnect("warning")
        await world.types("hello")
        await world.sees("You said hello")

        await world.until(lambda: _connections(world, 2), "two sockets are open")


async def test_stopping_gives_the_socket_up_at_once(memory_ledger: Ledger) -> None:
    """What was taken is acknowledged and answered; then Slack turns to another replica instead of waiting."""
    async with slack_world(memory_ledger, socket_mode=True) as world:
        await world.types("change wait")
        stopping = asyncio.create_task(world.service.drain())

        await world.until(lambda: _connections(world, 0), "no socket is open")
        assert not stopping.done()
        GATE.set()
        await stopping

        await world.sees("You said change wait")


async def _connections(world: SlackWorld, count: int) -> dict[str, int] | None:
    return {"open": count} if world.server.socket.connections == count else None


async def _turned_away(world: SlackWorld, times: int) -> dict[str, int] | None:
    return {"times": times} if world.server.socket.turned_away >= times else None


async def _typed(world: SlackWorld, text: str) -> dict[str, object] | None:
    body = {"user": "sre", "channel": "#production-alerts", "command": "/echo", "text": text}
    async with world.http.post(f"{world.workspace.url}/local/command", json=body) as answer:
        found: dict[str, object] = await answer.json()
        return found if found.get("status") == 200 else None


@pytest.mark.parametrize(
    ("age", "expected", "ran"),
    [
        pytest.param(60_000, "You said change it", [("sre", "change it")], id="a fresh one is carried out"),
        pytest.param(121_000, "I lost this; please type it again.", [], id="after two minutes it is not"),
    ],
)
async def test_abandoned_requests_are_taken_over(
    world: SlackWorld, age: int, expected: str, ran: list[tuple[str, str]]
) -> None:
    """A request whose process died is run by whoever finds it, or honestly given back."""
    await Inbox(world.ledger, world.clock, owner="dead").accept("v0=dead", INCOMING)
    await world.ledger.write(lambda tx: tx.run("renew_inbox", keys='{"v0=dead": 0}', owner="dead", lease_until=0))
    world.clock.advance(age)

    assert await world.service.inbox_duty.run(world.clock.now())

    await world.sees(expected)
    assert ran == RAN
    await world.until(world.nothing_open, "it is finished")
    assert not await world.service.inbox_duty.run(world.clock.now())
    assert await world.service.inbox_duty.next_due() is None
