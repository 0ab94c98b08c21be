"""Measures what the first release promises, side by side with a bare Bolt app: `make bench`."""
