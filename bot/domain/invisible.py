"""Characters that nobody sees: they break databases and terminals, or make a text read as another one."""

import re

# Control characters break databases and terminals, lone surrogates cannot be encoded, and bidirectional overrides
# make a text read as another one: none of them is ever meant.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)
# Every format character of Unicode, and whatever else takes no place. Some are meant: they join emoji and Persian.
_ZERO_WIDTH = re.compile(
    "[\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def without_zero_width(text: str) -> str:
    """The text without characters of no width, also those that are meant: to look for something in it."""
    return _ZERO_WIDTH.sub("", text)


def without_unseen(text: str) -> str:
    """The text without characters that nobody sees; line ends and tabs stay."""
    return text if text.isascii() and text.isprintable() else _UNSEEN.sub("", text)
