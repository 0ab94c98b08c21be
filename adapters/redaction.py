"""Texts from outside made fit to be shown: no credential in them, one line, short."""

import re
from collections.abc import Iterable

_LIMIT = 200
_PLACEHOLDER = "[redacted]"
_CREDENTIALS = (
    re.compile(r"(?<=://)[^\s/@]+@"),  # user:password@ of an address
    re.compile(r"\b(?:Bearer|Basic|Token)\s+[\w.~+/=-]{6,}", re.IGNORECASE),
    re.compile(
        r"(?P<key>\b(?:api[_-]?key|access[_-]?key(?:[_-]?id)?|secret\w*|password|passwd|pwd|token|routing[_-]?key)"
        r"[\"']?\s*[=:]\s*[\"']?)[^\s\"',;&}]+",
        re.IGNORECASE,
    ),
    # Tokens by the vendors' own prefixes, and anything long that mixes letters and digits as only keys do.
    re.compile(r"\b(?:xox[a-z]|xapp|nfp|nfc|re|sk|rk|pk|ghp|gho|sbp|AKIA|ASIA)[-_]?[A-Za-z0-9_-]{12,}"),
    re.compile(r"\b(?=[\w-]*[A-Za-z])(?=[\w-]*\d)[\w-]{32,}\b"),
)


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """One short line of `text` without any of `secrets` and without what looks like a credential."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, _PLACEHOLDER)
    for pattern in _CREDENTIALS:
        text = pattern.sub(_hide, text)
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= _LIMIT else line[: _LIMIT - 1] + "…"


def _hide(match: re.Match[str]) -> str:
    kept = match.groupdict().get("key") or ""
    return f"{kept}{_PLACEHOLDER}" + ("@" if match[0].endswith("@") else "")
