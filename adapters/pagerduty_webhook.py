"""PagerDuty's v3 webhooks: is it really PagerDuty, and which incident did somebody acknowledge or resolve there?

Sources: https://developer.pagerduty.com/docs/verifying-webhook-signatures,
https://developer.pagerduty.com/docs/webhooks-overview. Nothing here does I/O.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ValidationError

from bot.domain.errors import BadAnswer
from bot.domain.one_line import one_line

SIGNATURE_HEADER = "x-pagerduty-signature"


@dataclass(frozen=True, slots=True)
class PagerEvent:
    """One event there. `key` is the deduplication key, as we sent it or somebody else's.

    `user`: the id of the user who did it. Empty where no person did: an integration, such as our own events, or a rule.
    """

    id: str
    kind: Literal["acknowledged", "resolved", "other"]
    key: str
    user: str

    @property
    def once(self) -> str:
        """By what a repetition of it is recognised."""
        return f"{self.key}:{self.id}"


class _Agent(BaseModel):
    id: str | None = None
    type: str | None = None


class _Incident(BaseModel):
    incident_key: str | None = None


class _Event(BaseModel):
    id: str
    event_type: str
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
    return PagerEvent(one_line(event.id), kinds.get(event.event_type, "other"), event.data.incident_key or "", user)
