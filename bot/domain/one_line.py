"""Text of people and systems on one line, without secrets and without what nobody sees: it forges no line of a list."""

import hashlib
import re

from bot.domain.redaction import presentable

_PLAIN_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/~-]{0,63}\Z")


def one_line(text: str, *, most: int | None = None) -> str:
    """The text with single spaces for line ends and whatever else cannot be printed; `most`: its beginning and `…`."""
    shown = presentable(" ".join(text.splitlines()))
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in shown).split())
    return line if most is None or len(line) <= most else line[: most - 1] + "…"


def shown_id(text: str) -> str:
    """An id for people: as it is where it is a plain one, otherwise what tells it from others without its words.

    Whoever adds a job chooses its id: it may hold a token, somebody's address, line ends.
    """
    if _PLAIN_ID.match(text) and presentable(text) == text:
        return text
    return f"id#{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"
