"""PagerDuty: Events v2 in, incidents kept by deduplication key, signed v3 webhooks out.

Source: PagerDuty/api-schema reference/events-v2; https://developer.pagerduty.com/docs/verifying-webhook-signatures.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

import httpx
from aiohttp import web

from bot.local.lab.calls import CallLog
from bot.local.lab.component import Setting, text
from bot.local.lab.web import VENDOR_STATES, WebService
from bot.ports import Clock

_SEVERITIES = frozenset({"critical", "error", "warning", "info"})
_ACTIONS = frozenset({"trigger", "acknowledge", "resolve"})
_LONGEST_KEY = 255
USERS = {name: f"P0{name.upper()}" for name in ("engineer", "sre", "lead", "manager", "cto")}
"""Users there by name, beside others whom nobody knows here."""
_STRANGER = "PLH1HKV"


@dataclass(slots=True)
class Page:
    """One incident at PagerDuty."""

    dedup_key: str
    summary: str
    severity: str
    status: str = "triggered"
    triggers: int = 1
    events: list[str] = field(default_factory=lambda: ["trigger"])


class PagerDuty(WebService):
    """One service with one routing key."""

    states: ClassVar[Mapping[str, str]] = VENDOR_STATES
    settings: ClassVar[Mapping[str, Setting]] = {
        **WebService.settings,
        "user": Setting(f"who acts there: {', '.join(USERS)}; anything else is a stranger's name", text),
        "acknowledge": Setting("an incident that this user acknowledges there: INC-12, or its whole dedup_key", text),
        "resolve": Setting("an incident that this user resolves there", text),
    }

    def __init__(self, port: int, clock: Clock, calls: CallLog) -> None:
        """A service without incidents."""
        super().__init__(port, calls=calls)
        self.routing_key = secrets.token_hex(16)
        self.webhook_secret = secrets.token_urlsafe(24)
        self.webhook_url: str | None = None
        self.user = "On call at PagerDuty"
        self.incidents: dict[str, Page] = {}
        self._clock = clock

    def values(self) -> dict[str, object]:
        """The incidents by status; setting a key acts on one of them."""
        by_status = {
            status: ", ".join(each.dedup_key for each in self.incidents.values() if each.status == status)
            for status in ("triggered", "acknowledged", "resolved")
        }
        return {
            **super().values(),
            "user": self.user,
            "acknowledge": by_status["acknowledged"],
            "resolve": by_status["resolved"],
            **by_status,
        }

    async def put(self, key: str, value: object) -> None:
        """Acknowledge or resolve as a person does there: the bot hears of it by webhook."""
        if key == "user":
            self.user = str(value)
            return
        if key not in {"acknowledge", "resolve"}:
            await super().put(key, value)
            return
        page = self.incidents.get(str(value)) or self.incidents.get(self._key_of(str(value)))
        if page is None:
            raise ValueError(f"no incident {value}; there are {', '.join(self.incidents) or 'none'}")
        page.status = "acknowledged" if key == "acknowledge" else "resolved"
        page.events.append(key)
        await self._tell(page)

    def calls(self) -> list[dict[str, object]]:
        """The events received, oldest first; a look whether it answers is none."""
        return [call for call in super().calls() if call["method"] != "GET"]

    def _key_of(self, subject: str) -> str:
        """The first key that some installation gave to `INC-12`."""
        return next((key for key in self.incidents if key.endswith(f":{subject}")), "")

    def routes(self) -> list[web.RouteDef]:
        """The two calls of Events v2."""
        return [web.post("/v2/enqueue", self._enqueue), web.post("/v2/change/enqueue", self._change)]

    async def _enqueue(self, request: web.Request) -> web.Response:
        event, errors = await _read(request)
        errors = errors or _event_errors(event)
        if not errors and event["routing_key"] != self.routing_key:
            errors = ["Invalid routing key"]
        if errors:
            return _invalid(errors)
        key = str(event.get("dedup_key") or secrets.token_hex(16))
        self._record(str(event["event_action"]), key, event)
        return web.json_response({"status": "success", "message": "Event processed", "dedup_key": key}, status=202)

    async def _change(self, request: web.Request) -> web.Response:
        event, errors = await _read(request)
        payload = event.get("payload")
        if not errors and (not isinstance(payload, dict) or not payload.get("summary")):
            errors = ["'payload.summary' is missing or blank"]
        if not errors and event.get("routing_key") != self.routing_key:
            errors = ["Invalid routing key"]
        return (
            _invalid(errors)
            if errors
            else web.json_response({"status": "success", "message": "Change event processed"}, status=202)
        )

    def _record(self, action: str, key: str, event: Mapping[str, object]) -> None:
        page = self.incidents.get(key)
        if action == "trigger":
            payload = event["payload"]
            summary, severity = (
                (str(payload["summary"]), str(payload["severity"])) if isinstance(payload, dict) else ("", "")
            )
            if page is None or page.status == "resolved":
                self.incidents[key] = Page(key, summary, severity)
            else:  # Joined to the open incident.
                page.triggers += 1
                page.events.append(action)
        elif page is not None and page.status != "resolved":  # Events for what is unknown or resolved are dropped.
            page.status = "acknowledged" if action == "acknowledge" else "resolved"
            page.events.append(action)

    async def _tell(self, page: Page) -> None:
        if self.webhook_url is None:
            return
        body = json.dumps(self._webhook(page)).encode()
        signature = hmac.new(self.webhook_secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-PagerDuty-Signature": f"v1={signature}",
            "X-Webhook-Id": secrets.token_hex(16),
        }
        try:
            async with httpx.AsyncClient(timeout=5) as client:
                await client.post(self.webhook_url, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise ValueError(f"the webhook was not delivered: {type(error).__name__}") from error

    def _webhook(self, page: Page) -> dict[str, object]:
        agent = {"id": USERS.get(self.user, _STRANGER), "type": "user_reference", "summary": self.user}
        return {
            "event": {
                "id": secrets.token_hex(13).upper(),
                "event_type": f"incident.{page.status}",
                "resource_type": "incident",
                "occurred_at": datetime.fromtimestamp(self._clock.now() / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "agent": agent,
                "data": {
                    "id": f"Q{hashlib.sha256(page.dedup_key.encode()).hexdigest()[:13].upper()}",
                    "type": "incident",
                    "incident_key": page.dedup_key,
                    "status": page.status,
                    "title": page.summary,
                    "urgency": "high",
                },
            },
        }


async def _read(request: web.Request) -> tuple[dict[str, object], list[str]]:
    try:
        body = json.loads(await request.read())
    except ValueError:
        return {}, ["Invalid JSON"]
    return (body, []) if isinstance(body, dict) else ({}, ["Event object is invalid"])


def _event_errors(event: Mapping[str, object]) -> list[str]:
    """What PagerDuty says is wrong with an event; nothing if it is right."""
    errors = [f"'{key}' is missing or blank" for key in ("routing_key", "event_action") if not event.get(key)]
    action = event.get("event_action")
    if action and action not in _ACTIONS:
        errors.append("'event_action' must be one of: trigger, acknowledge, resolve")
    key = event.get("dedup_key")
    if action in {"acknowledge", "resolve"} and not key:
        errors.append("'dedup_key' is missing or blank")
    if key is not None and (not isinstance(key, str) or len(key) > _LONGEST_KEY):
        errors.append("'dedup_key' must be a string of at most 255 characters")
    if action == "trigger":
        payload = event.get("payload")
        if not isinstance(payload, dict):
            return [*errors, "'payload' is missing or blank"]
        errors += [
            f"'payload.{name}' is missing or blank"
            for name in ("summary", "source", "severity")
            if not payload.get(name)
        ]
        if payload.get("severity") and payload["severity"] not in _SEVERITIES:
            errors.append("'payload.severity' must be one of: critical, error, warning, info")
    return errors


def _invalid(errors: list[str]) -> web.Response:
    return web.json_response(
        {"status": "invalid event", "message": "Event object is invalid", "errors": errors}, status=400
    )
