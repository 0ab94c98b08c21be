"""Text on one line."""

import pytest

from bot.domain.one_line import one_line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("mail stopped", "mail stopped", id="as it is"),
        pytest.param(" a\n  2. b\r\n\tc ", "a 2. b c", id="no line of its own"),
        pytest.param("a\x1b[2Jb\x9b31mc\x00", "a [2Jb 31mc", id="no order to a terminal"),
        pytest.param("v\u202e04\u2066", "v 04", id="nothing backwards"),
        pytest.param("a\udc80b\ud800", "a b", id="what no database takes"),
        pytest.param("größe 🚨", "größe 🚨", id="letters and signs stay"),
    ],
)
def test_text_is_put_on_one_line(text: str, expected: str) -> None:
    """What breaks a line, a terminal or a database becomes a space."""
    assert expected == one_line(text)
