"""Thresholds and the judgement of a value."""

import pytest

from bot.domain.reading import Reading, Status, Threshold, Thresholds


@pytest.mark.parametrize(
    ("value", "status"),
    [
        pytest.param(80, Status.HEALTHY, id="on the limit is still healthy for a greater-than"),
        pytest.param(80.1, Status.WARNING, id="past the first limit warns"),
        pytest.param(91, Status.CRITICAL, id="past the second limit is critical"),
    ],
)
def test_a_value_is_judged_by_the_worst_limit_that_it_crosses(value: float, status: Status) -> None:
    """Critical wins over warning."""
    limits = Thresholds.parse(warning="> 80 %", critical="> 90 %")

    assert status == limits.judge(value)[0]


def test_limits_below_are_crossed_downwards() -> None:
    """A certificate with few days left crosses `< 7`."""
    limits = Thresholds.parse(warning="< 21", critical="< 7")

    assert [Status.HEALTHY, Status.WARNING, Status.CRITICAL] == [limits.judge(days)[0] for days in (60, 20, 3)]


@pytest.mark.parametrize("text", ["80 %", "about 5", ">", "> soon"])
def test_a_text_that_is_no_threshold_is_refused(text: str) -> None:
    """The error shows what one looks like."""
    with pytest.raises(ValueError, match="not a"):
        Threshold.parse(text)


def test_a_threshold_reads_as_it_was_written() -> None:
    """The message repeats the limit in the words of the configuration."""
    assert "> 80 %" == str(Threshold.parse(">80%"))


@pytest.mark.parametrize(
    ("status", "threshold", "reason", "said"),
    [
        pytest.param(Status.CRITICAL, "critical > 50", "", "57 waiting", id="what crossed the limit"),
        pytest.param(
            Status.CRITICAL, "warning > 50", "1,004 failed", "1,004 failed", id="a milder limit is not the cause"
        ),
        pytest.param(Status.CRITICAL, "critical > 50", "0 workers", "57 waiting, 0 workers", id="both are as bad"),
        pytest.param(Status.CRITICAL, "", "refuses connections", "refuses connections", id="no value was read"),
        pytest.param(Status.HEALTHY, "", "", "57 waiting", id="nothing is wrong"),
    ],
)
def test_what_it_says_is_what_makes_it_as_bad_as_it_is(status: Status, threshold: str, reason: str, said: str) -> None:
    """A page names the cause, not the first number that there is."""
    assert said == Reading("q", "mails", status, "57 waiting", threshold=threshold, reason=reason).said
