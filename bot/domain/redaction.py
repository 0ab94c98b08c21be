"""Takes secrets out of text: those of known form, and those of our own configuration by value."""

import re
from collections.abc import Iterable

STARS = "•••"

_FORMS = (
    re.compile(r"xox[a-z]-[A-Za-z0-9-]+|xapp-[A-Za-z0-9-]+"),
    re.compile(r"(?i)(?<=bearer )[A-Za-z0-9._~+/=-]{6,}"),
    re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"),  # user:password of an address
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]+|\bre_[A-Za-z0-9_]{8,}|\bnfp_[A-Za-z0-9]+"),
    re.compile(r"\bFlyV1 \S+|\bsbp_[a-z0-9]+"),
    re.compile(r"(?i)(?<=password=)[^\s&\"']+|(?<=token=)[^\s&\"']+|(?<=secret=)[^\s&\"']+"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
)
# What every form above holds. Most texts hold none of it, and a log line has many texts.
_HINT = re.compile(
    r"(?i)xox|xapp|bearer |://|AKIA|ASIA|k_live_|k_test_|re_|nfp_|flyv1|sbp_|password=|token=|secret=|---"
)
_SHORTEST = 6
"""A configured value shorter than this is too common a text to be starred wherever it stands."""


class Redactor:
    """Stars secrets in text; `secrets` are values of the configuration."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        values = sorted({value for value in secrets if len(value) >= _SHORTEST}, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, values))) if values else None

    def __call__(self, text: str) -> str:
        """The text with every secret starred."""
        if self._values is not None:
            text = self._values.sub(STARS, text)
        if _HINT.search(text) is not None:
            for form in _FORMS:
                text = form.sub(STARS, text)
        return text


def secrets_of(environment: Iterable[tuple[str, str]]) -> list[str]:
    """The secret values among environment variables, by their names, and the passwords in their addresses."""
    found = []
    for name, value in environment:
        if re.search(r"TOKEN|SECRET|PASSWORD|_KEY($|_)|API_KEY|ROUTING", name) and not name.endswith("_ID"):
            found.append(value)
        match = re.search(r"://[^\s/@:]*:([^\s/@]+)@", value)
        if match:
            found.append(match[1])
    return found
