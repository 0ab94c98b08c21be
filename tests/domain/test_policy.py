"""Who may ask and who may approve; the table is the policy."""

from collections.abc import Callable

import pytest

from bot.domain.people import Access
from bot.domain.policy import Policy, Risk, Rule, Verdict

ENGINEER = frozenset({"engineer"})
APPROVER = frozenset({"engineer", "approver"})
POLICY = Policy(
    {
        Risk.READ: Rule(ENGINEER),
        Risk.CHANGE: Rule(ENGINEER),
        Risk.P0: Rule(ENGINEER, frozenset({"approver"}), approvals=1),
    },
    raised={"restart": Risk.P0, "roll_back": Risk.READ},
)


@pytest.mark.parametrize(
    ("roles", "risk", "allowed"),
    [
        pytest.param(ENGINEER, Risk.READ, True, id="an engineer may read"),
        pytest.param(ENGINEER, Risk.CHANGE, True, id="an engineer may ask for a change"),
        pytest.param(ENGINEER, Risk.P0, True, id="an engineer may ask for a p0 action"),
        pytest.param(frozenset(), Risk.READ, False, id="a stranger may not even read"),
        pytest.param(frozenset({"approver"}), Risk.CHANGE, False, id="the approver role alone may not ask"),
    ],
)
def test_who_may_ask(roles: frozenset[str], risk: Risk, allowed: bool) -> None:
    """Asking needs one of the rule's roles."""
    assert allowed == POLICY.may_ask(Access(roles), risk).allowed


@pytest.mark.parametrize("risk", list(Risk))
def test_a_role_that_nobody_can_read_denies(risk: Risk) -> None:
    """On the command line as in Slack, reading included; the reason says whose trouble it is."""
    verdict = POLICY.may_ask(Access(frozenset(), unread=ENGINEER), risk)

    assert not verdict.allowed
    assert "Slack does not tell who holds it; try again in a minute" in verdict.reason


@pytest.mark.parametrize(
    ("roles", "allowed"),
    [
        pytest.param(ENGINEER, True, id="who may ask sees what is asked"),
        pytest.param(frozenset({"approver"}), True, id="an approver need not be an engineer"),
        pytest.param(frozenset({"security"}), False, id="another role does not count"),
        pytest.param(frozenset(), False, id="a stranger takes no part"),
    ],
)
def test_who_may_take_part_in_decisions(roles: frozenset[str], allowed: bool) -> None:
    """Deciding on requests of others does not need the right to ask."""
    assert allowed == POLICY.may_take_part(Access(roles), Risk.CHANGE).allowed


@pytest.mark.parametrize(
    ("roles", "own", "allowed"),
    [
        pytest.param(APPROVER, False, True, id="an approver may approve someone else's request"),
        pytest.param(APPROVER, True, False, id="an approver may not approve their own request"),
        pytest.param(ENGINEER, False, False, id="an engineer may not approve"),
        pytest.param(frozenset(), False, False, id="a stranger may not approve"),
    ],
)
def test_who_may_approve(roles: frozenset[str], own: bool, allowed: bool) -> None:
    """Approving needs the role and another person."""
    assert allowed == POLICY.may_approve(Access(roles), Risk.P0, own=own).allowed


@pytest.mark.parametrize("risk", list(Risk))
def test_a_missing_rule_denies(risk: Risk) -> None:
    """No default that allows: without a rule nobody may ask or approve."""
    empty = Policy({}, {})

    assert not empty.may_ask(Access(APPROVER), risk).allowed
    assert not empty.may_approve(Access(APPROVER), risk, own=False).allowed


def test_an_empty_list_of_roles_denies() -> None:
    """Empty means nobody, not everybody."""
    policy = Policy({Risk.P0: Rule(frozenset(), frozenset())}, {})

    assert not policy.may_ask(Access(APPROVER), Risk.P0).allowed
    assert not policy.may_approve(Access(APPROVER), Risk.P0, own=False).allowed


def test_configuration_raises_a_risk_but_never_lowers_it() -> None:
    """The declared risk is the floor."""
    assert Risk.P0 == POLICY.risk_of("restart", Risk.CHANGE)
    assert Risk.P0 == POLICY.risk_of("roll_back", Risk.P0)


_REFUSED = "you do not hold it"
_ASK = Rule(frozenset({"engineer", "dba"}), frozenset({"approver", "cto"}), approvals=2)
_WORDS = Policy({Risk.P0: _ASK}, {})


@pytest.mark.parametrize(
    ("judge", "expected"),
    [
        pytest.param(
            lambda: _WORDS.may_ask(Access(ENGINEER), Risk.P0),
            Verdict(allowed=True, reason="engineer may ask for p0 requests"),
            id="asking names the role held and how many must approve",
        ),
        pytest.param(
            lambda: _WORDS.may_ask(Access(frozenset({"engineer", "dba"})), Risk.P0),
            Verdict(allowed=True, reason="dba may ask for p0 requests"),
            id="of two roles the first by name is told",
        ),
        pytest.param(
            lambda: _WORDS.may_ask(Access(frozenset()), Risk.P0),
            Verdict(
                allowed=False,
                reason=f"a p0 request needs the role dba or engineer; {_REFUSED}",
            ),
            id="asking without a role names those that may",
        ),
        pytest.param(
            lambda: _WORDS.may_ask(Access(APPROVER), Risk.READ),
            Verdict(allowed=False, reason="no role may ask for read requests here"),
            id="asking where no rule stands",
        ),
        pytest.param(
            lambda: _WORDS.may_approve(Access(frozenset({"cto", "approver"})), Risk.P0, own=False),
            Verdict(allowed=True, reason="approver may approve p0 requests"),
            id="approving names the role held",
        ),
        pytest.param(
            lambda: _WORDS.may_approve(Access(APPROVER), Risk.P0, own=True),
            Verdict(
                allowed=False,
                reason="you cannot approve your own request; someone else with the role approver or cto can",
            ),
            id="approving one's own names who can",
        ),
        pytest.param(
            lambda: _WORDS.may_approve(Access(ENGINEER), Risk.P0, own=False),
            Verdict(
                allowed=False,
                reason=f"approving needs the role approver or cto; {_REFUSED}",
            ),
            id="approving without the role names it",
        ),
        pytest.param(
            lambda: _WORDS.may_approve(Access(APPROVER), Risk.CHANGE, own=False),
            Verdict(allowed=False, reason="no role may approve change requests here"),
            id="approving where no rule stands",
        ),
        pytest.param(
            lambda: _WORDS.may_take_part(Access(frozenset({"cto", "approver"})), Risk.P0),
            Verdict(allowed=True, reason="approver decides on requests of others"),
            id="an approver takes part",
        ),
        pytest.param(
            lambda: _WORDS.may_take_part(Access(frozenset({"security"})), Risk.P0),
            Verdict(
                allowed=False,
                reason=f"a p0 request needs the role dba or engineer; {_REFUSED}",
            ),
            id="who takes no part reads why they may not ask",
        ),
    ],
)
def test_a_verdict_says_why_in_one_clause(judge: Callable[[], Verdict], expected: Verdict) -> None:
    """The reason goes to the person and to the audit: who may, and whether this person does."""
    verdict = judge()

    assert expected == verdict
    assert expected.allowed is verdict.allowed
