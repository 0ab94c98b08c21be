"""Text on one line."""

import pytest

from bot.domain.one_line import one_line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("mail stopped", "mail stopped", id="as it is"),
        pytest.param(" a\n  2. b\r\n\tc ", "a 2. b c", id="no line of its own"),
        pytest.param("a\x1b[2Jb\x9b31mc\x00", "a[2Jb31mc", id="no order to a terminal"),
        pytest.param("v\u202e04\u2066", "v04", id="nothing backwards"),
        pytest.param("a\udc80b\ud800", "ab", id="what no database takes"),
        pytest.param("a\u2028b\rc", "a b c", id="every kind of line end"),
        pytest.param("key xoxb-12\u200b34-abc", "key •••", id="no secret, nor one with a gap that nobody sees"),
        pytest.param("größe 🚨", "größe 🚨", id="letters and signs stay"),
    ],
)
def test_text_is_put_on_one_line(text: str, expected: str) -> None:
    """What breaks a line becomes a space; what breaks a terminal or a database goes."""
    assert expected == one_line(text)
