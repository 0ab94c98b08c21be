"""`Pager` on PagerDuty's Events v2: the stand-in and the memory twin keep to the same contract."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters import outgoing, pagerduty
from adapters.pagerduty import PagerDutyPager
from bot.domain.errors import BadAnswer, Rejected, TargetError, Unreachable
from bot.local.lab.calls import CallLog
from bot.local.lab.pagerduty import PagerDuty
from bot.ports import Page, Pager
from tests.fakes.clock import FakeClock
from tests.fakes.pager import FakePager

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
    """`Pager`."""

    async def test_an_incident_is_triggered_acknowledged_and_resolved(self, pager: Pager) -> None:
        """Each event is accepted."""
        for event in ("trigger", "acknowledge", "resolve"):
            await pager.send(replace(PAGE, event=event))

    async def test_every_event_may_be_repeated(self, pager: Pager) -> None:
        """The key makes a repetition harmless, so a lost answer is sent again."""
        for event in ("trigger", "trigger", "resolve", "resolve"):
            await pager.send(replace(PAGE, event=event))


class TestPagerDuty(PagerContract):
    @pytest.fixture
    def pager(self, real: PagerDutyPager) -> Pager:
        """PagerDuty."""
        return real


class TestTwin(PagerContract):
    @pytest.fixture
    def pager(self) -> Pager:
        """In memory."""
        return FakePager()


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


async def test_an_event_that_is_wrong_is_refused_with_the_reason(real: PagerDutyPager) -> None:
    """Sending it again would not help."""
    with pytest.raises(Rejected, match=r"'payload\.severity' must be one of") as caught:
        await real.send(replace(PAGE, severity="P0"))

    assert real._routing_key not in str(caught.value)
