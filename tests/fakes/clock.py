"""`Clock` that stands still until a test moves it."""

START = 1_777_777_200_000
"""A Sunday, 2026-05-03 03:00:00 UTC: the middle of an on-call night."""


class FakeClock:
    """People's time and the machine's time; `advance` moves both, `shift` only people's (as the demo's clock does)."""

    def __init__(self, now: int = START) -> None:
        self._now = now
        self._wall = now

    def now(self) -> int:
        return self._now

    def wall(self) -> int:
        return self._wall

    def advance(self, milliseconds: int) -> None:
        """Let time pass for everybody."""
        self._now += milliseconds
        self._wall += milliseconds

    def shift(self, milliseconds: int) -> None:
        """Move the time that people see; leases stay as they are."""
        self._now += milliseconds
