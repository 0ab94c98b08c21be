"""Lines of the log that a stranger causes: one a minute per reason, with how often it happened since the last one."""

import time
from collections import Counter
from collections.abc import Callable

import structlog

_REPEAT_SECONDS = 60.0
_log = structlog.get_logger(__name__)


class Seldom:
    """One event of the log. Reasons are few and ours; nothing of a request is one."""

    def __init__(self, event: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._event = event
        self._monotonic = monotonic
        self._untold: Counter[str] = Counter()
        self._told_at: dict[str, float] = {}

    def tell(self, reason: str, **more: object) -> None:
        """It happened once more."""
        self._untold[reason] += 1
        now = self._monotonic()
        if reason not in self._told_at or now - self._told_at[reason] >= _REPEAT_SECONDS:
            _log.warning(self._event, reason=reason, times=self._untold.pop(reason), **more)
            self._told_at[reason] = now
