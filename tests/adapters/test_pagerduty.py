"""`Pager` on PagerDuty's Events v2: the stand-in and the memory twin keep to the same contract."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import httpx
import pytest

from adapters import outgoing, pagerduty
from adapters.pagerduty import PagerDutyPager
from bot.domain.errors import BadAnswer, Rejected, TargetError, Unreachable
from bot.local.lab.calls import CallLog
from bot.local.lab.pagerduty import PagerDuty
from bot.ports import Page, Pager
from tests.fakes.clock import FakeClock
from tests.fakes.pager import FakePager

There = Callable[[], dict[str, list[str]]]
PAGE = Page("trigger", "INC-12", "P0 INC-12 Newsletter: mail stopped", "critical", "newsletter", {"severity": "P0"})


@pytest.fixture
async def vendor(port: int, clock: FakeClock, calls: CallLog) -> AsyncIterator[PagerDuty]:
    """A service that takes events."""
    made = PagerDuty(port, clock, calls)
    await made.enter("up")
    yield made
    await made.close()


@pytest.fixture
async def real(vendor: PagerDuty) -> AsyncIterator[PagerDutyPager]:
    """The adapter, as wiring opens it."""
    fields = {"pagerduty": vendor.url, "routing_key": vendor.routing_key}
    made = pagerduty.open(pagerduty.Config.model_validate(fields))
    yield made
    await made.close()


class PagerContract:
    """`Pager`. `there` tells what the other side has taken: the events of each key, in order."""

    async def test_an_incident_is_triggered_acknowledged_and_resolved(self, pager: Pager, there: There) -> None:
        """Each event is accepted, and is about the same incident there."""
        for event in ("trigger", "acknowledge", "resolve"):
            await pager.send(replace(PAGE, event=event))

        assert {"INC-12": ["trigger", "acknowledge", "resolve"]} == there()

    async def test_every_event_may_be_repeated(self, pager: Pager, there: There) -> None:
        """The key makes a repetition harmless: it opens no second incident, so a lost answer is sent again."""
        for event in ("trigger", "trigger", "resolve"):
            await pager.send(replace(PAGE, event=event))

        assert {"INC-12": ["trigger", "trigger", "resolve"]} == there()

    async def test_a_look_pages_nobody(self, pager: Pager, there: There) -> None:
        """It only tells whether the other side answers."""
        await pager.answers()

        assert not any(there().values())


class TestPagerDuty(PagerContract):
    @pytest.fixture
    def pager(self, real: PagerDutyPager) -> Pager:
        """PagerDuty."""
        return real

    @pytest.fixture
    def there(self, vendor: PagerDuty) -> There:
        """Its incidents."""
        return lambda: {key: page.events for key, page in vendor.incidents.items()}


class TestTwin(PagerContract):
    @pytest.fixture
    def twin(self) -> FakePager:
        """In memory."""
        return FakePager()

    @pytest.fixture
    def pager(self, twin: FakePager) -> Pager:
        """The same."""
        return twin

    @pytest.fixture
    def there(self, twin: FakePager) -> There:
        """What it took."""
        return lambda: {PAGE.key: [page.event for page in twin.sent if page.key == PAGE.key]}


async def test_a_route_has_its_own_key_and_an_unknown_one_the_services() -> None:
    """A level or a person rings by their own integration; a page of a route that is no more is not lost."""
    taken = []

    def take(request: httpx.Request) -> httpx.Response:
        taken.append(json.loads(request.content)["routing_key"])
        return httpx.Response(202, json={"status": "success"})

    client = httpx.AsyncClient(transport=httpx.MockTransport(take), base_url="http://pagerduty.test")
    pager = PagerDutyPager(client, routing_key="service", routing_keys={"secondary": "second"})
    for route in ("", "secondary", "gone"):
        await pager.send(replace(PAGE, route=route))

    assert ["service", "second", "service"] == taken


async def test_what_pagerduty_says_is_redacted() -> None:
    """Its words may repeat our keys, or hold what looks like a credential."""
    words = "Bad key s3rvice-key or second-key; Authorization: Bearer abcdef0123456789 password=hunter22"

    def refuse(_: httpx.Request) -> httpx.Response:
        return httpx.Response(400, json={"status": "invalid event", "errors": [words]})

    client = httpx.AsyncClient(transport=httpx.MockTransport(refuse), base_url="http://pagerduty.test")
    pager = PagerDutyPager(client, routing_key="s3rvice-key", routing_keys={"secondary": "second-key"})

    with pytest.raises(Rejected) as caught:
        await pager.send(PAGE)

    assert "Bad key" in str(caught.value)
    for secret in ("s3rvice-key", "second-key", "abcdef0123456789", "hunter22"):
        assert secret not in str(caught.value)


async def test_an_incident_keeps_its_key_and_says_what_it_is(vendor: PagerDuty, real: PagerDutyPager) -> None:
    """Two triggers are one incident there; resolving ends it."""
    await real.send(PAGE)
    await real.send(PAGE)
    triggered = vendor.incidents["INC-12"]
    seen = (triggered.summary, triggered.severity, triggered.triggers)
    await real.send(replace(PAGE, event="resolve"))

    assert ("P0 INC-12 Newsletter: mail stopped", "critical", 2) == seen
    assert {"INC-12": "resolved"} == {key: it.status for key, it in vendor.incidents.items()}


async def test_what_is_empty_is_left_out(vendor: PagerDuty, real: PagerDutyPager) -> None:
    """PagerDuty's schema knows no null."""
    await real.send(replace(PAGE, component="", details={}))

    [call] = vendor.calls()
    assert {"summary", "source", "severity"} == set(call["body"]["payload"])  # type: ignore[index]  # JSON of the stand-in


