"""Numbers with units, as systems and people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.quantity import parse_quantity, shown


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        pytest.param("1.8min", 108_000, "ms", id="minutes without a space, as the debug report writes them"),
        pytest.param("2.1%", 2.1, "%", id="a percentage"),
        pytest.param("1536 MB", 1_536_000_000, "B", id="megabytes"),
        pytest.param("84 %", 84, "%", id="a percentage with a space"),
        pytest.param("200", 200, "", id="a bare count"),
        pytest.param("1,240", 1240, "", id="thousands, as they are shown"),
        pytest.param("1,234,567.5 ms", 1_234_567.5, "ms", id="thousands and decimals"),
        pytest.param("-3", -3, "", id="below zero"),
    ],
)
def test_it_reads_a_number_with_its_unit(text: str, value: float, unit: str) -> None:
    """A value becomes a number in the base unit."""
    quantity = parse_quantity(text)

    assert (value, unit) == (quantity.value, quantity.unit)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fast",
        "12 parsecs",
        "1.2.3 s",
        "% 80",
        "0,5 s",
        "1,24",
        "12,40,000",
        "1,2400",
        "1.",
        "١٢",
        "1\n2",
        "9" * 400,
    ],
)
def test_it_refuses_what_is_no_quantity(text: str) -> None:
    """The error repeats the text and shows what a quantity looks like."""
    with pytest.raises(ValueError, match="is not a number with a unit"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(1240, "", "1,240"), (84, "%", "84 %"), (1_500, "ms", "1.5 s"), (2.5e9, "B", "2.5 GB"), (90_000, "ms", "1.5 min")],
)
def test_it_shows_a_value_for_people(value: float, unit: str, text: str) -> None:
    """Base units become the unit that a person would choose."""
    assert text == shown(value, unit)


@given(st.integers(min_value=-(10**14), max_value=10**14))
def test_a_shown_count_is_read_as_the_same(count: int) -> None:
    """What the bot writes, people copy into a threshold."""
    assert count == parse_quantity(shown(count, "")).value


@given(st.floats(min_value=0, max_value=1e12, allow_nan=False), st.sampled_from(["ms", "B", "%", ""]))
def test_every_value_can_be_shown(value: float, unit: str) -> None:
    """No value of any unit breaks a message."""
    assert shown(value, unit)
