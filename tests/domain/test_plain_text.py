"""A message on a terminal says the same as in Slack."""

from zoneinfo import ZoneInfo

from bot.domain.message import (
    Bold,
    Button,
    Buttons,
    ChannelLink,
    Choice,
    Code,
    Divider,
    Facts,
    Heading,
    Link,
    Mention,
    Message,
    Moment,
    Option,
    Picture,
    Preformatted,
    Small,
    lines,
)
from bot.domain.plain_text import plain
from bot.domain.timing import DAY, HOUR

AT = 1_772_420_523_000  # 2026-03-02 03:02:03 UTC


def test_every_primitive_has_a_line() -> None:
    """Marks become words, times stand in the zone that was asked for."""
    message = Message(
        "short",
        (
            Heading("INC-12"),
            lines(
                ("🔴 ", Bold("app"), " ", Code("503"), " since ", Moment(AT)),
                ("see ", Link("log", "https://x.example")),
            ),
            Facts((("lead", (Mention("sre", "U0SRE"),)), ("in", (ChannelLink("C0ALERTS"),)))),
            Preformatted("a\nb"),
            Divider(),
            Picture("https://x.example/a.png", "a graph"),
            Buttons((Button("Roll back…", "x"), Choice("Queue", "y", (Option("a", "a"),)))),
            Buttons(()),
            Small((Moment(AT, "seconds"), ", 1.4 s, ", Moment(AT, "date"))),
        ),
    )

    expected = """INC-12
🔴 app 503 since 04:02
see log (https://x.example)
lead  @sre
in    #C0ALERTS
    a
    b
────────────────────────────────────────
a graph (https://x.example/a.png)
[Roll back…] [Queue ▾]
04:02:03, 1.4 s, 2 Mar 2026 04:02"""
    assert expected == plain(message, ZoneInfo("Europe/Berlin"))


def test_a_time_of_another_day_is_shown_with_its_date() -> None:
    """`since 12:00` is never Saturday's on a Monday; the day is that of the reader."""
    shown = [
        plain(Message("", (Small((Moment(at, now=AT),)),)), ZoneInfo(zone))
        for at, zone in (
            (AT - HOUR, "UTC"),
            (AT - 4 * HOUR, "UTC"),
            (AT - 4 * HOUR, "Europe/Berlin"),
            (AT - DAY, "UTC"),
        )
    ]

    assert ["02:02", "1 Mar 2026 23:02", "00:02", "1 Mar 2026 03:02"] == shown


def test_a_button_that_can_be_typed_is_shown_as_what_to_type() -> None:
    """A terminal has no buttons: the command stands there; what only Slack has is named."""
    buttons = Buttons(
        (
            Button("Queue", "queue.show", "newsletter"),
            Button("Roll back…", "rollback.choose", "newsletter"),
            Button("Share", "health.share", "newsletter"),
            Button("Cancel", "operation.cancel", "f00d"),
            Button("Refresh", "health.refresh", "newsletter"),
        )
    )

    expected = """[Queue] steward ask '/queue newsletter'
[Roll back…] steward ask '/rollback newsletter'
[Cancel] steward decide f00d cancel
[Share] [Refresh]"""
    assert expected == plain(Message("", (buttons,)))


def test_a_message_without_parts_is_its_fallback() -> None:
    """Nothing is lost where only the fallback is given."""
    assert "done" == plain(Message("done"))


def test_control_characters_do_not_reach_the_terminal() -> None:
    """A target's answer can neither recolour nor rewrite the screen."""
    assert "[31mred[2J" == plain(Message.plain("\x1b[31mred\x1b[2J\x07"))
