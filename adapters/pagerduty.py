"""`Pager` on PagerDuty's Events v2.

Source: PagerDuty/api-schema, reference/events-v2. The deduplication key makes every event harmless to repeat, so a lost
answer is `Unreachable`, to be sent again, and never an unknown outcome.
"""

from collections.abc import Mapping

import httpx
from pydantic import Field, SecretStr

from adapters import outgoing
from adapters.errors import status_error
from adapters.kind import Connection, HttpAddress
from adapters.redaction import redacted
from bot.domain.errors import Unreachable
from bot.ports import Page

KIND = "pagerduty"
_LONGEST_SUMMARY = 1024
_LONGEST_KEY = 255


class Config(Connection):
    """`{pagerduty: "https://events.pagerduty.com", routing_key: …}`."""

    pagerduty: HttpAddress = Field(description="The address of Events v2")
    routing_key: SecretStr = Field(description="The integration's key")
    routing_keys: dict[str, SecretStr] = Field(default_factory=dict, description="Further integrations by name")


class Refusal(outgoing.Loose):
    """What PagerDuty answers to an event that it does not take."""

    errors: list[str] = Field(default_factory=list)


class PagerDutyPager:
    """One service of PagerDuty by its routing key, and those that are chosen by a page's route."""

    def __init__(
        self, client: httpx.AsyncClient, *, routing_key: str, routing_keys: Mapping[str, str] | None = None
    ) -> None:
        self._client = client
        self._routing_key = routing_key
        self._routing_keys = dict(routing_keys or {})

    async def send(self, page: Page) -> None:
        what = f"{page.event} {page.key} at PagerDuty"
        event: dict[str, object] = {
            # A route that was configured once and is no more leads to the service: a page is never lost.
            "routing_key": self._routing_keys.get(page.route, self._routing_key),
            "event_action": page.event,
            "dedup_key": page.key[:_LONGEST_KEY],
        }
        if page.event == "trigger":
            event["payload"] = {
                "summary": page.summary[:_LONGEST_SUMMARY],
                "source": "steward",
                "severity": page.severity,
                # PagerDuty's schema knows no null: what is empty is left out.
                **({"component": page.component} if page.component else {}),
                **({"custom_details": dict(page.details)} if page.details else {}),
            }
            event["client"] = "Steward"
        answer = await outgoing.exchange(self._client, "POST", "/v2/enqueue", what=what, body=event)
        if answer.status == 202:
            return
        if answer.status == 429:
            raise Unreachable(f"{what}: too many events (429); send it again in a minute")
        said = "; ".join(outgoing.read(answer, Refusal, what=what).errors) if answer.status == 400 else ""
        raise status_error(answer.status, redacted(said, [self._routing_key, *self._routing_keys.values()]), what=what)

    async def answers(self) -> None:
        # Events v2 has no call that only looks; what its host says to a stranger does not matter, but that it does.
        answer = await outgoing.exchange(self._client, "GET", "/")
        if answer.status >= 500:
            raise status_error(answer.status)

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.aclose()


def open(config: Config) -> PagerDutyPager:  # noqa: A001 - the shape of every kind, see adapters/kind.py
    """A pager; nothing is connected yet."""
    return PagerDutyPager(
        outgoing.client(config.pagerduty),
        routing_key=config.routing_key.get_secret_value(),
        routing_keys={name: key.get_secret_value() for name, key in config.routing_keys.items()},
    )
