"""Characters that nobody sees: they break databases and terminals, or make a text read as another one."""

import re

# Control characters break databases and terminals, lone surrogates cannot be encoded, and bidirectional overrides
# make a text read as another one: none of them is ever meant.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)


def without_unseen(text: str) -> str:
    """The text without characters that nobody sees; line ends and tabs stay."""
    return text if text.isascii() and text.isprintable() else _UNSEEN.sub("", text)
