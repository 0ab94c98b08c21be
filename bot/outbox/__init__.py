"""The outbox: what must be said, and how it gets there."""
