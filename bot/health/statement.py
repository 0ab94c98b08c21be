"""What a system's checks say, in one line for pages and headers: the failing ones by name, worst first."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.reading import Reading, Status
from bot.health.messages import tally, worst_first

NAMED = 5
"""How many failing checks are named; the others are counted."""

_SAID = 60


@dataclass(frozen=True, slots=True)
class Statement:
    """`text` is shown with its time `at` (epoch ms); `failing` changes where another check fails, or fails worse."""

    text: str
    failing: str
    critical: tuple[str, ...]
    at: int


def statement(readings: Sequence[Reading], at: int, *, pending: Sequence[str] = ()) -> Statement:
    """The statement of these readings; `pending`: the titles of checks that have not answered."""
    ordered = worst_first(readings)
    failing = [reading for reading in ordered if reading.status is not Status.HEALTHY]
    told = [f"{reading.status.sign} {_said(reading)}" for reading in failing[:NAMED]]
    if len(failing) > NAMED:
        told.append(f"{len(failing) - NAMED} more")
    healthy = [reading for reading in ordered if reading.status is Status.HEALTHY]
    if healthy:
        told.append(f"{Status.HEALTHY.sign} {tally(healthy)}")
    if pending:
        told.append(f"⏳ no answer yet: {', '.join(pending)}")
    key = "\n".join(sorted(f"{reading.status}:{reading.check}" for reading in failing))
    critical = tuple(_said(reading) for reading in failing if reading.status is Status.CRITICAL)
    return Statement(", ".join(told), key, critical, at)


def _said(reading: Reading) -> str:
    """`app 503`: its name, and its value or what is wrong with it."""
    said = reading.said
    short = said if len(said) <= _SAID else said[: _SAID - 1] + "…"
    return f"{reading.title} {short}".rstrip()
