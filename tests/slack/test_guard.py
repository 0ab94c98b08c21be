"""Nothing reaches Bolt unless it is signed, fresh, small and from our workspace."""

import asyncio
import gzip
import json
from urllib.parse import urlencode

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.http.body import MAX_BODY, Forbidden
from bot.slack.guard import FRESH_FOR, Guard
from tests.fakes.clock import FakeClock
from tests.slack.listeners import RAN
from tests.slack.world import SlackWorld, signature, slash

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
GOOD = slash()


def _headers(
    body: bytes = GOOD, *, age: int = 0, kind: str = FORM, secret: str = SECRET, **changes: str
) -> dict[str, str]:
    stamp = str((FakeClock().now() - age) // 1000)
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    return {"Content-Type": kind, **signature(secret, stamp, body)} | named


def _guard() -> Guard:
    return Guard(secret=SECRET, clock=FakeClock(), team="T0STEWARD", app="A0STEWARD")


def _payload(**body: object) -> bytes:
    return urlencode({"payload": json.dumps(body)}).encode()


COMMAND = {"team_id": "T0STEWARD", "api_app_id": "A0STEWARD", "command": "/echo", "user_id": "U0SRE"}
DEEP = b"[" * 200_000
TEAM_OF_OTHERS = _payload(type="block_actions", team={"id": "T0EVIL"}, api_app_id="A0STEWARD")


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        pytest.param(401, {"Content-Type": FORM}, GOOD, id="unsigned"),
        pytest.param(401, _headers(secret="another"), GOOD, id="signed with another secret"),
        pytest.param(401, _headers(b"text=rm"), GOOD, id="signed for another body"),
        pytest.param(401, _headers(age=FRESH_FOR + 1_000), GOOD, id="older than five minutes"),
        pytest.param(401, _headers(age=-FRESH_FOR - 1_000), GOOD, id="from the future"),
        pytest.param(400, _headers(X_Slack_Request_Timestamp="now"), GOOD, id="a timestamp that is no number"),
        pytest.param(400, _headers(X_Slack_Request_Timestamp="١٧٧"), GOOD, id="a timestamp in other digits"),
        pytest.param(400, _headers(X_Slack_Request_Timestamp="9" * 400), GOOD, id="an endless timestamp"),
        pytest.param(400, _headers(X_Slack_Request_Timestamp="-5"), GOOD, id="a negative timestamp"),
        pytest.param(400, _headers(X_Slack_Signature="v0=" + "é" * 64), GOOD, id="a signature beyond ASCII"),
        pytest.param(400, _headers(X_Slack_Signature="v0=abc"), GOOD, id="a short signature"),
        pytest.param(400, _headers(X_Slack_Signature="v1=" + "a" * 64), GOOD, id="a signature of another version"),
        pytest.param(415, _headers(kind="text/xml"), GOOD, id="another content type"),
        pytest.param(413, _headers(), b"x" * (MAX_BODY + 1), id="more than 1 MiB"),
        pytest.param(400, _headers(b"text=\xff\xfe"), b"text=\xff\xfe", id="no UTF-8"),
        pytest.param(400, _headers(b"{nope", kind=JSON), b"{nope", id="malformed JSON"),
        pytest.param(400, _headers(b"[1]", kind=JSON), b"[1]", id="JSON that is no object"),
        pytest.param(400, _headers(DEEP, kind=JSON), DEEP, id="JSON that is nested without end"),
        pytest.param(400, _headers(b"payload=%7B"), b"payload=%7B", id="a malformed payload in a form"),
        pytest.param(400, _headers(b"a=1&" * 200), b"a=1&" * 200, id="too many fields"),
        pytest.param(403, _headers(slash(team_id="T0EVIL")), slash(team_id="T0EVIL"), id="another workspace"),
        pytest.param(403, _headers(slash(api_app_id="A1")), slash(api_app_id="A1"), id="another app"),
        pytest.param(403, _headers(TEAM_OF_OTHERS), TEAM_OF_OTHERS, id="a press in another workspace"),
        pytest.param(403, _headers(b""), b"", id="an empty body"),
    ],
)
def test_the_guard_refuses(status: int, headers: dict[str, str], body: bytes) -> None:
    """Whatever is not genuine gets a 4xx and a reason that holds nothing of the request."""
    with pytest.raises(Forbidden) as refusal:
        _guard().admit(headers, body)

    assert status == refusal.value.status
    assert refusal.value.__cause__ is None or len(str(refusal.value)) < 60


