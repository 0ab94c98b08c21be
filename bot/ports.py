"""What lies outside, as narrow Protocols in our words; adapters implement them, tests bring twins.

Units: times are epoch milliseconds UTC, durations milliseconds. Every method may raise a `TargetError`:
`Unreachable` (down for us), `Unauthorized`, `BadAnswer`, `Rejected` (refused, final), and for calls that change
something `NotDone` (it never left us) and `OutcomeUnknown` (the answer was lost, it may have happened). Of a change
only `NotDone`, `Rejected` and `Unauthorized` say that nothing was done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from bot.domain.errors import Rejected, Unreachable
from bot.domain.message import Message, Modal


class Clock(Protocol):
    """Where time comes from. Tests and the local workspace move `now`; leases go by `wall`."""

    def now(self) -> int:
        """Epoch milliseconds UTC that people see."""
        ...

    def wall(self) -> int:
        """Epoch milliseconds UTC of the machine, for leases between processes."""
        ...


# Health: what a measure of an adapter returns.


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measured value. `value` in `unit` ('', '%', 'ms', 'B', 'd', 'status'); `detail` is shown as plain text."""

    value: float | None = None
    unit: str = ""
    detail: str = ""
    count: int = 1
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """A few rows for people, as a table of an adapter returns them; `more`: how many were left out, None: not known."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: int | None = 0


# Queues.


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue at one moment. `None` means that this kind of queue has no such thing; ages in milliseconds.

    `unreadable`: what in it is not as this kind of queue writes it, for people; empty where all is.
    """

    waiting: int
    active: int
    delayed: int | None
    failed: int | None
    oldest_ms: int | None
    paused: bool = False
    workers: int | None = None
    expired: int | None = None
    stuck: int | None = None
    waiting_children: int | None = None
    unreadable: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """A job of a queue: its id, a short description, when it entered the state it is in, and how often it was tried."""

    id: str
    title: str
    since: int | None = None
    reason: str = ""
    attempts: int = 0
    payload: str = ""
    score: float = 0.0


class Queue(Protocol):
    """A queue that can be looked at."""

    async def state(self, now: int) -> QueueState:
        """Counts and the oldest waiting job's age at `now`."""
        ...


@runtime_checkable
class RetriableQueue(Protocol):
    """A queue whose failed jobs can be retried one by one."""

    async def failed(self, limit: int) -> Sequence[Job]:
        """The failed jobs, newest first."""
        ...

    async def still_failed(self, ids: Sequence[str]) -> Sequence[Job]:
        """Those of these jobs that are failed now, in this order."""
        ...

    async def retry(self, job_id: str) -> bool:
        """Retry one failed job by the library's own script. False: it is no longer failed (or gone), nothing was done.

        Raises `Rejected` with the reason where a retry would lose the job (a paused queue of an older generation).
        """
        ...

    async def refusal(self) -> str | None:
        """Why jobs would be lost if retried now; None when a retry is safe."""
        ...


@runtime_checkable
class ClearableQueue(Protocol):
    """A queue whose stuck entries can be removed and put back exactly.

    `stuck_after`, `expire_after`: from when on, ms, an entry in processing is stuck and a waiting one has expired.
    """

    @property
    def stuck_after(self) -> int: ...

    @property
    def expire_after(self) -> int: ...

    async def stuck(self, now: int, older_than: int) -> Sequence[Job]:
        """Entries in processing for longer than `older_than` ms, oldest first, with score and payload."""
        ...

    async def remove(self, jobs: Sequence[Job]) -> Sequence[str]:
        """Remove exactly these entries where their score is unchanged; returns the ids removed."""
        ...

    async def put_back(self, jobs: Sequence[Job]) -> Sequence[str]:
        """Put removed entries back with their score where they are absent; returns the ids put back."""
        ...

    async def expired(self, now: int, older_than: int) -> Sequence[Job]:
        """Waiting entries older than `older_than` ms, oldest first."""
        ...

    async def discard(self, jobs: Sequence[Job]) -> Sequence[str]:
        """Remove exactly these waiting entries where their score is unchanged; returns the ids removed."""
        ...


# Releases.


@dataclass(frozen=True, slots=True)
class Release:
    """A release of a component: `id` as the provider names it, `title` for people, `created` epoch ms.

    `running` is false where it is the current one and yet nothing of it runs; `note` says so. `left_to_do`: what keeps
    the current one from staying so, in words; empty where nothing does.
    """

    id: str
    title: str
    created: int | None = None
    current: bool = False
    note: str = ""
    running: bool = True
    left_to_do: str = ""

    @property
    def label(self) -> str:
        """For people: its id, which may be typed, and its title where that says more."""
        return self.id if self.title in ("", self.id) else f"{self.id} {self.title}"


@dataclass(frozen=True, slots=True)
class Call:
    """One exact call that a step will make, for the plan: no secret in it."""

    text: str


class Deployments(Protocol):
    """A component's releases and the way back to one of them.

    `patience`: the longest time, ms, from the call of `roll_back` until nothing of it is under way any more, also at
    the provider and also where its answer is lost. The call itself ends within half of it.
    """

    @property
    def patience(self) -> int: ...

    async def releases(self) -> Sequence[Release]:
        """Releases that can be run, newest first, one of them `current`."""
        ...

    def calls(self, target: Release) -> Sequence[Call]:
        """The exact calls that `roll_back` makes, for the plan."""
        ...

    async def roll_back(self, target: Release) -> None:
        """Make the target current. Idempotent: repeating it for the current release changes nothing."""
        ...

    def not_reverted(self) -> Sequence[str]:
        """What a rollback leaves as it is: migrations, environment variables."""
        ...


