"""The server is tested with Slack behind it, as it serves."""

from tests.slack.conftest import memory_ledger, world

__all__ = ["memory_ledger", "world"]
