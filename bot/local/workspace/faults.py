"""Faults on demand: the next calls of a method are refused, garbled, lost before or lost after the work."""

from collections import deque
from dataclasses import dataclass

from bot.local.workspace.values import Json, Misuse

KINDS = ("429", "500", "html", "timeout", "drop", "revoked")
ANY_METHOD = "*"


@dataclass(slots=True)
class Fault:
    """`method` is a Web API method, `response_url`, or `*`; it strikes `times` times."""

    method: str
    kind: str
    times: int
    retry_after: int

    def shown(self) -> Json:
        """As `GET /local/faults` tells it."""
        return {"method": self.method, "kind": self.kind, "times": self.times, "retry_after": self.retry_after}


class Faults:
    """The faults that wait for their calls, first come first."""

    def __init__(self) -> None:
        self._waiting: deque[Fault] = deque()

    def add(self, body: Json, methods: frozenset[str]) -> None:
        """Take a fault as `POST /local/faults` describes it; `Misuse` where it makes no sense."""
        method, kind = str(body.get("method", ANY_METHOD)), str(body.get("kind", ""))
        if method not in methods | {ANY_METHOD, "response_url"}:
            raise Misuse(f"There is no method {method}; name one of the Web API, `response_url`, or `*`.")
        if kind not in KINDS:
            raise Misuse(f"There is no fault {kind!r}; choose one of {', '.join(KINDS)}.")
        times, retry_after = body.get("times", 1), body.get("retry_after", 1)
        for name, number in (("times", times), ("retry_after", retry_after)):
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise Misuse(f"`{name}` must be a whole number from 1.")
        self._waiting.append(Fault(method, kind, times, retry_after))

    def take(self, method: str) -> Fault | None:
        """The fault that strikes this call, counted down."""
        for fault in self._waiting:
            if fault.method in {method, ANY_METHOD}:
                fault.times -= 1
                if fault.times == 0:
                    self._waiting.remove(fault)
                return fault
        return None

    def clear(self) -> None:
        """Forget all faults."""
        self._waiting.clear()

    def shown(self) -> list[Json]:
        """Those that still wait."""
        return [fault.shown() for fault in self._waiting]
