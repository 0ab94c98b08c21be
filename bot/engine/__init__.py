"""The cycle that does what is due, and the sender of the outbox."""
