"""The lab: simulated production systems made of real servers, for the demo, for tests and for developing adapters."""

from bot.local.lab.lab import Lab

__all__ = ["Lab"]
