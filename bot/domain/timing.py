"""Durations and ages as people write and read them: `15m`, `1h30m`, `38 s`, `3 min`. Milliseconds inside."""

import re

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_UNITS = {"ms": 1, "s": SECOND, "m": MINUTE, "min": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_PIECE = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|min|s|m|h|d|w)")


def parse_duration(text: str) -> int:
    """`90s`, `5m`, `1h30m`, `2d` → milliseconds. Raises `ValueError` for anything else, a bare number included."""
    compact = text.strip().lower()
    total, position = 0.0, 0
    for piece in _PIECE.finditer(compact):
        if compact[position : piece.start()].strip():
            break
        total += float(piece[1]) * _UNITS[piece[2]]
        position = piece.end()
    if not compact or compact[position:].strip():
        raise ValueError(f"{text!r} is not a duration; write a number with a unit, such as 90s, 15m, 1h30m or 2d")
    return round(total)


def span(milliseconds: int) -> str:
    """A duration for people, two units at most: `38 s`, `3 min`, `2 h 5 min`, `4 d 3 h`."""
    if milliseconds < SECOND:
        return f"{milliseconds} ms"
    if milliseconds < 10 * SECOND and milliseconds % SECOND:
        return f"{milliseconds / SECOND:.1f} s"
    for unit, small, name, small_name in (
        (DAY, HOUR, "d", "h"),
        (HOUR, MINUTE, "h", "min"),
        (MINUTE, SECOND, "min", "s"),
    ):
        if milliseconds >= unit:
            rest = milliseconds % unit // small
            # Seconds stop mattering after a few minutes.
            if rest and not (small == SECOND and milliseconds >= 5 * MINUTE):
                return f"{milliseconds // unit} {name} {rest} {small_name}"
            return f"{milliseconds // unit} {name}"
    return f"{milliseconds // SECOND} s"
