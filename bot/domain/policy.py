"""May this person ask, and who must approve: a pure function from risk and roles to a verdict with its reason.

Fails closed: an empty role, an unknown risk or a role that cannot be read denies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.people import Access


class Risk(StrEnum):
    """How much a request can hurt, in rising order."""

    READ = "read"
    CHANGE = "change"
    P0 = "p0"

    @property
    def rank(self) -> int:
        """0 for read, 2 for p0."""
        return list(Risk).index(self)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it is allowed, and why; the reason goes to the person and to the audit."""

    allowed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    """For one risk: the roles that may ask, the roles that may approve, and how many of the latter must."""

    ask: frozenset[str]
    approve: frozenset[str] = frozenset()
    approvals: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules per risk, and actions whose risk is raised (never lowered) by configuration."""

    rules: Mapping[Risk, Rule]
    raised: Mapping[str, Risk]

    def risk_of(self, action: str, declared: Risk) -> Risk:
        """The higher of what the action declares and what the configuration raises it to."""
        return max(declared, self.raised.get(action, declared), key=lambda risk: risk.rank)

    def may_ask(self, access: Access, risk: Risk) -> Verdict:
        """Whether a person with this access may ask for something of this risk."""
        rule = self.rules.get(risk)
        if rule is None or not rule.ask:
            return Verdict(allowed=False, reason=f"no role may ask for {risk} requests here")
        held = sorted(rule.ask & access.roles)
        if not held:
            return Verdict(allowed=False, reason=f"a {risk} request {_not_held(rule.ask, access)}")
        return Verdict(allowed=True, reason=f"{held[0]} may ask for {risk} requests")

    def may_take_part(self, access: Access, risk: Risk) -> Verdict:
        """Whether a person may open what others asked for: who may ask may, and so may whoever approves anything."""
        asking = self.may_ask(access, risk)
        held = sorted(access.roles & frozenset[str]().union(*(rule.approve for rule in self.rules.values())))
        if asking.allowed or not held:
            return asking
        return Verdict(allowed=True, reason=f"{held[0]} decides on requests of others")

    def may_approve(self, access: Access, risk: Risk, *, own: bool) -> Verdict:
        """Whether a person may decide on a request; `own`: it is theirs, from any of their accounts."""
        rule = self.rules.get(risk)
        if rule is None or not rule.approve:
            return Verdict(allowed=False, reason=f"no role may approve {risk} requests here")
        if own:
            return Verdict(
                allowed=False,
                reason="you cannot approve your own request; someone else with the role "
                + " or ".join(sorted(rule.approve))
                + " can",
            )
        held = sorted(rule.approve & access.roles)
        if not held:
            return Verdict(
                allowed=False,
                reason=f"approving {_not_held(rule.approve, access)}",
            )
        return Verdict(allowed=True, reason=f"{held[0]} may approve {risk} requests")


def _not_held(wanted: frozenset[str], access: Access) -> str:
    needed = f"needs the role {' or '.join(sorted(wanted))}"
    if wanted & access.unread:
        return f"{needed}, and Slack does not tell who holds it; try again in a minute"
    return f"{needed}; you do not hold it"
