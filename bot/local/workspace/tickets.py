"""What an interaction hands the app for a while: trigger ids (3 s, once) and response addresses (30 min, 5 posts)."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.local.workspace.values import Refusal
from bot.ports import Clock

TRIGGER_LIFE_S = 3.0
RESPONSE_LIFE_MS = 30 * 60 * 1000
RESPONSE_POSTS = 5


@dataclass(frozen=True, slots=True)
class Trigger:
    """A person's action that lets the app open a view: who, in which view, when."""

    user: str
    view_id: str | None
    born: float


@dataclass(slots=True)
class ResponseAddress:
    """Where the app may answer one interaction. `source_ts` is the message that was clicked; a command has none."""

    channel: str
    user: str
    source_ts: str | None
    ephemeral: bool
    thread_ts: str | None
    born: int
    left: int = RESPONSE_POSTS


class Tickets:
    """Trigger ids run on real time, as limits do; response addresses on the workspace's clock."""

    def __init__(self, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._triggers: dict[str, Trigger] = {}
        self._exchanged: set[str] = set()
        self._responses: dict[str, ResponseAddress] = {}
        self._links: set[str] = set()

    def trigger(self, user: str, view_id: str | None = None) -> str:
        """A new trigger id."""
        trigger_id = f"{secrets.randbelow(10**13):013d}.{secrets.randbelow(10**12):012d}.{secrets.token_hex(16)}"
        self._triggers[trigger_id] = Trigger(user, view_id, self._monotonic())
        return trigger_id

    def exchange(self, trigger_id: str) -> Trigger:
        """Use a trigger id up. `exchanged_trigger_id`, `expired_trigger_id`, or `invalid_trigger_id`."""
        if trigger_id in self._exchanged:
            raise Refusal("exchanged_trigger_id")
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            raise Refusal("invalid_trigger_id")
        if self._monotonic() - trigger.born > TRIGGER_LIFE_S:
            raise Refusal("expired_trigger_id")
        del self._triggers[trigger_id]
        self._exchanged.add(trigger_id)
        return trigger

    def link(self) -> str:
        """A ticket for one Socket Mode connection."""
        ticket = secrets.token_urlsafe(18)
        self._links.add(ticket)
        return ticket

    def take_link(self, ticket: str) -> bool:
        """Use a connection's ticket up; False where there is none such."""
        known = ticket in self._links
        self._links.discard(ticket)
        return known

    def response(
        self,
        channel: str,
        user: str,
        *,
        source_ts: str | None = None,
        ephemeral: bool = False,
        thread_ts: str | None = None,
    ) -> str:
        """A new response address's secret path."""
        path = f"{secrets.randbelow(10**13):013d}/{secrets.token_urlsafe(18)}"
        self._responses[path] = ResponseAddress(channel, user, source_ts, ephemeral, thread_ts, self._clock.now())
        return path

    def take_response(self, path: str) -> ResponseAddress:
        """Count one post to a response address: `expired_url` after 30 min, `used_url` after 5 posts."""
        address = self._responses.get(path)
        if address is None or self._clock.now() - address.born > RESPONSE_LIFE_MS:
            raise Refusal("expired_url")
        if address.left <= 0:
            raise Refusal("used_url")
        address.left -= 1
        return address
