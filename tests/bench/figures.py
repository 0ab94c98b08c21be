"""A measured figure and its bar, as one line of the output."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal


@dataclass(frozen=True, slots=True)
class Bar:
    """What must be reached: `at least` or `at most` this much."""

    kind: Literal["≥", "≤"]
    value: float

    def reached(self, measured: float) -> bool:
        """Whether the measured median is good enough."""
        return measured >= self.value if self.kind == "≥" else measured <= self.value


@dataclass(frozen=True, slots=True)
class Figure:
    """One sample per round. Without a bar it is only printed."""

    name: str
    samples: Sequence[float]
    unit: str
    bar: Bar | None = None
    note: str = ""

    @property
    def reached(self) -> bool:
        """Whether its bar is reached, by the median of the rounds; true without a bar."""
        return self.bar is None or self.bar.reached(median(self.samples))

    def __str__(self) -> str:
        """Name, median, spread, bar, verdict."""
        shown = f"{_number(median(self.samples))} {self.unit}".rstrip()
        spread = f"{_number(min(self.samples))}..{_number(max(self.samples))}"
        verdict = "printed"
        if self.bar is not None:
            limit = f"{self.bar.kind} {_number(self.bar.value)} {self.unit}".rstrip()
            verdict = f"{limit}: {'reached' if self.reached else 'NOT REACHED'}"
        note = f" ({self.note})" if self.note else ""
        return f"{self.name:<66} {shown:>11}  [{spread}]  {verdict}{note}"


def at_least(value: float) -> Bar:
    """The more the better."""
    return Bar("≥", value)


def at_most(value: float) -> Bar:
    """The less the better."""
    return Bar("≤", value)


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