def test_the_guard_admits_a_command() -> None:
    """A genuine command is parsed once, under the key of its signature."""
    delivery = _guard().admit(_headers(slash(text="a+b & “c”")), slash(text="a+b & “c”"))

    assert "a+b & “c”" == delivery.body["text"]
    assert delivery.key.startswith("v0=")


def test_an_event_is_known_by_its_own_id() -> None:
    """Slack signs a repeated event anew, so its id is the key."""
    body = json.dumps({"team_id": "T0STEWARD", "api_app_id": "A0STEWARD", "event_id": "Ev1", "event": {}}).encode()

    assert "Ev1" == _guard().admit(_headers(body, kind=JSON), body).key


def test_a_request_from_the_edge_of_the_window_is_fresh() -> None:
    """Five minutes exactly still count."""
    assert _guard().admit(_headers(age=FRESH_FOR), GOOD).body["command"] == "/echo"


FORGED = {"X_Slack_Signature": "v0=" + "0" * 64}


@pytest.mark.parametrize(
    ("expected", "body", "changes"),
    [
        pytest.param(401, slash(text="drop everything"), FORGED, id="forged"),
        pytest.param(400, slash(), {"X_Slack_Request_Timestamp": "soon"}, id="malformed timestamp"),
        pytest.param(413, b"x" * (2 * MAX_BODY), {}, id="oversized"),
        pytest.param(403, slash(team_id="T0EVIL"), {}, id="another workspace"),
        pytest.param(400, b"payload=%7B%22", {}, id="malformed payload"),
        pytest.param(400, slash(user_id="<script>"), {}, id="a user id that is none"),
        pytest.param(400, slash(command="rm -rf"), {}, id="a command that is none"),
        *(
            pytest.param(400, _payload(**COMMAND | {field: 7}), {}, id=f"a command whose {field} is no text")
            for field in ("command", "text", "user_id", "channel_id", "thread_ts", "trigger_id", "response_url")
        ),
        pytest.param(
            400,
            b"payload="
            + json.dumps(
                {
                    "type": "block_actions",
                    "team": {"id": "T0STEWARD"},
                    "api_app_id": "A0STEWARD",
                    "actions": [{"action_id": "a", "block_id": "b", "type": "button"}],
                }
            ).encode(),
            {},
            id="a press by nobody",
        ),
        pytest.param(
            400,
            b"payload="
            + json.dumps(
                {
                    "type": "view_submission",
                    "team": {"id": "T0STEWARD"},
                    "api_app_id": "A0STEWARD",
                    "user": {"id": "U0SRE"},
                    "view": {"callback_id": "echo.form", "state": {"values": {"a": 7}}},
                }
            ).encode(),
            {},
            id="a form with a value of another shape",
        ),
    ],
)
async def test_bad_requests_leave_one_line(
    world: SlackWorld,
    capsys: pytest.CaptureFixture[str],
    expected: int,
    body: bytes,
    changes: dict[str, str],
) -> None:
    """Over a real socket too: 4xx, one line in the log without the body, no traceback, nothing run."""
    capsys.readouterr()

    status, answer = await world.send(body, **changes)

    assert (expected, "") == (status, answer)
    logged = capsys.readouterr().out.strip().splitlines()
    assert 1 == len(logged), logged
    assert "drop everything" not in logged[0]
    assert "<script>" not in logged[0]
    assert [] == RAN


_shapes = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)
_kinds = st.sampled_from(["block_actions", "view_submission", "view_closed", "event_callback", "shortcut", "x", ""])
_names = (
    "user",
    "view",
    "actions",
    "event",
    "channel",
    "container",
    "message",
    "authorizations",
    "enterprise",
    "state",
    "command",
    "text",
    "user_id",
    "channel_id",
    "thread_ts",
    "trigger_id",
    "response_url",
)
_payloads = st.fixed_dictionaries({"type": _kinds}, optional=dict.fromkeys(_names, _shapes))


_HALF = "\ud800"
_PRESS = {"action_id": "echo.again", "value": "change" + _HALF}
HALVES: list[dict[str, object]] = [
    {"type": "block_actions", "user": {"id": "U0SRE"}, "actions": [_PRESS], "trigger_id": _HALF},
    {"type": "block_actions", "user": {"id": "U0SRE"}, "actions": [_PRESS], "response_url": "http://["},
    {
        "type": "view_submission",
        "user": {"id": "U0SRE"},
        "view": {
            "callback_id": "echo.form",
            "private_metadata": "a\0" + _HALF,
            "state": {"values": {"title": {"a": {"value": "a\0b"}}, "owner": {"a": {"value": _HALF}}}},
        },
    },
]
"""What a fuzzer finds late: half a character, which no database takes, and what is no address."""


