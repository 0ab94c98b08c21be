"""The health message: worst first, healthy ones folded into a count."""

from dataclasses import replace

import pytest

from bot.domain.message import Bold, Moment, Paragraph
from bot.domain.reading import Reading, Status
from bot.health.messages import Concern, Report, headline, health_message, overview_message, reading_line, worst_first

APP = Reading("app", "app", Status.CRITICAL, "503", since=1_000)
QUEUE = Reading(
    "q", "campaign-emails", Status.CRITICAL, "1,240 waiting", threshold="critical > 200", since=2_000, trend="↑"
)
CONNECTIONS = Reading("db", "db connections", Status.WARNING, "84 %", threshold="warning > 80 %", since=3_000)
RESEND = Reading("resend", "Resend", Status.UNKNOWN, reason="key may not list domains (401)")
P0 = Concern(Status.CRITICAL, "INC-12 P0 open")
MITIGATED = Concern(Status.WARNING, "INC-12 P0 mitigated")
WELL = tuple(Reading(f"c{n}", f"check {n}", Status.HEALTHY) for n in range(8))


def report(*readings: Reading, pending: tuple[str, ...] = ()) -> Report:
    """A report of the newsletter at a fixed time."""
    return Report("newsletter", "Newsletter", readings, at=10_000, took=1_400, pending=pending)


def test_the_headline_counts_each_status_worst_first() -> None:
    """A person sees the state before any detail."""
    told = headline(report(*WELL, RESEND, CONNECTIONS, QUEUE, APP))

    assert "🔴 Newsletter: 2 critical, 1 warning, 1 unknown, 8 healthy" == told


def test_failing_checks_stand_worst_first_and_longest_first() -> None:
    """The order does not depend on the order of the answers."""
    message = health_message(report(RESEND, QUEUE, *WELL, APP, CONNECTIONS))
    body = message.parts[1]
    assert isinstance(body, Paragraph)

    titles = [line[1].text for line in body.lines if len(line) > 1 and isinstance(line[1], Bold)]
    assert ["app", "campaign-emails", "db connections", "Resend"] == titles


def test_a_line_has_value_threshold_since_and_trend() -> None:
    """`🔴 campaign-emails  1,240 waiting (critical > 200) since 02:41 ↑`."""
    assert (
        "🔴 ",
        Bold("campaign-emails"),
        "  1,240 waiting (critical > 200)",
        " since ",
        Moment(2_000),
        " ↑",
    ) == reading_line(QUEUE)


def test_healthy_checks_are_one_line() -> None:
    """Eight healthy checks never push a failing one off the screen."""
    message = health_message(report(*WELL))
    body = message.parts[1]
    assert isinstance(body, Paragraph)

    assert 1 == len(body.lines)
    assert str(body.lines[0][0]).startswith("🟢 8 healthy: check 0, check 1")


def test_an_unfinished_report_names_who_is_still_answering() -> None:
    """A hanging target is told, and nothing can be pressed yet."""
    message = health_message(report(APP, pending=("R2",)))

    assert "🔴 Newsletter: 1 critical, 1 still answering" == message.text
    assert "pending" == message.outcome
    assert "R2" in str(message.parts[1])


REDIS = tuple(
    Reading(name, name, Status.CRITICAL, reason="redis refuses connections", since=since, lost="cache")
    for name, since in (("redis", 5_000), ("redis memory", 4_000), ("mails", 6_000))
)


def test_one_cause_stands_before_what_it_explains() -> None:
    """Everything that lost the same connection is one line and a list, above what fails by itself."""
    message = health_message(report(*REDIS, APP))
    body = message.parts[1]
    assert isinstance(body, Paragraph)

    assert ["🔴 redis  refuses connections", "🔴 and with it: redis memory, mails", "🔴 app  503"] == [
        "".join(
            part.text if isinstance(part, Bold) else str(part) for part in line if not isinstance(part, Moment)
        ).removesuffix(" since ")
        for line in body.lines
    ]
    assert message.text.startswith("🔴 Newsletter: 4 critical")


def test_a_lost_connection_of_one_check_alone_explains_nothing() -> None:
    """It stands in its place among the others, by how long it lasts."""
    assert [APP, REDIS[0]] == worst_first([REDIS[0], APP])


@pytest.mark.parametrize(
    ("reports", "sign"),
    [
        pytest.param([report(*WELL)], "🟢", id="all is well"),
        pytest.param([report(*WELL, pending=("R2",))], "⏳", id="one still answers"),
        pytest.param([report(pending=("R2",))], "⏳", id="nothing is known yet"),
        pytest.param([report(APP, pending=("R2",))], "🔴", id="one still answers, another is down"),
        pytest.param([report(*WELL), report(*WELL, pending=("R2",))], "⏳", id="one of two systems still answers"),
        pytest.param([report(*WELL), report()], "⚪", id="a system of which nothing was read"),
        pytest.param([replace(report(*WELL), concerns=(P0,))], "🔴", id="an open P0 while all checks are well"),
        pytest.param([replace(report(*WELL), concerns=(MITIGATED,))], "🟡", id="a mitigated incident"),
    ],
)
def test_a_heading_is_never_better_than_what_stands_below_it(reports: list[Report], sign: str) -> None:
    """Red facts, open incidents and silence below mean that it is not green."""
    assert sign == overview_message(reports).text[0]
    assert sign in {headline(each)[0] for each in reports}


def test_the_overview_has_the_worst_system_first() -> None:
    """Whatever their order in the configuration."""
    other = replace(report(APP), system="shop", title="Shop")

    headings = [
        line[0].text
        for part in overview_message([report(*WELL), other]).parts
        if isinstance(part, Paragraph)
        for line in part.lines
        if isinstance(line[0], Bold)
    ]

    assert ["🔴 Shop: 1 critical", "🟢 Newsletter: 8 healthy"] == headings


def test_the_exit_code_follows_the_worst_system() -> None:
    """One unhealthy system makes the overview unhealthy."""
    assert "unhealthy" == overview_message([report(*WELL), report(APP)]).outcome
    assert "done" == overview_message([report(*WELL)]).outcome
