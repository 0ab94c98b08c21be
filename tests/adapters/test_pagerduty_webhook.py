"""PagerDuty's webhooks: forged ones are told apart, real ones are read."""

import hashlib
import hmac
import json

import pytest

from adapters.pagerduty_webhook import PagerEvent, pager_event, signed
from bot.domain.errors import BadAnswer

BODY = b'{"event": {}}'
SECRET = "s3cret"


def signature(body: bytes = BODY, secret: str = SECRET) -> str:
    """As PagerDuty computes it."""
    return "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param(signature(), True, id="ours"),
        pytest.param(f"{signature(secret='old')}, {signature()}", True, id="one of two, while the secret is renewed"),
        pytest.param(signature(secret="other"), False, id="of another secret"),
        pytest.param(signature(b"other"), False, id="of another body"),
        pytest.param(signature().replace("v1=", "v0="), False, id="of another version"),
        pytest.param("", False, id="none"),
        pytest.param("v1=", False, id="an empty one"),
        pytest.param("v1=größe", False, id="not ASCII"),
        pytest.param("v1=\udcff", False, id="not even text"),
    ],
)
def test_a_signature_is_checked(header: str, expected: bool) -> None:
    """Only the secret's own HMAC of the exact body counts."""
    assert expected is signed(header, BODY, SECRET)


def test_without_a_secret_nothing_is_signed() -> None:
    """A webhook that is not configured cannot be forged with an empty secret."""
    assert not signed(signature(secret=""), BODY, "")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("incident.acknowledged", "acknowledged"), ("incident.resolved", "resolved"), ("incident.annotated", "other")],
)
def test_an_event_is_read(kind: str, expected: str) -> None:
    """Which incident of ours, what happened to it there, and by whom."""
    event = {
        "id": "01",
        "event_type": kind,
        "agent": {"summary": "Ada"},
        "data": {"incident_key": "INC-12", "title": "mail"},
    }

    assert PagerEvent("01", expected, "INC-12", "Ada") == pager_event(json.dumps({"event": event}).encode())  # type: ignore[arg-type]  # a table of texts


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"event": {"id": 1}}', b'{"event": null}'])
def test_anything_else_is_refused(body: bytes) -> None:
    """A body that is no event never gets past the parse."""
    with pytest.raises(BadAnswer, match="not an event"):
        pager_event(body)


def test_an_incident_that_is_not_ours_has_no_key() -> None:
    """Someone may open incidents at PagerDuty by hand."""
    event = {"id": "01", "event_type": "incident.resolved", "data": {}}

    assert PagerEvent("01", "resolved", "", "someone") == pager_event(json.dumps({"event": event}).encode())


def test_names_from_there_are_one_line() -> None:
    """What people call themselves at PagerDuty breaks no message, and holds nothing that a database refuses."""
    agent = {"summary": "Ada\n\x1b[31m\x00\u202eLovelace" + "x" * 200}
    event = {
        "id": "0\x001",
        "event_type": "incident.acknowledged",
        "agent": agent,
        "data": {"incident_key": "INC-\x00"},
    }

    found = pager_event(json.dumps({"event": event}).encode())

    assert ("0 1", "INC-", 80) == (found.id, found.key, len(found.who))
    assert found.who.startswith("Ada [31m Lovelace")
