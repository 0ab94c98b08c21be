"""What people can do to an incident, state by state: the table is the rule."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.domain.errors import Conflict
from bot.domain.people import Actor
from bot.incidents import transitions as incident_life
from bot.incidents.escalation import EscalationPolicy, Level
from bot.incidents.model import Incident, Severity, State

SRE, LEAD = Actor("sre", "U0SRE"), Actor("lead", "U0LEAD")
OPENED, TAKEN, STOPPED, NOW = 1_000, 2_000, 3_000, 9_000
LADDER = EscalationPolicy(respond=5_000, escalate=15_000, levels=(Level(("primary",)),))

OPEN = Incident("INC-1", 1, "x", "", Severity.P1, State.OPEN, 1, "token", OPENED, SRE, OPENED, paged=2, paged_at=1_500)
ACKNOWLEDGED = replace(
    OPEN, state=State.ACKNOWLEDGED, owner=SRE, acknowledged_at=TAKEN, updated_at=TAKEN, nudged_at=TAKEN
)
MITIGATED = replace(ACKNOWLEDGED, state=State.MITIGATED, mitigated_at=STOPPED, updated_at=STOPPED)
RESOLVED = replace(MITIGATED, state=State.RESOLVED, resolved_at=STOPPED)

ACTS: dict[str, Callable[[Incident], Incident]] = {
    "acknowledge": lambda incident: incident_life.acknowledge(incident, SRE, NOW),
    "update": lambda incident: incident_life.update(incident, NOW),
    "raise": lambda incident: incident_life.change_severity(incident, Severity.P0, NOW, policy=LADDER),
    "reopen": lambda incident: incident_life.reopen(incident, NOW, policy=LADDER),
    "mitigate": lambda incident: incident_life.mitigate(incident, SRE, NOW),
    "resolve": lambda incident: incident_life.resolve(incident, SRE, NOW),
    "pass on": lambda incident: incident_life.pass_on(incident, SRE),
}
NO = "refused"
TABLE = {
    #              open             acknowledged     mitigated        resolved
    "acknowledge": ("acknowledged", "acknowledged", NO, NO),
    "update": ("open", "acknowledged", "mitigated", NO),
    "raise": ("open", "acknowledged", "mitigated", NO),
    "mitigate": ("mitigated", "mitigated", NO, NO),
    "resolve": ("resolved", "resolved", "resolved", NO),
    "pass on": ("open", "open", NO, NO),
    "reopen": (NO, NO, "open", "open"),
}
CASES = [
    pytest.param(act, before, after, id=f"{act}: {before.state} becomes {after}")
    for act, row in TABLE.items()
    for before, after in zip((OPEN, ACKNOWLEDGED, MITIGATED, RESOLVED), row, strict=True)
]


@pytest.mark.parametrize(("act", "before", "after"), CASES)
def test_where_each_act_leads(act: str, before: Incident, after: str) -> None:
    """What is over takes nothing but a reopening; what is mitigated waits for its end, or is broken again."""
    if after == NO:
        with pytest.raises(Conflict, match="INC-1"):
            ACTS[act](before)
    else:
        assert after == ACTS[act](before).state


@pytest.mark.parametrize(("act", "before", "after"), CASES)
def test_what_makes_a_page_obsolete_raises_the_epoch(act: str, before: Incident, after: str) -> None:
    """Only an update of what nobody has, or of what is stopped, leaves it: no page asks for one."""
    if after != NO:
        kept = act == "update" and before.state is not State.ACKNOWLEDGED
        assert kept == (ACTS[act](before).epoch == before.epoch)


def test_the_first_moments_count() -> None:
    """A take-over keeps the moment of the first acknowledgement, the end that of the mitigation; the owner stays."""
    taken_over = incident_life.acknowledge(ACKNOWLEDGED, LEAD, NOW)
    over = incident_life.resolve(MITIGATED, LEAD, NOW)

    assert (LEAD, TAKEN, NOW, None) == (
        taken_over.owner,
        taken_over.acknowledged_at,
        taken_over.updated_at,
        taken_over.nudged_at,
    )
    assert (SRE, STOPPED, NOW) == (over.owner, over.mitigated_at, over.resolved_at)


def test_a_resolution_at_once_is_the_mitigation_too() -> None:
    """Whoever ends what nobody had has had it."""
    over = incident_life.resolve(OPEN, LEAD, NOW)

    assert (LEAD, NOW, NOW) == (over.owner, over.mitigated_at, over.resolved_at)


@pytest.mark.parametrize(
    ("before", "severity", "planned_from", "paged"),
    [
        pytest.param(OPEN, Severity.P0, NOW, 0, id="raised while nobody has it: everybody is paged anew"),
        pytest.param(ACKNOWLEDGED, Severity.P0, NOW, 2, id="raised while someone has it: only the clocks start anew"),
        pytest.param(OPEN, Severity.P2, OPENED, 2, id="lowered: the clocks go on"),
    ],
)
def test_another_severity(before: Incident, severity: Severity, planned_from: int, paged: int) -> None:
    """Another row of the matrix, and from when it counts."""
    changed = incident_life.change_severity(before, severity, NOW, policy=LADDER)

    assert (severity, planned_from, paged) == (changed.severity, changed.planned_from, changed.paged)


def test_the_same_severity_is_no_change() -> None:
    """Nobody is paged anew by a repetition."""
    with pytest.raises(Conflict, match="P1 already"):
        incident_life.change_severity(OPEN, Severity.P1, NOW, policy=LADDER)


def test_only_its_owner_passes_it_on() -> None:
    """Nobody takes it from another by passing it on."""
    with pytest.raises(Conflict, match="@sre has INC-1"):
        incident_life.pass_on(ACKNOWLEDGED, LEAD)


def test_who_resolved_it_is_not_guessed() -> None:
    """Its owner may be somebody else."""
    over = incident_life.resolve(ACKNOWLEDGED, LEAD, NOW)

    with pytest.raises(Conflict, match="INC-1 was resolved; reopen it if it is back"):
        incident_life.update(over, NOW)
