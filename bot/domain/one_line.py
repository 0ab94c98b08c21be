"""Text of people and systems on one line, without what nobody sees: it can forge no line of a plan or of a list."""


def one_line(text: str) -> str:
    """The text with single spaces for line ends, control characters and whatever else cannot be printed."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
