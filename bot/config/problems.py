"""Problems of one file, collected with their places: unknown names, wrong units, connections of another kind."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from bot.config.models import CheckModel, LimitsModel
from bot.config.source import Place, Problem, Source
from bot.domain.nearest import did_you_mean
from bot.domain.quantity import in_base_unit
from bot.domain.reading import Threshold, Thresholds


class Call(Protocol):
    """What a check or a table may call, as an adapter declares it."""

    @property
    def args(self) -> Mapping[str, Any]:
        """The arguments that it takes, with the type of each."""
        ...

    @property
    def needed(self) -> frozenset[str]:
        """The arguments that have no default."""
        ...

    def wrong(self, name: str, value: object) -> str:
        """What is wrong with an argument's value; empty where nothing is."""
        ...


class Measure(Call, Protocol):
    """One value, for a check."""

    @property
    def unit(self) -> str | None:
        """Of the value; empty for a count, None where no threshold fits."""
        ...


class Findings:
    """Collects problems of one file."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.problems: list[Problem] = []

    def add(self, place: Place, text: str) -> None:
        """A problem at a place."""
        self.problems.append(self._source.problem(place, text))

    def by_environment(self, place: Place) -> bool:
        """Whether the value at a place comes from the environment, and may be missing where that is not read."""
        return any(place[:length] in self._source.secret for length in range(len(place) + 1))

    def known(self, place: Place, kind: str, name: str, valid: Collection[str]) -> None:
        """A problem where a name is none of the valid ones."""
        if name not in valid and self.by_environment(place):
            self.add(place, f"what the environment says here is no {kind}; known: {', '.join(valid) or 'none'}")
        elif name not in valid:
            self.add(place, f"there is no {kind} {name}; {known_names(name, valid)}")

    def unit(self, place: Place, check: CheckModel | LimitsModel, unit: str | None) -> None:
        """A problem where a threshold cannot be compared with what is measured; None: with nothing."""
        for key in ("warning", "critical"):
            try:
                limit = Threshold.parse(getattr(check, key)).limit if getattr(check, key) else None
            except ValueError:  # Told by `thresholds`.
                continue
            if limit is None:
                continue
            if unit is None:
                self.add((*place, key), "this check judges itself, so a threshold means nothing; take it away")
            elif limit.unit != (base := in_base_unit(0, unit).unit):
                given, wanted = (each or "a plain number" for each in (limit.unit, base))
                self.add((*place, key), f"the threshold is in {given}, but it is measured in {wanted}; correct it")

    def thresholds(self, place: Place, warning: str, critical: str) -> None:
        """A problem where limits cannot be read or have different units."""
        try:
            parsed = Thresholds.parse(warning=warning, critical=critical)
        except ValueError as error:
            self.add(place, str(error))
            return
        if parsed.warning is None or parsed.critical is None:
            return
        if parsed.warning.limit.unit != parsed.critical.limit.unit:
            self.add(place, "warning and critical have different units; use the same")
        elif parsed.critical.crossed(parsed.warning.limit.value):
            self.add(place, f"warning {parsed.warning} is never told before critical {parsed.critical}; swap them")

    def connection(self, place: Place, name: str, allowed: set[str], kinds: Mapping[str, str]) -> None:
        """A problem where a name is no connection, or one of another kind; an empty kind has told its own."""
        valid = [each for each, kind in kinds.items() if not allowed or not kind or kind in allowed]
        if name in valid:
            return
        if name in kinds:  # The name of a connection is no secret.
            wanted = " or ".join(sorted(allowed))
            self.add(place, f"{name} is a {kinds[name]} connection; this needs one of kind {wanted}")
        else:
            self.known(place, "connection", name, valid)


def known_names(name: str, valid: Collection[str], before: str = "known: ") -> str:
    """`did you mean redis?`, or what is known."""
    return did_you_mean(name, valid, before + (", ".join(valid) or "none"))
