"""Running checks: blame, units, slow targets, since when, trends."""

import asyncio
import math
from collections.abc import Awaitable, Callable

import pytest

from bot.domain.errors import BadAnswer, Unauthorized, Unreachable, UsageError
from bot.domain.message import Button
from bot.domain.reading import Status, Thresholds
from bot.domain.timing import HOUR, MINUTE
from bot.health.messages import Report, health_message
from bot.health.service import Health, judged
from bot.ports import Measurement, QueueState
from bot.queues.service import judged_queue
from bot.store import Ledger
from bot.systems import Check, Offer, QueueLimits, System, Systems, WatchedQueue
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
        pytest.param(answering(Measurement(3, "furlong")), Status.UNKNOWN, "our own error", id="an unknown unit"),
        pytest.param(answering(Measurement(math.inf, "%")), Status.UNKNOWN, "no number", id="an infinite value"),
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


@pytest.mark.ledger
async def test_one_password_explains_every_line_behind_it(ledger: Ledger, clock: FakeClock) -> None:
    """What is refused with the same words at the same connection has one cause, which comes first."""
    refused = failing(Unauthorized("redis wants a password that we do not have"))
    checks = {
        name: Check(name, name, measure, Thresholds(), 4000, target="cache")
        for name, measure in (("ping", refused), ("memory", refused), ("other", failing(Unauthorized("not this one"))))
    }
    systems = Systems({"app": System("app", "App", checks)})

    text = str(health_message(await Health(ledger, clock, systems).report("app")).parts[1])

    assert 1 == text.count("wants a password")
    assert "⚪ and with it: memory" in text
    assert "not this one" in text


def test_a_threshold_in_another_unit_is_our_trouble() -> None:
    """12 days are never compared with a bare 21."""
    days = judged(check(answering(Measurement()), warning="< 21 d"), Measurement(12, "d"))
    bare = judged(check(answering(Measurement()), warning="< 21"), Measurement(12, "d"))

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
async def test_the_first_failing_reading_has_a_since(ledger: Ledger, clock: FakeClock) -> None:
    """What fails when it is first read fails since then; what is well from the start has nothing to tell."""
    systems = Systems(
        {
            "app": System(
                "app",
                "App",
                {
                    "app": check(answering(Measurement(503, "status"))),
                    "db": Check("db", "db", answering(Measurement(200, "status")), Thresholds(), 4000),
                },
            )
        }
    )

    down, well = await Health(ledger, clock, systems).readings("app")

    assert (clock.now(), None) == (down.since, well.since)


class Odd:
    """A queue whose state cannot be computed."""

    async def state(self, now: int) -> QueueState:  # noqa: ARG002 - the port's shape
        return QueueState(int(-math.inf), 0, None, None, None)


@pytest.mark.ledger
async def test_one_odd_reading_costs_its_own_line(ledger: Ledger, clock: FakeClock) -> None:
    """A queue that breaks its reading is unknown; all other checks are read as usual."""
    odd, fine = WatchedQueue("odd", Odd()), check(answering(Measurement(200, "status")))
    systems = Systems({"app": System("app", "App", {"app": fine}, {"odd": odd})})

    readings = await Health(ledger, clock, systems).readings("app")

    assert [("app", Status.HEALTHY), ("odd", Status.UNKNOWN)] == [(it.check, it.status) for it in readings]


LIMITS = QueueLimits(
    failed=Thresholds.parse(warning="> 100", critical="> 1000"),
    stuck=Thresholds.parse(warning="> 0", critical="> 10"),
    oldest=Thresholds.parse(warning="> 1 h", critical="> 6 h"),
)


@pytest.mark.parametrize(
    ("state", "status", "told"),
    [
        pytest.param(QueueState(3, 1, 2, 5, 9_000, workers=2, stuck=0), Status.HEALTHY, "", id="an ordinary day"),
        pytest.param(
            QueueState(0, 0, 0, 1500, None, paused=True, workers=2),
            Status.CRITICAL,
            "1,500 failed (critical > 1,000), paused",
            id="1,500 failed and paused",
        ),
        pytest.param(QueueState(0, 0, 0, 0, None, paused=True), Status.WARNING, "paused", id="paused alone"),
        pytest.param(
            QueueState(0, 7, None, None, None, stuck=7), Status.WARNING, "7 stuck (warning > 0)", id="seven are stuck"
        ),
        pytest.param(
            QueueState(1, 0, 0, 0, 7 * HOUR),
            Status.CRITICAL,
            "oldest 7 h (critical > 6 h)",
            id="one has waited for seven hours",
        ),
        pytest.param(
            QueueState(0, 0, 0, 0, None, workers=0), Status.CRITICAL, "0 workers: nothing works", id="no worker is left"
        ),
        pytest.param(
            QueueState(5, 0, None, None, None, unreadable="1 entry whose score is no time"),
            Status.UNKNOWN,
            "1 entry whose score is no time",
            id="an entry cannot be read",
        ),
    ],
)
def test_a_queue_is_no_better_than_the_worst_thing_in_it(state: QueueState, status: Status, told: str) -> None:
    """Failed, stuck, paused, the oldest age, workers: each counts beside what waits."""
    reading = judged_queue(WatchedQueue("mails", Odd(), LIMITS), state)

    assert status is reading.status
    assert reading.reason.startswith(told)
    assert bool(told) is bool(reading.reason)


@pytest.mark.ledger
async def test_a_growing_queue_has_an_arrow(ledger: Ledger, clock: FakeClock) -> None:
    """The trend compares with the reading of ten minutes ago, also with one from before a restart."""
    waiting = [40]

    class Growing:
        async def state(self, now: int) -> QueueState:  # noqa: ARG002 - the port's shape
            return QueueState(waiting[0], 1, None, None, None)

    queue = WatchedQueue("mails", Growing(), QueueLimits(waiting=Thresholds.parse(critical="> 200")))
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


def test_a_button_stands_only_where_it_leads_somewhere() -> None:
    """What a system does not offer is no button; what it offers hands over its value."""
    offer = Offer("Queue", "queue.show", "app")
    alone = health_message(Report("pager", "Pager", (), 0, 0))
    more = health_message(Report("app", "App", (), 0, 0, offers=(offer,)))

    assert "queue.show" not in str(alone)
    assert str(Button("Queue", "queue.show", "app")) in str(more)
    assert "rollback.choose" not in str(more)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        pytest.param("mails", ("shop", "mails"), id="the only queue of this name"),
        pytest.param("DB connections", ("app", "DB connections"), id="the only check of this title"),
        pytest.param("app ping", ("app", "ping"), id="a system comes first"),
    ],
)
def test_a_name_that_is_shown_can_be_typed_alone(words: str, found: tuple[str, str]) -> None:
    """`/queue mails` needs no system; a name that several systems have does."""
    never = answering(Measurement())
    ping = Check("ping", "ping", never, Thresholds(), 1)
    titled = Check("connections", "db connections", never, Thresholds(), 1)
    systems = Systems(
        {
            "app": System("app", "App", {"ping": ping, "connections": titled}),
            "shop": System("shop", "Shop", {"ping": ping}, {"mails": WatchedQueue("mails", Odd())}),
        }
    )

    system, rest = systems.named_in(words.split())

    assert found == (system.name, rest)
    with pytest.raises(UsageError, match="app and shop have ping: name the system before it"):
        systems.named_in(["ping"])
