"""Requests that are not what Slack sends: 4xx, one line in the log without the body, no traceback, nothing done."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx
import pytest

from tests.smoke.conftest import Stage
from tests.smoke.reading import Json
from tests.smoke.world import World

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MARK = "do-not-log-this"
COMMAND: Json = {
    "command": "/incident",
    "text": f"open P3 {MARK}",
    "team_id": "T0STEWARD",
    "api_app_id": "A0STEWARD",
    "user_id": "U0SRE",
    "channel_id": "C0ALERTS",
    "trigger_id": "1.2.3",
    "response_url": "http://127.0.0.1:9/nowhere",
}


@dataclass
class Outside:
    """Somebody who reaches the bot's address; with the secret, whoever stole it."""

    stage: Stage
    world: World
    client: httpx.AsyncClient

    async def post(
        self,
        body: bytes,
        *,
        kind: str = FORM,
        shift: int = 0,
        secret: str | None = None,
        stamp: str | None = None,
        signature: str | None = None,
        unsigned: bool = False,
    ) -> int:
        """Post a body as Slack would, but for what the arguments change; the status."""
        moment = stamp if stamp is not None else str(await self.world.now() // 1000 + shift)
        key = secret or self.stage.demo.server.workspace.credentials.signing_secret
        right = hmac.new(key.encode(), b"v0:" + moment.encode() + b":" + body, hashlib.sha256).hexdigest()
        headers = [(b"Content-Type", kind.encode())]
        if not unsigned:
            headers.append((b"X-Slack-Request-Timestamp", moment.encode()))
            headers.append((b"X-Slack-Signature", (f"v0={right}" if signature is None else signature).encode()))
        answer = await self.client.post("/slack/events", content=body, headers=headers)
        return answer.status_code

    def log(self, since: int) -> list[Json]:
        """What the bot has logged since."""
        written = self.stage.demo.bot.log.read_bytes()[since:].decode(errors="replace")
        assert "Traceback" not in written
        assert MARK not in written
        return [json.loads(line) for line in written.splitlines()]

    @property
    def size(self) -> int:
        """How long the log is now."""
        return self.stage.demo.bot.log.stat().st_size


@pytest.fixture
async def outside(stage: Stage, world: World) -> AsyncIterator[Outside]:
    """Nobody that Slack knows."""
    async with httpx.AsyncClient(base_url=stage.demo.bot.url, timeout=15, trust_env=False) as client:
        yield Outside(stage, world, client)


def form(**changes: str) -> bytes:
    """A slash command's body."""
    return urlencode({**COMMAND, **changes}).encode()


async def test_nothing_but_slacks_own_requests_is_taken(outside: Outside) -> None:
    """Forged, stale, oversized, malformed, non-ASCII and foreign requests: 4xx each, a line each, nothing opened."""
    start = outside.size
    deep = b"[" * 200_000
    answers = {
        "forged": await outside.post(form(), secret="guessed"),
        "unsigned": await outside.post(form(), unsigned=True),
        "stale": await outside.post(form(), shift=-600),
        "from the future": await outside.post(form(), shift=600),
        "no number": await outside.post(form(), stamp="soon"),
        "digits of another script": await outside.post(form(), stamp="١٢٣٤٥٦٧٨٩٠"),
        "endless number": await outside.post(form(), stamp="9" * 400),
        "non-ASCII signature": await outside.post(form(), signature="v0=" + "é" * 32),
        "short signature": await outside.post(form(), signature="v0=00"),
        "oversized": await outside.post(form(text=MARK + "x" * 1_100_000)),
        "not UTF-8": await outside.post(b"command=\xff\xfe&text=" + MARK.encode()),
        "other type": await outside.post(form(), kind="text/xml"),
        "no JSON": await outside.post(b"payload={" + MARK.encode()),
        "a list": await outside.post(b"payload=[1]"),
        "deep": await outside.post(deep, kind=JSON),
        "deep payload": await outside.post(b"payload=" + deep),
        "too many fields": await outside.post(b"&".join(b"a%d=1" % n for n in range(5_000))),
        "other team": await outside.post(form(team_id="T0OTHER")),
        "other app": await outside.post(form(api_app_id="A0OTHER")),
        "no team": await outside.post(urlencode({"command": "/incident", "text": MARK}).encode()),
        "empty": await outside.post(b""),
    }
    logged = outside.log(start)

    assert {} == {name: status for name, status in answers.items() if not 400 <= status < 500}
    refused = [line for line in logged if line["event"] == "request refused"]
    assert set(answers.values()) == {line["status"] for line in refused}
    assert len(refused) == len({line["reason"] for line in refused})
    assert len(refused) == len(logged)
    await outside.world.user("sre").types("/incident list").sees("No incident is open")


async def test_what_is_no_http_leaves_one_line(outside: Outside) -> None:
    """Garbage, a request that breaks off, and one that never ends cost neither a traceback nor the bot."""
    start, port = outside.size, outside.stage.demo.bot.port
    head = b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\nContent-Type: application/json\r\n"
    for sent in (
        b"\x16\x03\x01\x02\x00" + MARK.encode() + b"\r\n\r\n",
        b"POST /slack/events HTTP/9.9\r\n\r\n",
        head + b"X-Slack-Signature: " + MARK.encode() + b"\x00\r\n\r\n",
        head + b"\r\n" + MARK.encode(),
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        await writer.drain()
        answered = await asyncio.wait_for(reader.read(200), 8)
        writer.close()
        assert not answered or answered.split()[1].startswith(b"4"), answered

    assert {"request refused"} == {line["event"] for line in outside.log(start)}
    await outside.world.user("sre").types("/oncall").sees("primary")


async def test_a_replayed_request_runs_nothing_twice(outside: Outside) -> None:
    """The same signed bytes, ten times at once and again after a restart: one incident."""
    body = form(text="open P3 replayed once")
    stamp = str(await outside.world.now() // 1000)
    first = await asyncio.gather(*(outside.post(body, stamp=stamp) for _ in range(10)))
    await outside.world.sees("INC-1 replayed once")
    await outside.world.kill_bot()
    await outside.world.restart_bot()

    again = await outside.post(body, stamp=stamp)
    listed = await outside.world.user("sre").types("/incident list").sees("INC-1")

    assert {200} == {*first, again}
    assert "INC-2" not in listed.words


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({"type": "block_actions"}, id="a press without anything"),
        pytest.param({"type": "block_actions", "user": "sre", "actions": "none"}, id="wrong types"),
        pytest.param({"type": "block_actions", "user": {"id": "U0SRE"}, "actions": [None]}, id="an empty action"),
        pytest.param({"type": "view_submission", "user": {"id": "U0SRE"}, "view": {"state": 7}}, id="a broken form"),
        pytest.param({"type": "view_submission", "user": {"id": "U0SRE"}, "view": None}, id="no form"),
        pytest.param({"type": "something_new", "user": {"id": "U0SRE"}}, id="an unknown kind"),
        pytest.param({"type": ["block_actions"]}, id="a kind that is a list"),
    ],
)
async def test_a_signed_payload_of_any_shape_is_no_server_error(outside: Outside, payload: Json) -> None:
    """Whoever holds the secret gets an answer, not a traceback, and nothing happens."""
    start = outside.size
    whole = {**payload, "team": {"id": "T0STEWARD"}, "api_app_id": "A0STEWARD"}

    status = await outside.post(urlencode({"payload": json.dumps(whole)}).encode())

    assert status < 500
    outside.log(start)


async def test_a_stranger_and_a_forged_press_get_words_and_no_effect(outside: Outside) -> None:
    """A user that nobody configured and a button value that nobody issued are refused in words."""
    command = await outside.post(form(user_id="U0STRANGER", text="open P0 newsletter let me in"))
    press = {
        "type": "block_actions",
        "team": {"id": "T0STEWARD"},
        "api_app_id": "A0STEWARD",
        "user": {"id": "U0SRE"},
        "channel": {"id": "C0ALERTS"},
        "container": {"type": "message", "message_ts": "1.2", "channel_id": "C0ALERTS"},
        "actions": [{"type": "button", "action_id": "incident.resolve", "block_id": "b", "value": "guessed"}],
    }
    pressed = await outside.post(urlencode({"payload": json.dumps(press)}).encode())

    await outside.world.sees("belongs to no incident")
    await outside.world.user("sre").types("/incident list").sees("No incident is open")
    assert (200, 200) == (command, pressed)
