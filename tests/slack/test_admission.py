"""What the guard says of a request that it refuses, and where exactly its limits lie."""

import json
from urllib.parse import urlencode

import pytest

from bot.http.body import MAX_BODY, Forbidden
from bot.slack.guard import FRESH_FOR, MAX_FIELDS, Guard
from tests.fakes.clock import FakeClock
from tests.slack.world import signature, slash

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
GOOD = slash()
CLOCK = FakeClock()  # It stands at a whole second, so that limits can be met exactly.


def _headers(body: bytes = GOOD, *, age: int = 0, kind: str = FORM) -> dict[str, str]:
    return {"Content-Type": kind, **signature(SECRET, str((CLOCK.now() - age) // 1000), body)}


def _without(name: str) -> dict[str, str]:
    return {key: value for key, value in _headers().items() if key.lower() != name}


def _guard(app: str = "A0STEWARD") -> Guard:
    return Guard(secret=SECRET, clock=CLOCK, team="T0STEWARD", app=app)


def _payload(**body: object) -> bytes:
    return urlencode({"payload": json.dumps(body)}).encode()


_ELSEWHERE = _payload(type="block_actions", team={"id": "T0EVIL"}, api_app_id="A0STEWARD")
_OTHER_APP = _payload(type="block_actions", team={"id": "T0STEWARD"}, api_app_id="A0OTHER")
_BAD_STAMP = _headers() | {"X-Slack-Request-Timestamp": "now"}
_BAD_FORM = _headers() | {"X-Slack-Signature": "v0=abc"}
_WRONG = _headers(b"text=rm")


@pytest.mark.parametrize(
    ("headers", "body", "refused"),
    [
        pytest.param(_headers(), b"x" * (MAX_BODY + 1), (413, "the body is larger than 1 MiB"), id="too large"),
        pytest.param(
            _headers(kind="text/xml"),
            GOOD,
            (415, "the content type is neither a form nor JSON"),
            id="another content type",
        ),
        pytest.param(
            _without("content-type"), GOOD, (415, "the content type is neither a form nor JSON"), id="no content type"
        ),
        pytest.param(_without("x-slack-signature"), GOOD, (401, "the request is not signed"), id="no signature"),
        pytest.param(
            _without("x-slack-request-timestamp"), GOOD, (401, "the request is not signed"), id="no timestamp"
        ),
        pytest.param(_BAD_STAMP, GOOD, (400, "the timestamp is not a number"), id="no number"),
        pytest.param(
            _headers() | {"X-Slack-Request-Timestamp": "9" * 13},
            GOOD,
            (400, "the timestamp is not a number"),
            id="thirteen digits",
        ),
        pytest.param(
            _headers() | {"X-Slack-Request-Timestamp": "9" * 12},
            GOOD,
            (401, "the request is older than 5 minutes, or from the future"),
            id="twelve digits are a number",
        ),
        pytest.param(_BAD_FORM, GOOD, (400, "the signature has another form than v0=HEX"), id="a short signature"),
        pytest.param(
            _headers(age=FRESH_FOR + 1000),
            GOOD,
            (401, "the request is older than 5 minutes, or from the future"),
            id="too old",
        ),
        pytest.param(_WRONG, GOOD, (401, "the signature does not match"), id="signed for another body"),
        pytest.param(
            _headers(_ELSEWHERE), _ELSEWHERE, (403, "the request is for another workspace"), id="another workspace"
        ),
        pytest.param(_headers(_OTHER_APP), _OTHER_APP, (403, "the request is for another app"), id="another app"),
        pytest.param(_headers(b"a=\xff"), b"a=\xff", (400, "the body is not UTF-8"), id="not UTF-8"),
        pytest.param(_headers(b"{", kind=JSON), b"{", (400, "the body is not JSON"), id="not JSON"),
        pytest.param(_headers(b"[]", kind=JSON), b"[]", (400, "the body is not a JSON object"), id="no object"),
        pytest.param(
            _headers(b"&".join([b"a=1"] * (MAX_FIELDS + 1))),
            b"&".join([b"a=1"] * (MAX_FIELDS + 1)),
            (400, "the form has too many fields"),
            id="too many fields",
        ),
    ],
)
def test_a_refusal_names_its_reason_and_no_content(
    headers: dict[str, str], body: bytes, refused: tuple[int, str]
) -> None:
    """The text goes to the log as it is, so it is ours to the letter."""
    with pytest.raises(Forbidden) as caught:
        _guard().admit(headers, body)

    assert refused == (caught.value.status, str(caught.value))


@pytest.mark.parametrize("age", [FRESH_FOR, -FRESH_FOR], ids=["five minutes old", "five minutes ahead"])
def test_a_request_of_five_minutes_is_still_fresh(age: int) -> None:
    """Slack's limit itself is inside."""
    assert _guard().admit(_headers(age=age), GOOD).key.startswith("v0=")


def test_the_limits_of_size_and_fields_are_inside() -> None:
    """1 MiB and a hundred fields are taken."""
    fields = b"&".join([b"team_id=T0STEWARD", b"api_app_id=A0STEWARD", *[b"a=1"] * (MAX_FIELDS - 2)])
    large = b"team_id=T0STEWARD&api_app_id=A0STEWARD&text="
    large += b"x" * (MAX_BODY - len(large))

    assert "1" == _guard().admit(_headers(fields), fields).body["a"]
    assert MAX_BODY - 44 == len(_guard().admit(_headers(large), large).body["text"])


def test_a_form_is_read_as_it_was_typed() -> None:
    """Only what is encoded is decoded, a value may hold the equals sign, and a parameter follows the content type."""
    body = b"team_id=T0STEWARD&api_app_id=A0STEWARD&text=a+b%2Bc&more=x=y&plain=abc&plus=a%2Bb&two=a+b"
    admitted = _guard().admit(_headers(body, kind=f"{FORM}; charset=utf-8"), body)

    assert ["a b+c", "x=y", "abc", "a+b", "a b"] == [
        admitted.body[name] for name in ("text", "more", "plain", "plus", "two")
    ]


def test_slacks_own_checks_of_the_address_come_from_no_workspace() -> None:
    """A signed url_verification or ssl_check is taken; anything else must name our workspace."""
    challenge = json.dumps({"type": "url_verification", "challenge": "x"}).encode()
    check = b"ssl_check=1"
    other = b"ssl_check=0"

    assert "x" == _guard().admit(_headers(challenge, kind=JSON), challenge).body["challenge"]
    assert "1" == _guard().admit(_headers(check), check).body["ssl_check"]
    with pytest.raises(Forbidden, match="another workspace"):
        _guard().admit(_headers(other), other)


def test_without_a_configured_app_no_app_is_compared() -> None:
    """`app_id` is optional; the workspace is not."""
    guard = Guard(secret=SECRET, clock=CLOCK, team="T0STEWARD")

    assert "A0OTHER" == guard.admit(_headers(_OTHER_APP), _OTHER_APP).body["api_app_id"]
