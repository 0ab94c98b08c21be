"""Texts from outside made fit to be shown: no credential in them, one line, short."""

from collections.abc import Iterable

from bot.domain.one_line import one_line
from bot.domain.redaction import STARS

_LIMIT = 200


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """One short line of `text` without what looks like a credential, and without any of `secrets`."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, STARS)
    return one_line(text, most=_LIMIT)
