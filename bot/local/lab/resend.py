"""Resend's `GET /domains`: a full key lists them, a sending-only key may not.

Source: resend/resend-openapi; the 401 of a restricted key is as its users report it.
"""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar

from aiohttp import web

from bot.local.lab.calls import CallLog
from bot.local.lab.component import Setting, one_of
from bot.local.lab.web import VENDOR_STATES, WebService
from bot.ports import Clock

STATUSES = ("verified", "pending", "failed", "not_started", "partially_verified", "partially_failed")


class Resend(WebService):
    """One account with one domain."""

    states: ClassVar[Mapping[str, str]] = {**VENDOR_STATES, "restricted": "the key may only send: 401 for domains"}
    settings: ClassVar[Mapping[str, Setting]] = {
        **WebService.settings,
        "domain_status": Setting(f"status of the domain: {', '.join(STATUSES)}", one_of(*STATUSES)),
    }

    def __init__(self, port: int, clock: Clock, calls: CallLog) -> None:
        """An account whose domain is verified."""
        super().__init__(port, calls=calls)
        self.key = f"re_{secrets.token_urlsafe(24)}"
        self.domain_status = "verified"
        self._created = datetime.fromtimestamp(clock.now() / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")

    def values(self) -> dict[str, object]:
        """The settable keys."""
        return {**super().values(), "domain_status": self.domain_status}

    def refusal(self, request: web.Request) -> web.Response | None:
        """A missing, wrong or restricted key, in Resend's words."""
        given = request.headers.get("Authorization", "")
        if not given:
            return _refused(401, "missing_api_key", "Missing API Key")
        if given != f"Bearer {self.key}":
            return _refused(400, "validation_error", "API key is invalid")
        if self._state == "restricted":
            return _refused(401, "restricted_api_key", "This API key is restricted to only send emails")
        return None

    def routes(self) -> list[web.RouteDef]:
        """Listing domains."""
        return [web.get("/domains", self._domains), web.route("*", "/{other:.*}", _no_endpoint)]

    async def _domains(self, _: web.Request) -> web.Response:
        domain = {
            "id": "d91cd9bd-1176-453e-8fc1-35364d380206",
            "name": "news.example.com",
            "status": self.domain_status,
            "created_at": self._created,
            "region": "eu-west-1",
            "capabilities": {"sending": "enabled", "receiving": "disabled"},
        }
        return web.json_response({"object": "list", "has_more": False, "data": [domain]})


def _refused(status: int, name: str, message: str) -> web.Response:
    return web.json_response({"statusCode": status, "name": name, "message": message}, status=status)


async def _no_endpoint(_: web.Request) -> web.Response:
    return _refused(404, "not_found", "The requested endpoint does not exist")
