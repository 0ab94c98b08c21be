"""Steward: a Slack chat-ops bot for production systems."""
