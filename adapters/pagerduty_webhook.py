"""PagerDuty's v3 webhooks: is it really PagerDuty, and which incident did somebody acknowledge or resolve there?

Sources: https://developer.pagerduty.com/docs/verifying-webhook-signatures,
https://developer.pagerduty.com/docs/webhooks-overview. Nothing here does I/O.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ValidationError

from bot.domain.errors import BadAnswer, Unauthorized
from bot.domain.one_line import one_line
from bot.ports import PagerEvent

SIGNATURE_HEADER = "x-pagerduty-signature"


class _Agent(BaseModel):
    id: str | None = None
    type: str | None = None


class _Incident(BaseModel):
    incident_key: str | None = None


class _Event(BaseModel):
    id: str
    event_type: str
    occurred_at: object = None
    agent: _Agent | None = None
    data: _Incident


class _Webhook(BaseModel):
    event: _Event


def signed(signatures: str, body: bytes, secret: str) -> bool:
    """Whether one of the header's signatures (`v1=hex,v1=hex`, several while a secret is renewed) is ours."""
    if not secret:
        return False
    wanted = b"v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()
    # What is not ASCII is no signature; a header's stray bytes cannot even be encoded as text.
    given = [part.strip().encode("ascii", "replace") for part in signatures.split(",")]
    return any(hmac.compare_digest(part, wanted) for part in given)


def pager_event(body: bytes) -> PagerEvent:
    """The event of a webhook; raises `BadAnswer` where it is none. Verify the signature first."""
    try:
        event = _Webhook.model_validate_json(body).event
    except ValidationError as error:
        raise BadAnswer("PagerDuty's webhook is not an event of an incident") from error
    kinds: dict[str, Literal["acknowledged", "resolved"]] = {
        "incident.acknowledged": "acknowledged",
        "incident.resolved": "resolved",
    }
    agent = event.agent
    # A display name is never a person: anybody may call themselves what they like.
    user = (agent.id or "") if agent is not None and agent.type in {"user", "user_reference"} else ""
    key, at = event.data.incident_key or "", _moment(event.occurred_at)
    return PagerEvent(one_line(event.id), kinds.get(event.event_type, "other"), key, user, at)


def _moment(written: object) -> int | None:
    """Epoch ms. An event whose time cannot be read counts as one without: a wrong time must not lose it."""
    try:
        at = datetime.fromisoformat(str(written))
        return round(at.timestamp() * 1000) if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def verified_event(headers: Mapping[str, str], body: bytes, secret: str) -> PagerEvent:
    """The event of a webhook; raises `Unauthorized` where PagerDuty has not signed it, and `BadAnswer`."""
    given = {name.lower(): value for name, value in headers.items()}.get(SIGNATURE_HEADER, "")
    if not signed(given, body, secret):
        raise Unauthorized("the webhook is not signed by PagerDuty")
    return pager_event(body)
