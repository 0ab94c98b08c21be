"""An incident: what is known about it at one moment, and the words of its life."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bot.domain.people import Actor, called


class Severity(StrEnum):
    """P0 is the worst."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"

    @property
    def has_room(self) -> bool:
        """Whether an incident gets a channel of its own without being asked for it."""
        return self in {Severity.P0, Severity.P1}

    @property
    def rank(self) -> int:
        """0 for P0."""
        return list(Severity).index(self)


class State(StrEnum):
    """How far an incident is: nobody has it, someone has it, the harm is stopped, it is over."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"


ClockName = Literal["respond", "mitigate"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one run of a clock went. `start` tells its runs apart; `done` is None where it ran out before anything."""

    clock: ClockName
    severity: Severity
    start: int
    limit: int
    done: int | None

    @property
    def kept(self) -> bool:
        """Whether it was done in time."""
        return self.done is not None and self.done <= self.limit


@dataclass(frozen=True, slots=True)
class Suspect:
    """The newest change, in words, and when it came (epoch ms). Without a time it says what could not be read."""

    text: str = ""
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident. Times are epoch ms, None while it has not happened.

    `epoch` is the fencing token: it rises with everything that makes an earlier page obsolete. `planned_from` is where
    the escalation policy counts from: the opening, the raised severity, or the reopening. `paged` and `informed`
    count the levels that have been reached in either way; `nudged_at` is the last page since the owner's last sign of
    life. `token` is the opaque id in buttons. `room` is the id of its own channel, `room_wanted` whether it is to have
    one. `owned_at` is when its owner took it, `taken_from` who had it before. `verdicts` are those that stand: given
    before a change of the severity or a reopening. `checks` says in one line what the checks said at `checks_at`, and
    `failing` which of them failed.
    """

    id: str
    number: int
    title: str
    system: str
    severity: Severity
    state: State
    epoch: int
    token: str
    opened_at: int
    opened_by: Actor
    planned_from: int
    owner: Actor | None = None
    owned_at: int | None = None
    taken_from: str = ""
    acknowledged_at: int | None = None
    updated_at: int | None = None
    mitigated_at: int | None = None
    resolved_at: int | None = None
    paged: int = 0
    paged_at: int | None = None
    informed: int = 0
    informed_at: int | None = None
    nudged_at: int | None = None
    impact: str = ""
    room: str = ""
    room_wanted: bool = True
    room_archived_at: int | None = None
    checks: str = ""
    checks_at: int | None = None
    failing: str = ""
    suspect: Suspect = Suspect()
    verdicts: tuple[Verdict, ...] = ()

    @property
    def active(self) -> bool:
        """Whether somebody still has to do something now."""
        return self.state in {State.OPEN, State.ACKNOWLEDGED}

    @property
    def in_room(self) -> bool:
        """Whether it has a channel of its own that can be written to."""
        return bool(self.room) and self.room_archived_at is None


@dataclass(frozen=True, slots=True)
class Reference:
    """How a request names an incident: by its id, by a button's opaque id, or by the channel it was typed in.

    With none of these, the one that is not resolved is meant, where there is exactly one.
    """

    id: str = ""
    token: str = ""
    room: str = ""


PingKind = Literal["page", "repeat", "inform", "still", "stale"]
"""Why a person was told: their level, the last level again, for information, the silent owner, who follows them."""


@dataclass(frozen=True, slots=True)
class Ping:
    """One time that people were told. `level` counts from 1; `key` is the outbox key of the message in the channel."""

    number: int
    level: int
    kind: PingKind
    at: int
    people: tuple[Actor, ...]
    key: str

    @property
    def pages(self) -> bool:
        """Whether it reaches people directly; the others are only told in the channel."""
        return self.kind != "inform"


@dataclass(frozen=True, slots=True)
class Way:
    """One way of one page. `number` is the ping's; `target`: the person, or the name of a routing key at PagerDuty.

    `seen_by`: who acknowledged the alert at PagerDuty, at this service or at another one of the same page.
    """

    number: int
    way: Literal["slack", "pagerduty"]
    target: str
    outcome: Literal["waiting", "failing", "failed", "withdrawn", "given up", "sent", "seen"]
    seen_by: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an incident's timeline."""

    at: int
    person: str
    kind: str
    text: str

    @property
    def said(self) -> str:
        """`@sre mitigated it`; an update has no verb: `@sre: half of the mail goes out`."""
        return f"{called(self.person)}{':' if self.kind == 'update' else ''} {self.text}"
