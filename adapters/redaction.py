"""Texts from outside made fit to be shown: no credential in them, one line, short."""

import re
from collections.abc import Iterable

from bot.domain.one_line import one_line
from bot.domain.redaction import STARS, Redactor

_LIMIT = 200
_KNOWN_FORMS = Redactor()
# What a vendor's error may hold beyond the known forms: fields by their names, and whatever looks like a key.
_FIELD = re.compile(
    r"(\b(?:api[_-]?key|access[_-]?key(?:[_-]?id)?|secret\w*|password|passwd|pwd|token|routing[_-]?key)"
    r"[\"']?\s*[=:]\s*[\"']?)[^\s\"',;&}]+",
    re.IGNORECASE,
)
_KEY = re.compile(r"\b(?=[\w-]*[A-Za-z])(?=[\w-]*\d)[\w-]{32,}\b")


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """One short line of `text` without any of `secrets` and without what looks like a credential."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, STARS)
    text = _KEY.sub(STARS, _FIELD.sub(rf"\1{STARS}", _KNOWN_FORMS(text)))
    line = one_line(text)
    return line if len(line) <= _LIMIT else line[: _LIMIT - 1] + "…"
