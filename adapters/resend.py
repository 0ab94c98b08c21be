"""Health of Resend: every sending domain is verified.

Source: resend/resend-openapi, `GET /domains`. A key that may only send cannot list domains: that is unknown, not down.
"""

from collections.abc import Mapping

import httpx
from pydantic import Field, SecretStr

from adapters import outgoing
from adapters.errors import status_error
from adapters.kind import Connection, HttpAddress, Measure
from adapters.redaction import redacted
from bot.domain.errors import Unauthorized, Unreachable
from bot.ports import Measurement

KIND = "resend"


class Config(Connection):
    """`{resend: "https://api.resend.com", api_key: …}`."""

    resend: HttpAddress = Field(description="The API's address")
    api_key: SecretStr = Field(description="A key with full access; a sending key cannot list domains")


class Domain(outgoing.Loose):
    """A domain as Resend describes it."""

    name: str
    status: str


class Domains(outgoing.Loose):
    """`GET /domains`."""

    data: list[Domain]


class ResendAccount:
    """One account."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def domains(self) -> Measurement:
        """How many sending domains are not verified; `count` is how many there are."""
        answer = await outgoing.exchange(self._client, "GET", "/domains")
        if answer.status in {401, 403}:
            raise Unauthorized(f"our key may not list domains ({answer.status})")
        if answer.status == 400:  # Resend's answer to a key that does not exist.
            raise Unauthorized("our key is not valid (400)")
        if answer.status != 200:
            raise status_error(answer.status, subject=answer.subject)
        domains = outgoing.read(answer, Domains).data
        if not domains:
            raise Unreachable("the account at Resend has no sending domain")
        bad = [domain for domain in domains if domain.status != "verified"]
        named = ", ".join(f"{redacted(domain.name)} {redacted(domain.status)}" for domain in bad)
        return Measurement(float(len(bad)), "", named or "all verified", count=len(domains))

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.aclose()


def open(config: Config) -> ResendAccount:  # noqa: A001 - the shape of every kind, see adapters/kind.py
    """An account; nothing is connected yet."""
    headers = {"Authorization": f"Bearer {config.api_key.get_secret_value()}"}
    return ResendAccount(outgoing.client(config.resend, headers=headers, subject="Resend"))


MEASURES: Mapping[str, Measure] = {"domains": Measure(ResendAccount.domains)}
