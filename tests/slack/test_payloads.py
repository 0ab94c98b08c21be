"""Slack's payloads become requests of ours, cleaned of what nobody typed."""

import pytest

from bot.requests.typed_text import typed
from bot.slack import payloads
from bot.slack.payloads import Malformed

COMMAND = {"command": "/Rollback", "user_id": "U0SRE", "channel_id": "C0ALERTS", "text": "newsletter"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("because “503” since ‘2’", "because \"503\" since '2'", id="typographic quotes"),
        pytest.param("newsletter\u00a0app\u202f", "newsletter app", id="spaces that do not break"),
        pytest.param("dep\u200b-41\ufeff", "dep-41", id="invisible characters"),
        pytest.param("a\u202egnp.exe", "agnp.exe", id="text that runs backwards"),
        pytest.param("a\x00b\ud800", "ab", id="what no database takes"),
        pytest.param("a\x1b[31mb\x9b2Jc", "a[31mb2Jc", id="what a terminal obeys"),
        pytest.param("  naïve 👩‍💻\nsecond ", "naïve 👩‍💻\nsecond", id="everything else stays"),
    ],
)
def test_typed_text_is_cleaned(text: str, expected: str) -> None:
    """A request reads what the person meant."""
    assert expected == typed(text)


def test_a_command_is_lower_case() -> None:
    """Slack's clients keep the case that was typed."""
    assert "/rollback" == payloads.command(COMMAND, 5).key


@pytest.mark.parametrize("field", ["command", "user_id", "channel_id"])
def test_a_command_names_its_malformed_field(field: str) -> None:
    """The error names the field, never its content."""
    with pytest.raises(Malformed, match=f"^{field}$"):
        payloads.command(COMMAND | {field: "not an id!"}, 5)


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        pytest.param({"action_id": "a", "value": "OP-1"}, "OP-1", id="a button"),
        pytest.param({"action_id": "a", "selected_option": {"value": "v40"}}, "v40", id="a select"),
        pytest.param({"action_id": "a", "selected_user": "U0LEAD"}, "U0LEAD", id="a person"),
        pytest.param({"action_id": "a"}, "", id="a button without a value"),
    ],
)
def test_the_value_of_a_press(element: dict[str, object], expected: str) -> None:
    """Whatever was pressed or chosen is the text of the request."""
    assert expected == payloads.action({"user": {"id": "U0SRE"}, "actions": [element]}, 5).text


def test_an_empty_press_is_malformed() -> None:
    """Nothing pressed is no request."""
    with pytest.raises(Malformed, match=r"BlockActions\.actions"):
        payloads.action({"user": {"id": "U0SRE"}, "actions": []}, 5)
