"""The lines that `make bench` prints."""

import pytest

from tests.bench.figures import Bar, Figure, at_least, at_most


@pytest.mark.parametrize(
    ("bar", "samples", "reached"),
    [
        pytest.param(at_least(0.9), [0.7, 0.95, 1.2], True, id="the median counts, not the worst round"),
        pytest.param(at_least(0.9), [0.8, 0.89, 1.2], False, id="too little"),
        pytest.param(at_most(50), [40.0, 50.0, 90.0], True, id="exactly the bar is good enough"),
        pytest.param(at_most(50), [40.0, 50.1, 90.0], False, id="too much"),
        pytest.param(None, [1.0], True, id="what has no bar is only printed"),
    ],
)
def test_a_bar_is_reached_by_the_median(bar: Bar | None, samples: list[float], reached: bool) -> None:
    """One disturbed round of five decides nothing."""
    assert reached is Figure("x", samples, "ms", bar).reached


def test_a_line_says_name_median_spread_bar_and_verdict() -> None:
    """Whoever reads the line alone knows what it means."""
    line = str(Figure("start to ready", [1.0, 1.2, 2.0], "s", at_most(1.5), "note"))

    assert ["start", "to", "ready", "1.20", "s", "[1.00..2.00]", "≤", "1.50", "s:", "reached", "(note)"] == line.split()
