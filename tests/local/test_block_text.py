"""Block Kit on a terminal says what it says in Slack."""

from zoneinfo import ZoneInfo

from bot.domain.message import (
    Bold,
    Button,
    Buttons,
    ChannelLink,
    Choice,
    Divider,
    Facts,
    Heading,
    Link,
    Mention,
    Message,
    Moment,
    Option,
    Paragraph,
    Preformatted,
    Small,
)
from bot.domain.plain_text import plain
from bot.local.block_text import block_text
from bot.slack.blocks import render

ZONE = ZoneInfo("UTC")


def test_blocks_say_what_the_message_says() -> None:
    """Rendered for Slack and read back, a message is what `steward ask` prints of it."""
    message = Message(
        "fallback",
        (
            Heading("Top"),
            Paragraph(
                (
                    ("🔴 ", Bold("app"), " 503 since ", Moment(9_660_000)),
                    ("by ", Mention("sre", "U0SRE"), " <!channel>"),
                )
            ),
            Facts((("waiting", ("1,240",)), ("failing", (Link("job & more", "https://a.example/x"),)))),
            Preformatted("one\ntwo"),
            Divider(),
            Small(
                ("a < b, ", Moment(9_660_000, "seconds"), " ", Mention("sre", "U0SRE"), " in ", ChannelLink("C0ALERTS"))
            ),
            Buttons((Button("Refresh", "health.refresh"), Choice("Which?", "queue.show", (Option("a", "a"),)))),
        ),
    )

    assert plain(message, ZONE) == block_text(render(message, ZONE).blocks, {"U0SRE": "sre"})
