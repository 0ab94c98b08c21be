"""Cleans what people type and systems send before anything reads it: typographic quotes, invisible characters."""

import re

_STRAIGHT = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201a": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u201e": '"',
        "\u00ab": '"',
        "\u00bb": '"',
        "\u00a0": " ",
        "\u2007": " ",
        "\u202f": " ",
    }
)
# Control characters break databases and terminals, lone surrogates cannot be encoded, and bidirectional overrides
# make a text read as another one: none of them is ever meant.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)


def without_unseen(text: str) -> str:
    """The text without characters that nobody sees."""
    return text if text.isascii() and text.isprintable() else _UNSEEN.sub("", text)


def typed(text: str) -> str:
    """What a person meant to type: clients turn quotes and spaces into typographic ones."""
    return without_unseen(text if text.isascii() else text.translate(_STRAIGHT)).strip()
