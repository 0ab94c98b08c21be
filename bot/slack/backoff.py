"""How long to wait before Slack is asked again: longer after each failure, and never in step with other replicas."""

import random

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 30.0
_random = random.SystemRandom()


class Backoff:
    """Pauses that double from 1 s to 30 s, each shortened at random by up to half."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def pause(self) -> float:
        """Seconds to wait before the next attempt."""
        longest, self._next = self._next, min(self._next * 2, LONGEST_SECONDS)
        return _random.uniform(longest / 2, longest)

    def worked(self) -> None:
        """The last attempt held: the next failure begins with a short pause again."""
        self._next = FIRST_SECONDS