@runtime_checkable
class PublishingLock(Protocol):
    """Keeps later pushes from replacing the current release; `roll_back` locks it already where all goes well."""

    async def lock(self, release: Release) -> None:
        """Lock publishing to this release. Idempotent."""
        ...

    def lock_calls(self, release: Release) -> Sequence[Call]:
        """The exact calls that `lock` makes, for the plan."""
        ...


# Services that can be restarted.


@dataclass(frozen=True, slots=True)
class ServiceUnit:
    """One running instance.

    `started` (epoch ms) tells a restarted one apart; `state` is running, exited, unhealthy and the like.
    """

    id: str
    service: str
    state: str
    started: int | None = None
    image: str = ""


class Restartable(Protocol):
    """Services that can be listed and restarted by unit. `patience` is that of `restart`, as in `Deployments`."""

    @property
    def patience(self) -> int: ...

    async def units(self, service: str | None = None) -> Sequence[ServiceUnit]:
        """The units of one service, or of all."""
        ...

    async def restart(self, unit: ServiceUnit) -> None:
        """Restart one unit."""
        ...

    def calls(self, units: Sequence[ServiceUnit]) -> Sequence[Call]:
        """The exact calls, for the plan."""
        ...


# Pager.


@dataclass(frozen=True, slots=True)
class Page:
    """One event for the pager. `key` is the deduplication key, which makes every event harmless to repeat.

    `route`: whose routing key it takes; empty: the service's own.
    """

    event: str  # trigger | acknowledge | resolve
    key: str
    summary: str
    severity: str = "critical"
    component: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    route: str = ""


class Pager(Protocol):
    """The second way to reach the on-call: PagerDuty."""

    async def send(self, page: Page) -> None:
        """Hand over one event; returns once it is accepted."""
        ...

    async def answers(self) -> None:
        """Return where it answers at all; nobody is paged."""
        ...


# Slack, as the engine and the services see it.


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a message stands."""

    channel: str
    ts: str


class Chat(Protocol):
    """Messages that must arrive.

    Errors: `ChannelGone` (archived, not a member), `RateLimited`, `Unreachable`, `OutcomeUnknown`.
    """

    async def post(self, channel: str, message: Message, *, thread: str | None, key: str) -> Posted:
        """Post once; `key` travels in the message's metadata."""
        ...

    async def update(self, posted: Posted, message: Message, *, key: str) -> None:
        """Replace a message that was posted."""
        ...

    async def find(self, channel: str, *, thread: str | None, key: str, since: int) -> Posted | None:
        """Look a message up by its key in history and thread, from `since` (epoch ms)."""
        ...


class Rooms(Protocol):
    """The channels of incidents.

    Errors: `RateLimited`, `ChannelGone`, and a `TargetError`: `Unauthorized` (a missing scope, too), `Rejected`,
    `Unreachable`, `OutcomeUnknown`.
    """

    async def create_channel(self, name: str, *, since: int) -> str:
        """Create a public channel and return its id; a name that somebody else has taken gets a suffix.

        A name that is taken by a channel that the bot itself created since `since` (epoch ms) is that channel: the
        answer to an earlier call was lost.
        """
        ...

    async def set_topic(self, channel: str, topic: str) -> None:
        """Set what stands on top of it."""
        ...

    async def invite(self, channel: str, slack_id: str) -> None:
        """Invite a person; who is there already stays."""
        ...

    async def archive(self, channel: str) -> None:
        """Close it; nobody can write there any more. Closing it again is success."""
        ...


class DirectChannels(Protocol):
    """The channels of direct messages."""

    async def direct_channel(self, slack_id: str) -> str:
        """The channel of direct messages with one person. Raises `PersonGone` where nobody can reach that account."""
        ...


class Groups(Protocol):
    """User groups of the workspace: the source of roles."""

    async def members(self, group: str) -> frozenset[str]:
        """Slack ids of the group's members, read now. Raises `TargetError` where it cannot be read."""
        ...


class Answers(Protocol):
    """Replies to the person who typed or clicked; best effort, never the only record."""

    async def show(self, message: Message) -> None:
        """Show or replace the reply that only this person sees."""
        ...

    async def open(self, modal: Modal) -> None:
        """Open a form; the trigger lives 3 s."""
        ...


class ChannelGone(Exception):
    """The channel is archived, deleted, or the bot is no member: the message must take another way."""


class RateLimited(Unreachable):
    """Slack asks to wait with one method; `retry_after` in milliseconds."""

    def __init__(self, retry_after: int, what: str = "") -> None:
        super().__init__(f"Slack asks to wait {-(-retry_after // 1000)} s" + (f" ({what})." if what else "."))
        self.retry_after = retry_after


class PersonGone(Rejected):
    """The person's account is disabled or unknown: no message will ever reach it."""


@dataclass(frozen=True, slots=True)
class PagerEvent:
    """One event there. `key` is the deduplication key, as we sent it or somebody else's.

    `user`: the id of the user who did it. Empty where no person did: an integration, such as our own events, or a rule.
    `occurred_at`: epoch ms; None where it does not say.
    """

    id: str
    kind: Literal["acknowledged", "resolved", "other"]
    key: str
    user: str
    occurred_at: int | None = None

    @property
    def once(self) -> str:
        """By what a repetition of it is recognised."""
        return f"{self.key}:{self.id}"