async def test_a_long_summary_is_cut(vendor: PagerDuty, real: PagerDutyPager) -> None:
    """PagerDuty takes 1024 signs; a page must not fail for its title."""
    await real.send(replace(PAGE, summary="x" * 5000))

    assert 1024 == len(vendor.incidents["INC-12"].summary)


@pytest.mark.parametrize(
    ("state", "error"),
    [
        pytest.param("down", Unreachable, id="down: send it again"),
        pytest.param("error", Unreachable, id="503: send it again"),
        pytest.param("rate_limited", Unreachable, id="429: send it again"),
        pytest.param("timeout", Unreachable, id="no answer: send it again"),
        pytest.param("timeout_after", Unreachable, id="accepted without an answer: harmless to send again"),
        pytest.param("drop", Unreachable, id="a lost answer: harmless to send again"),
        pytest.param("html", BadAnswer, id="a page is no acceptance"),
    ],
)
async def test_what_was_not_accepted_is_an_error(vendor: PagerDuty, state: str, error: type[TargetError]) -> None:
    """Only 202 is an acceptance."""
    pager = PagerDutyPager(outgoing.client(vendor.url, seconds=0.3), routing_key=vendor.routing_key)
    await vendor.enter(state)

    with pytest.raises(TargetError, match="trigger INC-12 at PagerDuty") as caught:
        await pager.send(PAGE)

    assert error is type(caught.value)
    await pager.close()


@pytest.mark.parametrize("state", ["down", "error", "timeout"])
async def test_what_does_not_answer_is_unreachable(vendor: PagerDuty, state: str) -> None:
    """That is what `/health` shows."""
    pager = PagerDutyPager(outgoing.client(vendor.url, seconds=0.3), routing_key=vendor.routing_key)
    await vendor.enter(state)

    with pytest.raises(Unreachable):
        await pager.answers()

    await pager.close()


async def test_an_event_that_is_wrong_is_refused_with_the_reason(real: PagerDutyPager) -> None:
    """Sending it again would not help."""
    with pytest.raises(Rejected, match=r"'payload\.severity' must be one of") as caught:
        await real.send(replace(PAGE, severity="P0"))

    assert real._routing_key not in str(caught.value)
