"""Queues: what `/queue` shows."""
