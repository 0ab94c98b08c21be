"""An operation: one request to change something, its states, and who must agree."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bot.domain.people import Actor
from bot.domain.policy import Risk
from bot.operations.plan import Plan

REASON_LIMIT = 500
"""Characters of a reason, on one line: a longer one would push out of sight what the request does."""

Decision = Literal["approve", "deny", "cancel", "confirm", "emergency"]


class State(StrEnum):
    """Where an operation stands; changed only by conditional updates."""

    DRAFT = "draft"
    PENDING = "pending"
    APPROVED = "approved"
    CLAIMED = "claimed"
    RUNNING = "running"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    VOID = "void"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.APPROVED, State.PENDING, State.CANCELLED, State.EXPIRED}),
    State.PENDING: frozenset({State.APPROVED, State.DENIED, State.EXPIRED, State.CANCELLED, State.VOID}),
    State.APPROVED: frozenset({State.CLAIMED, State.VOID, State.EXPIRED, State.CANCELLED}),
    State.CLAIMED: frozenset({State.APPROVED, State.RUNNING, State.VOID, State.EXPIRED, State.CANCELLED}),
    State.RUNNING: frozenset({State.SUCCEEDED, State.FAILED, State.UNKNOWN}),
    State.UNKNOWN: frozenset({State.SUCCEEDED, State.FAILED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.DENIED: frozenset(),
    State.EXPIRED: frozenset(),
    State.CANCELLED: frozenset(),
    State.VOID: frozenset(),
}

ENDED = frozenset(state for state, following in TRANSITIONS.items() if not following)


@dataclass(frozen=True, slots=True)
class Approver:
    """Someone who may decide, and when they are or were pinged (epoch ms)."""

    person: str
    slack: str
    at: int


@dataclass(frozen=True, slots=True)
class Operation:
    """One row. `number` 0 is a dry run: planned, shown, never stored."""

    number: int
    token: str
    action: str
    parameters: str
    system: str
    targets: tuple[str, ...]
    risk: Risk
    state: State
    requester: Actor
    on_call: bool
    reason: str
    incident: str
    severity: str
    channel: str
    plan: Plan
    fingerprint: str
    approvals_needed: int
    approver_roles: frozenset[str]
    approvers: tuple[Approver, ...]
    created_at: int
    expires_at: int | None
    approved_by: tuple[str, ...] = ()
    decided_at: int | None = None
    decided_by: str = ""
    note: str = ""
    emergency: bool = False
    reviewed_by: str = ""
    started_at: int | None = None
    finished_at: int | None = None
    verified: Literal["", "waiting", "yes", "no"] = ""
    verification: str = ""
    left_to_do: str = ""
    cause: str = ""
    undo_of: int | None = None
    undone_by: int | None = None
    undo_until: int | None = None

    @property
    def id(self) -> str:
        """`OP-88`; a dry run has none."""
        return f"OP-{self.number}" if self.number else "dry run"

    @property
    def target(self) -> str:
        """What it acts on, in words: `newsletter/app`."""
        return ", ".join(f"{self.system}/{target}" for target in self.targets)

    @property
    def locks(self) -> tuple[str, ...]:
        """The rows that it takes at the claim, in order."""
        return tuple(sorted(f"{self.system}/{target}" for target in self.targets))

    @property
    def key(self) -> str:
        """The outbox key of its message."""
        return f"operation:{self.id}"
