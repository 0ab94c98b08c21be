"""PagerDuty's webhooks: forged ones are told apart, real ones are read."""

import hashlib
import hmac
import json

import pytest

from adapters.pagerduty_webhook import pager_event, signed
from bot.domain.errors import BadAnswer
from bot.ports import PagerEvent

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
        pytest.param(signature()[:-1] + ("0" if signature()[-1] != "0" else "1"), False, id="wrong in its last digit"),
        pytest.param("v1=" + "0" * 32 + signature()[35:], False, id="wrong in its first half"),
        pytest.param(signature()[:35], False, id="its first half alone"),
        pytest.param(signature()[:35] + "0" * 32, False, id="wrong in its second half"),
        pytest.param(signature() + "00", False, id="longer"),
        pytest.param(signature().removeprefix("v1="), False, id="without its version"),
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
    """Which incident, what happened to it there, and by which user; a display name is nobody."""
    event = {
        "id": "01",
        "event_type": kind,
        "agent": {"id": "P0ADA", "type": "user_reference", "summary": "Ada"},
        "data": {"incident_key": "steward:INC-12", "title": "mail"},
    }

    assert PagerEvent("01", expected, "steward:INC-12", "P0ADA") == pager_event(json.dumps({"event": event}).encode())  # type: ignore[arg-type]  # a table of texts


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"event": {"id": 1}}', b'{"event": null}'])
def test_anything_else_is_refused(body: bytes) -> None:
    """A body that is no event never gets past the parse."""
    with pytest.raises(BadAnswer, match="not an event"):
        pager_event(body)


@pytest.mark.parametrize("data", [{}, {"incident_key": None}, {"incident_key": ""}])
def test_an_incident_that_was_opened_there_has_no_key(data: dict[str, str | None]) -> None:
    """Someone may open incidents at PagerDuty by hand."""
    event = {"id": "01", "event_type": "incident.resolved", "data": data}

    assert PagerEvent("01", "resolved", "", "") == pager_event(json.dumps({"event": event}).encode())


@pytest.mark.parametrize(
    "agent",
    [
        pytest.param(None, id="nobody"),
        pytest.param(
            {"id": "P1", "type": "events_api_v2_inbound_integration_reference"}, id="an integration: ourselves"
        ),
        pytest.param({"id": "P1", "type": "service_reference"}, id="a service"),
        pytest.param({"id": "P1"}, id="something without a type"),
        pytest.param({"id": None, "type": "user_reference", "summary": "sre"}, id="a name without an id"),
    ],
)
def test_what_no_person_did_has_no_user(agent: dict[str, str | None] | None) -> None:
    """Our own acknowledgement comes back as a webhook of the integration; it must not count as somebody's."""
    event = {"id": "01", "event_type": "incident.acknowledged", "agent": agent, "data": {"incident_key": "s:INC-1"}}

    assert PagerEvent("01", "acknowledged", "s:INC-1", "") == pager_event(json.dumps({"event": event}).encode())


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("2026-05-14T03:00:00.123Z", 1_778_727_600_123, id="in milliseconds"),
        pytest.param("2026-05-14T03:00:00Z", 1_778_727_600_000, id="in seconds"),
        pytest.param("2026-05-14T05:00:00.123456+02:00", 1_778_727_600_123, id="in another time zone"),
        pytest.param("2026-05-14T03:00:00", None, id="of no time zone"),
        pytest.param("yesterday", None, id="in words"),
        pytest.param("", None, id="empty"),
        pytest.param(1_778_727_600, None, id="a number"),
        pytest.param(None, None, id="none"),
    ],
)
def test_when_it_happened_is_read(written: object, expected: int | None) -> None:
    """A time that cannot be read does not lose the event."""
    event = {"id": "01", "event_type": "incident.acknowledged", "occurred_at": written, "data": {}}

    assert expected == pager_event(json.dumps({"event": event}).encode()).occurred_at


def test_ids_from_there_are_one_line() -> None:
    """They hold nothing that a database refuses."""
    event = {"id": "0\x001", "event_type": "incident.acknowledged", "data": {}}

    assert "01" == pager_event(json.dumps({"event": event}).encode()).id
