"""The shape of JSON that goes to Slack and comes from it."""

from typing import Any

Json = dict[str, Any]
