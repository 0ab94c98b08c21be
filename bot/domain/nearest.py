"""The name that a mistyped one most likely means: how near it must be, and how it is offered."""

import difflib
from collections.abc import Iterable

_SLIP = 0.6
"""A slip of the finger in a word: `newsleter`, `reslove`."""

_KIN = 0.3
"""Ids of one kind (`dep-41`, `dep-38`) resemble each other, so a list of them may reach further."""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that is nearest; None where none is near enough to be meant."""
    return next(iter(difflib.get_close_matches(name, list(names), n=1, cutoff=_SLIP)), None)


def nearest_few(name: str, names: Iterable[str]) -> list[str]:
    """Up to three of `names`, nearest first, for an answer that lists what there is."""
    return difflib.get_close_matches(name, list(names), n=3, cutoff=_KIN)


def did_you_mean(name: str, names: Iterable[str], otherwise: str) -> str:
    """The question that offers the nearest of `names`, or `otherwise` where none is near."""
    near = nearest(name, names)
    return f"did you mean {near}?" if near else otherwise
