"""Decides, before anything is parsed for real, whether a request comes from our Slack workspace and is fresh.

Bolt parses a body before it verifies it, logs it where the signature is bad and answers 500 to what it cannot read;
so the guard stands in front and hands Bolt a dictionary. Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from bot.domain.timing import MINUTE
from bot.http.body import MAX_BODY, Forbidden
from bot.ports import Clock

MAX_FIELDS = 100
FRESH_FOR = 5 * MINUTE
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_SIGNATURE_LENGTH = len("v0=") + 64


@dataclass(frozen=True, slots=True)
class Delivery:
    """A genuine payload, and the key under which a repetition of it is recognised."""

    key: str
    body: dict[str, Any]


class Guard:
    """Signature, freshness, workspace and app. `team` comes from `auth.test`; an empty `app` is not compared."""

    def __init__(self, *, secret: str, clock: Clock, team: str, app: str = "") -> None:
        self._secret = secret.encode()
        self._clock = clock
        self._team = team
        self._app = app

    def admit(self, headers: Mapping[str, str], raw: bytes) -> Delivery:
        """The payload of a genuine request; raises `Forbidden`."""
        if len(raw) > MAX_BODY:
            raise Forbidden(413, "the body is larger than 1 MiB")
        kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind not in {_FORM, _JSON}:
            raise Forbidden(415, "the content type is neither a form nor JSON")
        signature = self._verified(headers, raw)
        body = _form(raw) if kind == _FORM else _object(_text(raw))
        self.check_origin(body)
        event = body.get("event_id")
        return Delivery(event if isinstance(event, str) else signature, body)

    def check_origin(self, body: Mapping[str, Any]) -> None:
        """Whether a payload names our workspace and app; raises `Forbidden`. Socket Mode asks this alone."""
        if body.get("type") == "url_verification" or body.get("ssl_check") == "1":
            return  # Slack's own checks of the address: signed, but from no workspace.
        team = body.get("team_id")
        if team is None:
            nested = body.get("team")
            team = nested.get("id") if isinstance(nested, dict) else None
        if team != self._team:
            raise Forbidden(403, "the request is for another workspace")
        if self._app and body.get("api_app_id") != self._app:
            raise Forbidden(403, "the request is for another app")

    def _verified(self, headers: Mapping[str, str], raw: bytes) -> str:
        stamp, signature = headers.get("X-Slack-Request-Timestamp", ""), headers.get("X-Slack-Signature", "")
        if not stamp or not signature:
            raise Forbidden(401, "the request is not signed")
        # str.isdigit alone accepts digits of other scripts, and compare_digest raises on non-ASCII text.
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
            raise Forbidden(400, "the timestamp is not a number")
        if not (signature.isascii() and signature.startswith("v0=") and len(signature) == _SIGNATURE_LENGTH):
            raise Forbidden(400, "the signature has another form than v0=HEX")
        if abs(self._clock.now() - int(stamp) * 1000) > FRESH_FOR:
            raise Forbidden(401, "the request is older than 5 minutes, or from the future")
        expected = hmac.digest(self._secret, b"v0:" + stamp.encode() + b":" + raw, hashlib.sha256).hex()
        if not hmac.compare_digest("v0=" + expected, signature):
            raise Forbidden(401, "the signature does not match")
        return signature


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise Forbidden(400, "the body is not UTF-8") from error


def _form(raw: bytes) -> dict[str, Any]:
    pairs = _text(raw).split("&")
    if len(pairs) > MAX_FIELDS:
        raise Forbidden(400, "the form has too many fields")
    # As parse_qsl does it, without decoding what needs none: this is the path of every command.
    fields: dict[str, Any] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        fields[name] = unquote_plus(value) if "%" in value or "+" in value else value
    payload = fields.get("payload")
    return fields if payload is None else _object(payload)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Forbidden(400, "the body is not JSON") from error
    if not isinstance(value, dict):
        raise Forbidden(400, "the body is not a JSON object")
    return value
