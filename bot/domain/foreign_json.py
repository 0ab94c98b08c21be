"""JSON that others wrote: whatever cannot be read of it is nothing, however deep it is nested."""

import json
from typing import Any


def parsed(text: str | bytes) -> Any:  # noqa: ANN401 - whatever it holds
    """The value of a JSON text; None where it is no JSON, or nested too deep to be read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
