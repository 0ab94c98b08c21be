"""What a page says of the checks in one line."""

from bot.domain.reading import Reading, Status
from bot.health.statement import NAMED, statement


def failing(number: int, status: Status = Status.CRITICAL, value: str = "503") -> Reading:
    """One reading."""
    return Reading(f"check-{number}", f"check {number}", status, value=value)


def test_failing_checks_are_named_worst_first() -> None:
    """With their values; healthy ones are counted."""
    readings = [
        failing(1, Status.HEALTHY),
        failing(2, Status.WARNING, "84 %"),
        failing(3),
        failing(4, Status.UNKNOWN, ""),
    ]

    assert statement(readings, 7).text == "🔴 check 3 503, 🟡 check 2 84 %, ⚪ check 4, 🟢 1 healthy"


def test_many_failing_checks_are_counted_at_the_end() -> None:
    """A page stays short; every critical one is known."""
    said = statement([failing(number) for number in range(NAMED + 2)], 7)

    assert said.text.endswith(f"check {NAMED - 1} 503, 2 more")
    assert len(said.critical) == NAMED + 2


def test_what_has_not_answered_is_named() -> None:
    """Silence is not health."""
    assert "⏳ no answer yet: database" in statement([failing(1)], 7, pending=["database"]).text


def test_values_do_not_change_what_fails() -> None:
    """A header is edited when another check fails, or fails worse."""
    assert statement([failing(1)], 7).failing == statement([failing(1, value="502")], 8).failing
    assert statement([failing(1)], 7).failing != statement([failing(1, Status.WARNING)], 7).failing


def test_a_long_reason_is_cut() -> None:
    """Of a check without a value its reason is said."""
    reading = Reading("db", "database", Status.CRITICAL, reason="connection refused " * 20)

    assert len(statement([reading], 7).text) < 80
