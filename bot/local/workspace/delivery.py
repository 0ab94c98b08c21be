"""Deliveries to the app over HTTP: signed as Slack signs, answered within three seconds or not at all."""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

import aiohttp

from bot.local.workspace.state import Workspace
from bot.local.workspace.values import Json

ACK_WITHIN_S = 3.0
NOT_REACHED, NOT_IN_TIME = 502, 504


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is sent: `kind` is Socket Mode's word for it (`slash_commands`, `interactive`, `events_api`)."""

    kind: str
    payload: Json
    retry: int = 0
    retry_reason: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came back. 502: nobody there; 504: not within three seconds. `body` is JSON where the app sent JSON."""

    status: int
    ack_ms: float
    body: object = ""
    no_retry: bool = False

    @property
    def ok(self) -> bool:
        """Whether the app took it."""
        return 200 <= self.status < 300

    @property
    def json(self) -> Json:
        """The body where it is an object."""
        return self.body if isinstance(self.body, dict) else {}

    def shown(self) -> Json:
        """As the local calls answer it."""
        return {"status": self.status, "ack_ms": round(self.ack_ms, 2), "body": self.body}


class Delivery(Protocol):
    """A way to the app."""

    async def send(self, envelope: Envelope) -> Delivered:
        """Deliver once; never raises."""
        ...

    async def repeat(self) -> Delivered | None:
        """Deliver the last envelope again, exactly as it was; None where there was none."""
        ...


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Slack's signature of a request.

    https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    base = b"v0:%d:" % timestamp + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class HttpDelivery:
    """Posts to the app's one address."""

    def __init__(self, workspace: Workspace, url: str = "") -> None:
        self.url = url
        self._workspace = workspace
        self._session: aiohttp.ClientSession | None = None
        self._last: tuple[bytes, Mapping[str, str]] | None = None

    async def send(self, envelope: Envelope) -> Delivered:
        """Sign and post one envelope."""
        if envelope.kind == "events_api":
            body, content_type = json.dumps(envelope.payload), "application/json"
        else:
            whole = {"payload": json.dumps(envelope.payload)}
            body = urlencode(envelope.payload if envelope.kind == "slash_commands" else whole)
            content_type = "application/x-www-form-urlencoded"
        timestamp = self._workspace.clock.now() // 1000
        headers = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": str(timestamp),
            "X-Slack-Signature": signature(self._workspace.credentials.signing_secret, timestamp, body.encode()),
        }
        if envelope.retry:
            headers |= {"X-Slack-Retry-Num": str(envelope.retry), "X-Slack-Retry-Reason": envelope.retry_reason}
        self._last = (body.encode(), headers)
        return await self._post(body.encode(), headers)

    async def repeat(self) -> Delivered | None:
        """Post the last bytes again, with the same signature and time."""
        return None if self._last is None else await self._post(*self._last)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> Delivered:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(ACK_WITHIN_S), trust_env=False)
        started = time.perf_counter()
        try:
            async with self._session.post(self.url, data=body, headers=headers, allow_redirects=False) as answer:
                text = await answer.text(errors="replace")
                spent = (time.perf_counter() - started) * 1000
                no_retry = answer.headers.get("X-Slack-No-Retry") == "1"
                return Delivered(answer.status, spent, parsed(text), no_retry)
        except TimeoutError:
            return Delivered(NOT_IN_TIME, (time.perf_counter() - started) * 1000, "operation_timeout")
        except (aiohttp.ClientError, OSError):
            return Delivered(NOT_REACHED, (time.perf_counter() - started) * 1000, "dispatch_failed")


def parsed(text: str) -> object:
    """A body as JSON where it is JSON, else its text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
