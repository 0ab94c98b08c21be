"""Cleans what people type and systems send before anything reads it: typographic quotes, invisible characters."""

from bot.domain.invisible import without_unseen

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


def typed(text: str) -> str:
    """What a person meant to type: clients turn quotes and spaces into typographic ones."""
    return without_unseen(text if text.isascii() else text.translate(_STRAIGHT)).strip()
