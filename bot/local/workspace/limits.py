"""Rate limits, on real time: one message a second and channel with a burst of five; calls a minute by tier."""

import math
import time
from collections import deque
from collections.abc import Callable

# Slack promises at least so many a minute and tolerates bursts. https://docs.slack.dev/apis/web-api/rate-limits
CALLS_PER_MINUTE = {1: 10, 2: 20, 3: 50, 4: 100}
POSTS_PER_SECOND, POST_BURST = 1.0, 5.0


class Limits:
    """Says how many seconds a call has to wait; 0 lets it pass and counts it."""

    def __init__(self, *, enabled: bool = True, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.enabled = enabled
        self._monotonic = monotonic
        self._calls: dict[str, deque[float]] = {}
        self._posts: dict[str, tuple[float, float]] = {}

    def call(self, method: str, tier: int) -> int:
        """Count one call of a method; tier 0 has no limit of its own."""
        if not self.enabled or tier not in CALLS_PER_MINUTE:
            return 0
        now = self._monotonic()
        calls = self._calls.setdefault(method, deque())
        while calls and now - calls[0] >= 60:
            calls.popleft()
        if len(calls) >= CALLS_PER_MINUTE[tier]:
            return math.ceil(60 - (now - calls[0])) or 1
        calls.append(now)
        return 0

    def post(self, channel: str) -> int:
        """Count one message to a channel."""
        if not self.enabled:
            return 0
        now = self._monotonic()
        left, at = self._posts.get(channel, (POST_BURST, now))
        left = min(POST_BURST, left + (now - at) * POSTS_PER_SECOND)
        if left < 1:
            self._posts[channel] = (left, now)
            return math.ceil((1 - left) / POSTS_PER_SECOND)
        self._posts[channel] = (left - 1, now)
        return 0
