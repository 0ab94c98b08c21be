"""Running checks: blame, units, slow targets, since when, trends."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bot.domain.errors import BadAnswer, Unauthorized, Unreachable
from bot.domain.reading import Status, Thresholds
from bot.domain.timing import MINUTE
from bot.ports import Measurement, QueueState
from bot.services.health import Health, judged
from bot.services.systems import Check, System, Systems, WatchedQueue
from bot.store import Ledger
from tests.fakes.clock import FakeClock

Measure = Callable[[], Awaitable[Measurement]]


def check(measure: Measure, *, warning: str = "", critical: str = "", timeout: int = 4000) -> Check:
    """A check named `app`."""
    return Check("app", "app", measure, Thresholds.parse(warning=warning, critical=critical), timeout)


def answering(measured: Measurement) -> Measure:
    """A measure that always finds this."""

    async def measure() -> Measurement:
        return measured

    return measure


def failing(error: Exception) -> Measure:
    """A measure that always fails so."""

    async def measure() -> Measurement:
        raise error

    return measure


async def hanging() -> Measurement:
    """A target that never answers."""
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.ledger
@pytest.mark.parametrize(
    ("measure", "status", "told"),
    [
        pytest.param(failing(Unreachable("refuses the connection")), Status.CRITICAL, "refuses", id="down is critical"),
        pytest.param(failing(Unauthorized("wants a password")), Status.UNKNOWN, "password", id="our key is unknown"),
        pytest.param(failing(BadAnswer("answered garbage")), Status.UNKNOWN, "garbage", id="garbage is unknown"),
        pytest.param(
            failing(RuntimeError("secret")), Status.UNKNOWN, "our own error", id="a defect of ours is unknown"
        ),
        pytest.param(hanging, Status.CRITICAL, "no answer within 50 ms", id="silence is critical"),
        pytest.param(answering(Measurement(503, "status")), Status.CRITICAL, "503", id="5xx is critical"),
        pytest.param(answering(Measurement(401, "status")), Status.UNKNOWN, "401", id="401 is about us"),
        pytest.param(answering(Measurement(200, "status")), Status.HEALTHY, "200", id="200 is healthy"),
    ],
)
async def test_who_is_to_blame(ledger: Ledger, clock: FakeClock, measure: Measure, status: Status, told: str) -> None:
    """A target that is down is critical; what we may not do or cannot read is unknown."""
    systems = Systems({"app": System("app", "App", {"app": check(measure, timeout=50)})})

    [reading] = await Health(ledger, clock, systems).readings("app")

    assert status is reading.status
    assert told in f"{reading.value} {reading.reason}"
    assert "secret" not in reading.reason


def test_a_threshold_in_another_unit_is_our_trouble() -> None:
    """12 days are never compared with a bare 21."""
    days = judged(check(answering(Measurement()), warning="< 21 d"), Measurement(12, "d"), 1)
    bare = judged(check(answering(Measurement()), warning="< 21"), Measurement(12, "d"), 1)

    assert (Status.WARNING, "12 d", "warning < 21 d") == (days.status, days.value, days.threshold)
    assert Status.UNKNOWN is bare.status


@pytest.mark.ledger
async def test_since_is_when_the_status_changed(ledger: Ledger, clock: FakeClock) -> None:
    """Reading again does not move it, and neither does a restart; recovering does."""
    found = [Measurement(503, "status")]

    async def measure() -> Measurement:
        return found[0]

    systems = Systems({"app": System("app", "App", {"app": check(measure)})})
    down_at = clock.now()
    await Health(ledger, clock, systems).readings("app")
    clock.advance(5 * MINUTE)
    [later] = await Health(ledger, clock, systems).readings("app")
    found[0] = Measurement(200, "status")
    [well] = await Health(ledger, clock, systems).readings("app")

    assert down_at == later.since
    assert clock.now() == later.at
    assert clock.now() == well.since


@pytest.mark.ledger
async def test_a_growing_queue_has_an_arrow(ledger: Ledger, clock: FakeClock) -> None:
    """The trend compares with the reading of ten minutes ago, also with one from before a restart."""
    waiting = [40]

    class Growing:
        async def state(self, now: int) -> QueueState:  # noqa: ARG002 - the port's shape
            return QueueState(waiting[0], 1, None, None, None)

    queue = WatchedQueue("mails", Growing(), Thresholds.parse(critical="> 200"))
    systems = Systems({"app": System("app", "App", queues={"mails": queue})})
    await Health(ledger, clock, systems).readings("app")
    clock.advance(11 * MINUTE)
    waiting[0] = 1240

    [reading] = await Health(ledger, clock, systems).readings("app")

    assert (Status.CRITICAL, "1,240 waiting", "critical > 200", "↑") == (
        reading.status,
        reading.value,
        reading.threshold,
        reading.trend,
    )


@pytest.mark.ledger
async def test_what_is_known_comes_first_while_a_target_hangs(ledger: Ledger, clock: FakeClock) -> None:
    """The first report names who is still answering; the last one is whole."""
    quick = Check("db", "db", answering(Measurement(200, "status")), Thresholds(), 4000)
    systems = Systems({"app": System("app", "App", {"db": quick, "app": check(hanging, timeout=200)})})

    reports = [report async for [report] in Health(ledger, clock, systems).reports(["app"], first=0.02)]

    assert [("app",), ()] == [report.pending for report in reports]
    assert ["db", "app"] == [reading.check for reading in reports[-1].readings]
