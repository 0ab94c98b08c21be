"""What a check found: healthy, warning, critical, or unknown when the trouble is our own."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bot.domain.errors import BotError, TargetError, Unreachable
from bot.domain.quantity import Quantity, parse_quantity, shown


class Status(StrEnum):
    """Worst first in a message: critical, warning, unknown, healthy."""

    CRITICAL = "critical"
    WARNING = "warning"
    UNKNOWN = "unknown"
    HEALTHY = "healthy"

    @property
    def rank(self) -> int:
        """0 for critical, 3 for healthy."""
        return list(Status).index(self)

    @property
    def sign(self) -> str:
        """The coloured circle in front of a line."""
        return {"critical": "🔴", "warning": "🟡", "unknown": "⚪", "healthy": "🟢"}[self.value]


def blame(error: BotError) -> Status:
    """A target that is down is critical; what we may not do or cannot read is unknown."""
    return Status.CRITICAL if isinstance(error, Unreachable) or not isinstance(error, TargetError) else Status.UNKNOWN


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit such as `> 80 %`, in the base unit of its quantity."""

    operator: Literal[">", "<", ">=", "<="]
    limit: Quantity

    @classmethod
    def parse(cls, text: str) -> "Threshold":
        """`"> 80 %"` → a threshold. Raises `ValueError` where there is no comparison or no number."""
        stripped = text.strip()
        for operator in (">=", "<=", ">", "<"):
            if stripped.startswith(operator):
                return cls(operator, parse_quantity(stripped[len(operator) :]))
        raise ValueError(f"{text!r} is not a threshold; write a comparison such as > 80 % or < 500 ms")

    def crossed(self, value: float) -> bool:
        """Whether a value in the same unit lies on the bad side."""
        limit = self.limit.value
        return {">": value > limit, "<": value < limit, ">=": value >= limit, "<=": value <= limit}[self.operator]

    def __str__(self) -> str:
        """As a person reads it: `> 80 %`."""
        return f"{self.operator} {shown(self.limit.value, self.limit.unit)}"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The limits of one check; both absent means that the check itself says whether it is well."""

    warning: Threshold | None = None
    critical: Threshold | None = None

    @classmethod
    def parse(cls, *, warning: str = "", critical: str = "") -> "Thresholds":
        """Both limits from text; an empty text is no limit."""
        return cls(Threshold.parse(warning) if warning else None, Threshold.parse(critical) if critical else None)

    def unit_other_than(self, unit: str) -> str:
        """The unit of a limit that cannot be compared with values in `unit`; empty where all can."""
        units = {limit.limit.unit for limit in (self.warning, self.critical) if limit is not None}
        return ", ".join(sorted(each or "a plain number" for each in units if each != unit))

    def judge(self, value: float) -> tuple[Status, Threshold | None]:
        """The status of a value and the threshold that made it so."""
        if self.critical is not None and self.critical.crossed(value):
            return Status.CRITICAL, self.critical
        if self.warning is not None and self.warning.crossed(value):
            return Status.WARNING, self.warning
        return Status.HEALTHY, None


@dataclass(frozen=True, slots=True)
class Reading:
    """One check's result.

    `value` is text for people, `number` its base unit for trends (`trend`: ↑ ↓ or nothing); `since`
    and `at`, when it was read, in epoch ms. `lost`: the connection that did not answer, if one did not.
    """

    check: str
    title: str
    status: Status
    value: str = ""
    number: float | None = None
    threshold: str = ""
    reason: str = ""
    since: int | None = None
    count: int = 1
    trend: str = ""
    at: int | None = None
    lost: str = ""

    @property
    def reason_told(self) -> str:
        """The reason; a subject that the title names is not said twice: `redis  refuses connections`."""
        start = f"{self.title} "
        return self.reason[len(start) :] if self.reason.casefold().startswith(start.casefold()) else self.reason

    @property
    def said(self) -> str:
        """What it says in a few words: what makes it as bad as it is, or the value where nothing is wrong."""
        value = self.value.strip()
        # A queue that has a few too many waiting and a thousand failed is told by those that failed.
        milder = self.threshold.startswith(tuple(status for status in Status if status is not self.status))
        crossed = value if self.threshold and not (milder and self.reason) else ""
        return ", ".join(text for text in (crossed, self.reason_told) if text) or value
