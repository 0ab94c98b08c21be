"""PagerDuty: events in, incidents kept, signed webhooks out."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from aiohttp import web

from bot.local.lab.calls import CallLog
from bot.local.lab.child import free_ports
from bot.local.lab.pagerduty import PagerDuty
from bot.local.lab.web import WebService
from tests.fakes.clock import FakeClock

PAYLOAD = {"summary": "P0 Newsletter: mail stopped", "source": "steward", "severity": "critical"}


@pytest.fixture
async def pagerduty(port: int, clock: FakeClock) -> AsyncIterator[PagerDuty]:
    """A service without incidents."""
    made = PagerDuty(port, clock, CallLog(clock))
    await made.enter("up")
    yield made
    await made.close()


async def send(service: PagerDuty, http: httpx.AsyncClient, **event: object) -> httpx.Response:
    """One event with the right key, unless another is given."""
    return await http.post(f"{service.url}/v2/enqueue", json={"routing_key": service.routing_key, **event})


@pytest.mark.parametrize(
    ("event", "error"),
    [
        pytest.param({}, "'event_action' is missing or blank", id="no action"),
        pytest.param({"event_action": "page"}, "must be one of: trigger", id="an unknown action"),
        pytest.param({"event_action": "resolve"}, "'dedup_key' is missing", id="resolving without a key"),
        pytest.param({"event_action": "trigger"}, "'payload' is missing", id="triggering without a payload"),
        pytest.param(
            {"event_action": "trigger", "payload": {**PAYLOAD, "summary": ""}},
            "'payload.summary' is missing",
            id="an empty summary",
        ),
        pytest.param(
            {"event_action": "trigger", "payload": {**PAYLOAD, "severity": "P0"}},
            "must be one of: critical",
            id="a severity of our own",
        ),
        pytest.param(
            {"event_action": "trigger", "payload": PAYLOAD, "dedup_key": "x" * 256}, "255", id="a key too long"
        ),
        pytest.param(
            {"event_action": "trigger", "payload": PAYLOAD, "routing_key": "wrong"},
            "Invalid routing key",
            id="a wrong routing key",
        ),
    ],
)
async def test_it_refuses(pagerduty: PagerDuty, http: httpx.AsyncClient, event: dict[str, object], error: str) -> None:
    """A 400 that lists what is wrong; nothing is kept."""
    answer = await send(pagerduty, http, **event)

    assert 400 == answer.status_code
    assert error in " ".join(answer.json()["errors"])
    assert {} == pagerduty.incidents


async def test_it_refuses_what_is_not_json(pagerduty: PagerDuty, http: httpx.AsyncClient) -> None:
    """As it does anything it cannot read."""
    answer = await http.post(f"{pagerduty.url}/v2/enqueue", content=b"trigger!")

    assert (400, ["Invalid JSON"]) == (answer.status_code, answer.json()["errors"])


async def test_the_same_key_is_the_same_incident(pagerduty: PagerDuty, http: httpx.AsyncClient) -> None:
    """Triggering twice opens one incident; resolving it is idempotent; a new trigger opens it anew."""
    seen = []
    for action in ("trigger", "trigger", "acknowledge", "resolve", "resolve", "trigger"):
        answer = await send(pagerduty, http, event_action=action, dedup_key="INC-12", payload=PAYLOAD)
        seen.append((answer.status_code, pagerduty.incidents["INC-12"].status))

    triggered = (202, "triggered")
    assert [triggered, triggered, (202, "acknowledged"), (202, "resolved"), (202, "resolved"), triggered] == seen
    assert ["INC-12"] == list(pagerduty.incidents)


async def test_a_key_is_made_for_a_trigger_without_one(pagerduty: PagerDuty, http: httpx.AsyncClient) -> None:
    """The answer tells it."""
    answer = await send(pagerduty, http, event_action="trigger", payload=PAYLOAD)

    assert [answer.json()["dedup_key"]] == list(pagerduty.incidents)


async def test_an_unknown_incident_is_not_resolved(pagerduty: PagerDuty, http: httpx.AsyncClient) -> None:
    """The event is taken and dropped, as PagerDuty does."""
    answer = await send(pagerduty, http, event_action="resolve", dedup_key="INC-99")

    assert (202, {}) == (answer.status_code, pagerduty.incidents)


async def test_change_events_are_taken(pagerduty: PagerDuty, http: httpx.AsyncClient) -> None:
    """With a summary and the right key; not without."""
    path = f"{pagerduty.url}/v2/change/enqueue"
    body = {"routing_key": pagerduty.routing_key, "payload": {"summary": "Rolled back"}}

    statuses = [(await http.post(path, json=each)).status_code for each in (body, {**body, "payload": {}})]

    assert [202, 400] == statuses


class Listener(WebService):
    """What the bot's webhook endpoint receives."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.received: list[tuple[bytes, str]] = []

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/pagerduty/webhook", self._take)]

    async def _take(self, request: web.Request) -> web.Response:
        self.received.append((await request.read(), request.headers["X-PagerDuty-Signature"]))
        return web.Response(status=202)


async def test_an_acknowledgement_there_is_sent_signed(pagerduty: PagerDuty, http: httpx.AsyncClient) -> None:
    """A v3 webhook about this incident, signed over its exact bytes."""
    listener = Listener(free_ports(1)[0])
    await listener.enter("up")
    pagerduty.webhook_url = f"{listener.url}/pagerduty/webhook"
    await send(pagerduty, http, event_action="trigger", dedup_key="INC-12", payload=PAYLOAD)

    await pagerduty.apply({"set": {"acknowledge": "INC-12"}})
    await listener.close()

    ((body, signature),) = listener.received
    event = json.loads(body)["event"]
    assert ("incident.acknowledged", "INC-12") == (event["event_type"], event["data"]["incident_key"])
    assert "v1=" + hmac.new(pagerduty.webhook_secret.encode(), body, hashlib.sha256).hexdigest() == signature
    assert "acknowledged" == pagerduty.incidents["INC-12"].status


async def test_nobody_acknowledges_what_is_not_there(pagerduty: PagerDuty) -> None:
    """The text says what is there."""
    with pytest.raises(ValueError, match="no incident INC-7; there are none"):
        await pagerduty.apply({"set": {"acknowledge": "INC-7"}})


async def test_an_undelivered_webhook_is_told(pagerduty: PagerDuty, http: httpx.AsyncClient) -> None:
    """Whoever rehearses must not believe that the bot heard of it."""
    pagerduty.webhook_url = f"http://127.0.0.1:{free_ports(1)[0]}/pagerduty/webhook"
    await send(pagerduty, http, event_action="trigger", dedup_key="INC-12", payload=PAYLOAD)

    with pytest.raises(ValueError, match="the webhook was not delivered: ConnectError"):
        await pagerduty.apply({"set": {"acknowledge": "INC-12"}})
