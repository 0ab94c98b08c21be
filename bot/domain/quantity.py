"""Numbers with units as systems and people write them: `1.8min`, `2.1%`, `1536 MB`, `84 %` → a value in a base unit."""

import re
from dataclasses import dataclass

_SCALES = {
    "ms": ("ms", 1.0),
    "s": ("ms", 1_000.0),
    "sec": ("ms", 1_000.0),
    "m": ("ms", 60_000.0),
    "min": ("ms", 60_000.0),
    "h": ("ms", 3_600_000.0),
    "d": ("ms", 86_400_000.0),
    "%": ("%", 1.0),
    "b": ("B", 1.0),
    "kb": ("B", 1e3),
    "mb": ("B", 1e6),
    "gb": ("B", 1e9),
    "kib": ("B", 1024.0),
    "mib": ("B", 1024.0**2),
    "gib": ("B", 1024.0**3),
    "": ("", 1.0),
}
# One way to write numbers, the one in which they are shown: a point before decimals, commas between thousands.
_FORM = re.compile(r"\s*(-?(?:\d{1,3}(?:,\d{3})+|\d{1,15})(?:\.\d{1,15})?)\s*([a-zA-Z%]*)\s*\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value in its base unit: `ms` for times, `B` for sizes, `%`, or nothing for counts."""

    value: float
    unit: str = ""

    def __str__(self) -> str:
        """For people: `1,240`, `84 %`, `1.5 GB`, `3.2 s`."""
        return shown(self.value, self.unit)


def parse_quantity(text: str) -> Quantity:
    """`"1.8min"` → 108000 ms. Raises `ValueError` naming the text where it is no number with a known unit."""
    match = _FORM.match(text)
    if match is None or match[2].lower() not in _SCALES:
        raise ValueError(f"{text.strip()!r} is not a number with a unit such as 80 %, 500 ms, 1.8min, 1,240 or 1536 MB")
    unit, scale = _SCALES[match[2].lower()]
    return Quantity(float(match[1].replace(",", "")) * scale, unit)


def in_base_unit(value: float, unit: str) -> Quantity:
    """A measured value in its base unit: 12 `d` → milliseconds. Raises `ValueError` for an unknown unit."""
    if unit.lower() not in _SCALES:
        raise ValueError(f"{unit!r} is not a known unit")
    base, scale = _SCALES[unit.lower()]
    return Quantity(value * scale, base)


def shown(value: float, unit: str) -> str:
    """A value of a base unit for people."""
    if unit == "ms":
        for limit, scale, name in ((1e3, 1.0, "ms"), (6e4, 1e3, "s"), (3.6e6, 6e4, "min"), (1.728e8, 3.6e6, "h")):
            if abs(value) < limit:
                return f"{value / scale:.3g} {name}"
        return f"{value / 86_400_000:.3g} d"
    if unit == "B":
        for limit, scale, name in ((1e3, 1.0, "B"), (1e6, 1e3, "kB"), (1e9, 1e6, "MB")):
            if abs(value) < limit:
                return f"{value / scale:.3g} {name}"
        return f"{value / 1e9:.3g} GB"
    number = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
    return f"{number} {unit}" if unit else number