async def test_no_shape_of_a_genuine_payload_is_a_server_error(
    world: SlackWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever stands in a signed payload, the answer is 200 or 4xx and there is no traceback."""
    found: list[dict[str, object]] = []

    @settings(max_examples=150, deadline=None, database=None)
    @given(_payloads)
    def collect(payload: dict[str, object]) -> None:
        found.append(payload)

    collect()
    capsys.readouterr()

    for payload in [*found, *HALVES]:
        body = payload | {"team_id": "T0STEWARD", "team": {"id": "T0STEWARD"}, "api_app_id": "A0STEWARD"}
        status, _ = await world.send(_payload(**body))
        assert 500 > status, payload
    assert "Traceback" not in capsys.readouterr().out


async def test_only_post_is_heard(world: SlackWorld) -> None:
    """The address answers no other method."""
    async with world.http.get(f"{world.bot}/slack/events") as answer:
        assert 405 == answer.status


async def test_slack_may_check_the_address(world: SlackWorld) -> None:
    """The challenge comes back, if it is signed."""
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1a"}).encode()

    status, answer = await world.send(body, kind=JSON)

    assert 200 == status
    assert {"challenge": "3eZbrw1a"} == json.loads(answer)
    assert 401 == (await world.send(body, kind=JSON, **FORGED))[0]


async def test_what_nobody_listens_for_is_acknowledged(world: SlackWorld) -> None:
    """A shortcut, a closed form or an event without a listener is no failure that Slack would show or repeat."""
    shared = {"team": {"id": "T0STEWARD"}, "team_id": "T0STEWARD", "api_app_id": "A0STEWARD", "user": {"id": "U0SRE"}}
    for payload in (
        {"type": "shortcut", "callback_id": "x", "trigger_id": "1"},
        {"type": "view_closed", "view": {"id": "V1", "callback_id": "x"}},
        {"type": "block_suggestion", "action_id": "x", "value": "a"},
    ):
        status, _ = await world.send(_payload(**shared, **payload))
        assert 200 == status
    event = {"type": "event_callback", "event_id": "Ev2", "event": {"type": "message", "text": "hi", "user": "U0SRE"}}
    assert 200 == (await world.send(json.dumps(shared | event).encode(), kind=JSON))[0]


async def test_a_connection_that_ends_early_is_no_error(world: SlackWorld, capsys: pytest.CaptureFixture[str]) -> None:
    """A body that never arrives whole leaves no traceback."""
    capsys.readouterr()
    with pytest.raises((aiohttp.ClientError, TimeoutError)):
        async with world.http.post(
            f"{world.bot}/slack/events",
            data=b"x",
            headers={"Content-Length": "5000", "Content-Type": FORM},
            timeout=aiohttp.ClientTimeout(total=0.2),
        ):
            pass

    assert 200 == (await world.send(slash()))[0]
    assert "Traceback" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(
            b"POST /slack/events HTTP/1.1\r\nHost: x\r\nX-Slack-Signature: v0=\xe9\xff\r\n", id="bytes beyond ASCII"
        ),
        pytest.param(
            b"POST /slack/events HTTP/1.1\r\nHost: x\r\nX-Slack-Request-Timestamp: 1\x002\r\n", id="a NUL in a header"
        ),
        pytest.param(b"NONSENSE\r\n", id="no HTTP at all"),
        pytest.param(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n", id="a negative length"),
        pytest.param(
            b"POST /slack/events HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n", id="an endless header"
        ),
    ],
)
async def test_raw_nonsense_is_refused(
    world: SlackWorld, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, raw: bytes
) -> None:
    """What is hardly HTTP gets a 4xx as well, and leaves no traceback."""
    capsys.readouterr()
    reader, writer = await asyncio.open_connection("127.0.0.1", world.service.port)
    writer.write(raw + b"Connection: close\r\n\r\n")

    status = (await reader.readline()).split()[1]
    writer.close()

    assert b"4" == status[:1]
    assert "Traceback" not in capsys.readouterr().out + caplog.text


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip"])
async def test_nothing_is_unpacked_before_it_is_verified(
    world: SlackWorld, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, encoding: str
) -> None:
    """A body that is not packed as it says costs a stranger's request a 4xx, and no traceback."""
    capsys.readouterr()

    status, _ = await world.send(b"nothing of the kind", Content_Encoding=encoding, **FORGED)
    packed, _ = await world.send(gzip.compress(slash()), Content_Encoding=encoding)

    assert (401, 400) == (status, packed)
    assert "Traceback" not in capsys.readouterr().out + caplog.text
