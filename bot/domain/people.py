"""Who does something: a person of the configuration or of Slack, the bot itself, or the system's clock."""

from dataclasses import dataclass
from typing import Literal

Via = Literal["slack", "cli", "bot", "pagerduty"]


@dataclass(frozen=True, slots=True)
class Actor:
    """One person, however many accounts they have: `person` is what approvals compare, `slack` what is mentioned.

    A Slack user whom the configuration does not name is a person of their own: `person` is then the Slack id.
    """

    person: str
    slack: str = ""
    via: Via = "slack"


STEWARD = Actor("steward", via="bot")
"""The bot, as the requester of its own proposals and the author of what it does by itself."""

SOMEBODY = Actor("somebody at PagerDuty", via="pagerduty")
"""A user of PagerDuty whom the configuration gives to nobody. No person has a name with a space."""


def called(person: str) -> str:
    """`@sre`, as text: a mention would ping. Whoever is nobody's name is told as they are."""
    return person if " " in person else f"@{person}"


@dataclass(frozen=True, slots=True)
class Access:
    """What a person may do now: the roles they hold, and whether these were read from a stale copy.

    `unread`: roles whose members could not be read.
    """

    roles: frozenset[str]
    stale: bool = False
    unread: frozenset[str] = frozenset()
