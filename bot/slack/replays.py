"""Remembers the last requests that only read, so that a repeated delivery is not answered twice."""

from collections import OrderedDict


class Replays:
    """A bounded set of keys in order of arrival; what changes something is guarded by the inbox instead."""

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._keys: OrderedDict[str, None] = OrderedDict()

    def first(self, key: str) -> bool:
        """Whether this key arrives for the first time."""
        if key in self._keys:
            return False
        self._keys[key] = None
        if len(self._keys) > self._size:
            self._keys.popitem(last=False)
        return True
