"""The severity matrix as a table: who is told when."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.people import Actor
from bot.domain.timing import DAY, HOUR, MINUTE
from bot.incidents.escalation import GAP, Step, after_step, next_step, timeline
from bot.incidents.model import Incident, Severity, State
from bot.incidents.severity_matrix import Matrix
from tests.incidents.world import configuration

MATRIX = Matrix(configuration())
SRE = Actor("sre", "U0SRE")
MONDAY = round(datetime(2026, 5, 4, 10, tzinfo=UTC).timestamp() * 1000)
SATURDAY = round(datetime(2026, 5, 2, 3, tzinfo=UTC).timestamp() * 1000)


def incident(severity: str = "P0", at: int = SATURDAY, **changes: Any) -> Incident:  # noqa: ANN401 - fields of an incident
    """A new incident."""
    new = Incident("INC-1", 1, "x", "", Severity(severity), State.OPEN, 1, "token", at, SRE, at)
    return replace(new, **changes)


def acknowledged(severity: str, minutes: int, **changes: Any) -> Incident:  # noqa: ANN401 - fields of an incident
    """An incident that somebody has, so long after its opening, with the levels paged that were due by then."""
    new = incident(severity, MONDAY if severity in {"P2", "P3"} else SATURDAY)
    now = new.opened_at + minutes * MINUTE
    while (step := next_step(MATRIX[new.severity], new)) is not None and step.at <= now:
        new = after_step(new, step, step.at)
    taken = replace(new, state=State.ACKNOWLEDGED, owner=SRE, acknowledged_at=now, updated_at=now)
    return replace(taken, **changes)


@pytest.mark.parametrize(
    ("severity", "minutes"),
    [
        pytest.param("P0", [0, 5, 15, 30], id="P0: primary at once, secondary at 5, manager at 15, CTO at 30 minutes"),
        pytest.param("P1", [0, 15, 30], id="P1: primary at once, secondary at 15, manager at 30 minutes"),
    ],
)
def test_a_page_at_any_hour(severity: str, minutes: list[int]) -> None:
    """P0 and P1 page at night and at week-ends."""
    steps = timeline(MATRIX[Severity(severity)], incident(severity))

    assert minutes == [(step.at - SATURDAY) // MINUTE for step in steps]


@pytest.mark.parametrize(
    ("severity", "start", "hours"),
    [
        pytest.param("P2", MONDAY, [0, 1, 2], id="P2 on Monday at ten: at once, after one and two hours"),
        pytest.param("P3", MONDAY, [0, 4], id="P3 on Monday at ten: at once and after four hours"),
        pytest.param("P2", SATURDAY, [54, 55, 56], id="P2 on Saturday at three: Monday at nine, ten and eleven"),
    ],
)
def test_business_hours(severity: str, start: int, hours: list[int]) -> None:
    """P2 and P3 wait for people to work."""
    steps = timeline(MATRIX[Severity(severity)], incident(severity, start))

    assert hours == [(step.at - start) // HOUR for step in steps]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(acknowledged("P0", 2), Step(SATURDAY + 15 * MINUTE, 3, "inform"), id="P0: manager informed at 15"),
        pytest.param(
            acknowledged("P0", 16, updated_at=SATURDAY + HOUR),
            Step(SATURDAY + 30 * MINUTE, 4, "inform"),
            id="P0: the CTO is informed at 30",
        ),
        pytest.param(
            acknowledged("P0", 2, informed=4, informed_at=SATURDAY),
            Step(SATURDAY + 17 * MINUTE, 1, "still"),
            id="P0: 15 minutes of silence",
        ),
        pytest.param(
            acknowledged("P0", 2, informed=4, informed_at=SATURDAY, nudged_at=SATURDAY + 17 * MINUTE),
            Step(SATURDAY + 22 * MINUTE, 2, "stale"),
            id="P0: the owner was asked and is silent",
        ),
        pytest.param(
            acknowledged("P0", 2, paged=4, nudged_at=SATURDAY + HOUR),
            Step(SATURDAY + 75 * MINUTE, 4, "stale"),
            id="P0: silence after the last level: that one again every 15 minutes",
        ),
        pytest.param(
            acknowledged("P1", 2, informed=3, informed_at=SATURDAY),
            Step(SATURDAY + 32 * MINUTE, 1, "still"),
            id="P1: 30 minutes of silence",
        ),
        pytest.param(
            acknowledged("P3", 30), Step(MONDAY + 23 * HOUR, 2, "inform"), id="P3: the next business day at nine"
        ),
        pytest.param(incident(state=State.MITIGATED), None, id="mitigated: nothing"),
        pytest.param(incident(state=State.RESOLVED), None, id="resolved: nothing"),
        pytest.param(
            incident(paged=4, paged_at=SATURDAY + 30 * MINUTE),
            Step(SATURDAY + 45 * MINUTE, 4, "repeat"),
            id="the last level again every 15 minutes",
        ),
        pytest.param(
            incident(paged=1, paged_at=SATURDAY + HOUR),
            Step(SATURDAY + HOUR + GAP, 2, "page"),
            id="a late level gives the one before it a minute",
        ),
    ],
)
def test_the_next_step(given: Incident, expected: Step | None) -> None:
    """What happens next, if nothing else does."""
    assert expected == next_step(MATRIX[given.severity], given)


def test_the_next_business_day_counts_from_when_work_begins() -> None:
    """What comes in on a Saturday is Monday's: it is answered on Monday and escalated on Tuesday."""
    policy = MATRIX[Severity.P3]

    assert policy.respond_by(SATURDAY) < policy.escalate_by(SATURDAY)


def test_the_mitigation_is_never_due_before_the_response() -> None:
    """What comes in on a Friday a minute before closing time is to be answered on Monday; both are due then."""
    policy, friday = MATRIX[Severity.P3], MONDAY - 3 * DAY + 7 * HOUR - MINUTE

    assert MONDAY + 3 * HOUR - MINUTE == policy.respond_by(friday) == policy.escalate_by(friday)
