"""The system that a title begins with: named exactly, or nearly, which is asked rather than guessed."""

import difflib
from collections.abc import Mapping

from bot.incidents.grammar import bare

NEAR = 0.75
_LONGEST = 4


def named(words: tuple[str, ...], systems: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """The system that the first words name, and the rest. `systems`: what a person may write, in small letters → name.

    `Target List Formatter:`, `target list`, `news letter` are names too.
    """
    for count in range(min(_LONGEST, len(words)), 0, -1):
        written = [bare(word).lower() for word in words[:count]]
        for joined in (" ".join(written), "-".join(written), "".join(written)):
            if joined in systems:
                return systems[joined], words[count:]
    return "", words


def nearly_named(words: tuple[str, ...], systems: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """The system whose name the first words nearly are, and the rest; an empty name where they are none's."""
    best, found = NEAR, ("", words)
    for count in range(1, min(_LONGEST, len(words)) + 1):
        written = "-".join(bare(word).lower() for word in words[:count])
        for known, system in systems.items():
            likeness = difflib.SequenceMatcher(None, written, known).ratio()
            if likeness > best:
                best, found = likeness, (system, words[count:])
    return found
