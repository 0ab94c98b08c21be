"""A message survives the outbox."""

import pytest

from bot.domain import message as m
from bot.domain.message_json import dump, load

EVERYTHING = m.Message(
    "fallback",
    (
        m.Heading("Newsletter"),
        m.lines((m.Bold("app"), " ", m.Code("503"), m.Moment(1)), "plain"),
        m.Facts((("Waiting", ("1,240",)),)),
        m.Small((m.person("sre", "U0SRE"), m.Link("page", "https://example.com"), m.ChannelLink("C1"))),
        m.Preformatted("a\nb"),
        m.Divider(),
        m.Picture("https://example.com/a.png", "a chart"),
        m.Buttons(
            (
                m.Button("Go", "go", "1", "primary", m.Confirm("Sure?", "Really")),
                m.Choice("Which", "pick", (m.Option("A", "a"),)),
            )
        ),
    ),
    "waiting",
)


def test_a_message_of_every_primitive_comes_back_equal() -> None:
    """What was decided is what is sent, also after a restart."""
    assert EVERYTHING == load(dump(EVERYTHING))


def test_a_stored_text_that_is_no_message_is_refused() -> None:
    """A damaged row is an error, not an empty message."""
    with pytest.raises(TypeError):
        load('{"is":"Bold","text":"x"}')
