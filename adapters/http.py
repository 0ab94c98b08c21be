"""Health by HTTP: the status of a GET, and the days that a certificate still lives."""

import time
from collections.abc import Mapping

import httpx
from pydantic import Field

from adapters import outgoing
from adapters.kind import Connection, HttpAddress, Measure, UrlPath
from adapters.redaction import redacted
from bot.domain.errors import BadAnswer, Unreachable
from bot.domain.foreign_json import parsed
from bot.ports import Measurement

KIND = "http"
_DAY_SECONDS = 86_400
_TELL_HOURS_BELOW = 2


class Config(Connection):
    """`{http: "https://…", ca_file: "…"}`."""

    http: HttpAddress = Field(description="The address that paths are added to")
    ca_file: str = Field(default="", description="A PEM bundle to trust instead of the system's")


class HttpTarget:
    """One address that answers GET."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def status(self, *, path: UrlPath = "/", expect: int = 200, contains: str = "") -> Measurement:
        """The status of `GET path`, with what a JSON answer says of itself.

        A health path that answers a page for people was answered by something else (a proxy, a parked domain), so
        whatever should be there is not; only `/` may be a page. `contains`: a text that the answer must hold.
        """
        answer = await outgoing.exchange(self._client, "GET", path, follow=True)
        if answer.status == expect:
            if answer.html and path != "/" and not contains:
                raise Unreachable(f"answered {answer.status} with an HTML page, not with its health")
            if contains and contains not in answer.body.decode(errors="replace"):
                raise Unreachable(f"answered {answer.status} without “{contains}”")
        said = _said(answer.body)
        detail = redacted(", ".join(said[key] for key in ("version", "status", "error") if key in said))
        if 300 <= answer.status < 400:
            detail = "redirects to another site"
        itself = said.get("status", "")
        ill = (f"calls itself {redacted(itself)}",) if answer.status == expect and itself.lower() in _ILL else ()
        return Measurement(float(answer.status), "status", detail, notes=ill)

    async def certificate_days(self, *, path: UrlPath = "/") -> Measurement:
        """Days until the server's certificate ends, the last two to the hour; the handshake has checked the rest."""
        answer = await outgoing.exchange(self._client, "GET", path)
        if answer.expires is None:
            raise BadAnswer("has no certificate: its address is not https")
        # The machine's own time, since the handshake judges the certificate by it too.
        days = (answer.expires - time.time()) / _DAY_SECONDS
        return Measurement(float(int(days)) if days >= _TELL_HOURS_BELOW else days, "d")

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.aclose()


def open(config: Config) -> HttpTarget:  # noqa: A001 - the shape of every kind, see adapters/kind.py
    """A target; nothing is connected yet."""
    return HttpTarget(outgoing.client(config.http, ca_file=config.ca_file))


MEASURES: Mapping[str, Measure] = {
    "status": Measure(HttpTarget.status, unit=None),
    "certificate_days": Measure(HttpTarget.certificate_days, unit="d"),
}


_ILL = {
    "critical",
    "degraded",
    "down",
    "error",
    "fail",
    "failed",
    "failing",
    "unavailable",
    "unhealthy",
    "warn",
    "warning",
}
"""What a service says as its `status` when it is not well although it answers as if it were."""


def _said(body: bytes) -> Mapping[str, str]:
    """The plain fields of a JSON answer."""
    found = parsed(body)
    return (
        {key: str(value) for key, value in found.items() if isinstance(value, str | int)}
        if isinstance(found, dict)
        else {}
    )
