"""What a vendor stand-in was asked, as tests and people read it: secrets taken out."""

import json
from collections import deque
from collections.abc import Mapping

from aiohttp import web

from bot.ports import Clock

_SECRET_WORDS = ("key", "token", "secret", "password")
_KEPT_WORDS = frozenset({"dedup_key"})
_KEPT_CALLS = 1000


class CallLog:
    """The last thousand calls."""

    def __init__(self, clock: Clock) -> None:
        """Keep calls with the clock's time."""
        self._clock = clock
        self._calls: deque[dict[str, object]] = deque(maxlen=_KEPT_CALLS)

    async def note(self, request: web.Request) -> None:
        """Keep one call; headers, where tokens travel, are left out."""
        self._calls.append(
            {
                "at": self._clock.now(),
                "method": request.method,
                "path": request.path,
                "query": dict(request.query),
                "body": _readable(await request.read()),
            },
        )

    def entries(self) -> list[dict[str, object]]:
        """The calls, oldest first."""
        return list(self._calls)


def _readable(body: bytes) -> object:
    if not body:
        return None
    try:
        return redacted(json.loads(body))
    except ValueError:
        return f"({len(body)} bytes)"


def redacted(value: object) -> object:
    """The same JSON with the values of secret keys replaced."""
    if isinstance(value, Mapping):
        return {key: "(secret)" if _secret(key) else redacted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [redacted(each) for each in value]
    return value


def _secret(key: str) -> bool:
    return key not in _KEPT_WORDS and any(word in key.lower() for word in _SECRET_WORDS)
