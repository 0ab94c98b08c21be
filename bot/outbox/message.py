"""One message on its way, the times that bound it, and what may become of it."""

from dataclasses import dataclass
from typing import Literal, get_args

from bot.ports import Posted

CLIENT_TIMEOUT = 5_000
"""The own timeout of every route's client, ms: after it, an unanswered send has either happened or never will."""

LOOK_UP_AFTER = CLIENT_TIMEOUT + 1_000
"""How long after the mark an interrupted send is looked up, ms: see `FRESH`."""

FRESH = 1_000
"""A send starts within this time of its mark, ms, or not at all: a stalled process must not double what others send."""

LEASE = 4_000
"""How long a channel's queue stays with a sender that went silent, ms."""

LOOK_UP_PAUSE = 1_000
"""How long after a look-up that failed the next one starts, ms."""

PAGE_WAITS = 10_000
"""How long a page waits for its look-up, ms; then it goes out again, marked as a possible repeat."""


Lane = Literal["page", "rest"]
"""What goes first in a channel, and what waits for it."""

_BESIDE = {"slack": "", "pagerduty": ""}
"""Routes whose channels never have the same name, and whose leases are named as they always were."""

LANES: tuple[Lane, ...] = get_args(Lane)


@dataclass(frozen=True, slots=True)
class ChannelQueue:
    """What waits for one channel of a route in one lane.

    `edits`: messages that stand there already go beside those that do not, so that no page waits for an edit.
    """

    route: str
    channel: str
    lane: Lane
    edits: bool = False

    @property
    def lease(self) -> str:
        """Under which name a sender holds it."""
        return f"{self.lane}{' edits' if self.edits else ''}{_BESIDE.get(self.route, f' {self.route}')}"

    @property
    def limit(self) -> tuple[str, str, bool]:
        """What is limited together: new messages in a channel, or edits in it."""
        return self.route, self.channel, self.edits


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One message that goes now. `posted`: where it stands already; `root`: the message whose thread it belongs to.

    `doubtful_since`: it may stand there unknown to us, with revision `attempted`; look it up, or `repeat` it, marked.
    """

    key: str
    queue: ChannelQueue
    body: str
    revision: int
    created_at: int
    attempts: int
    posted: Posted | None
    root: Posted | None
    doubtful_since: int | None
    attempted: int | None
    repeat: bool
    fallback: str | None
    guard: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class Delivered:
    """It stands there, with the message's revision or the one that an earlier attempt had."""

    posted: Posted
    revision: int


@dataclass(frozen=True, slots=True)
class NotThere:
    """Looked up and not found: it is sent as if for the first time."""


@dataclass(frozen=True, slots=True)
class Delayed:
    """It was not sent, for sure; try again. `pause` ms as the other side asks, or None for our own back-off."""

    error: str
    pause: int | None = None


@dataclass(frozen=True, slots=True)
class Doubtful:
    """It may have been sent; look it up before sending again. `since` (wall ms): a doubt that remains from earlier."""

    error: str
    since: int | None = None
    pause: int = 0


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """It cannot go there: the channel is gone, or what it holds is refused. `for_good`: nor will it ever."""

    error: str
    for_good: bool = False


Outcome = Delivered | NotThere | Delayed | Doubtful | Undeliverable


@dataclass(frozen=True, slots=True)
class Sending:
    """Who sends, and when it is: `now` for people, `wall` for leases."""

    owner: str
    now: int
    wall: int
