"""A message without secrets."""

from zoneinfo import ZoneInfo

from bot.domain import message_json
from bot.domain.message import (
    Bold,
    Button,
    Buttons,
    Choice,
    ChoiceField,
    Code,
    Confirm,
    Facts,
    Heading,
    Link,
    Mention,
    Message,
    Modal,
    Option,
    Paragraph,
    Picture,
    Preformatted,
    Small,
    TextField,
)
from bot.domain.message_redaction import redacted
from bot.domain.plain_text import plain
from bot.domain.redaction import STARS
from bot.requests.invocation import Incoming
from bot.slack.blocks import render
from bot.slack.forms import modal_view

_KEY = "xoxb-123456789-abcdef"
_EVERYWHERE = Message(
    _KEY,
    (
        Heading(_KEY),
        Paragraph(((_KEY, Bold(_KEY), Code(_KEY), Mention(_KEY), Link(_KEY, f"https://a.example/?x={_KEY}")),)),
        Facts(((_KEY, (_KEY,)),)),
        Small((_KEY,)),
        Preformatted(f"a\n{_KEY}"),
        Picture(f"https://a.example/?x={_KEY}", _KEY),
        Buttons(
            (
                Button(_KEY, "operation.approve", "opaque", confirm=Confirm(_KEY, _KEY, _KEY, _KEY)),
                Choice(_KEY, "queue.show", (Option(_KEY, "value"),)),
            )
        ),
    ),
)
_UTC = ZoneInfo("UTC")


def test_no_part_of_a_message_shows_a_secret() -> None:
    """In Slack, on a terminal and in the ledger: whatever a handler put into it."""
    for shown in (
        str(render(_EVERYWHERE, _UTC)),
        plain(_EVERYWHERE, _UTC),
        message_json.dump(_EVERYWHERE),
    ):
        assert "xoxb" not in shown
        assert STARS in shown


def test_no_field_of_a_form_shows_a_secret() -> None:
    """A form repeats what was typed."""
    modal = Modal(
        _KEY,
        "rollback",
        (
            TextField("why", _KEY, initial=_KEY, placeholder=_KEY, hint=_KEY),
            ChoiceField("which", _KEY, (Option(_KEY, "1"),), "1", _KEY),
        ),
        intro=(Small((_KEY,)),),
    )
    incoming = Incoming("command", "/rollback", text="", slack_user="U1", received_at=0, request_id="r")

    assert "xoxb" not in str(modal_view(modal, incoming, _UTC))


def test_a_key_over_several_lines_is_starred_before_the_lines_part() -> None:
    """A line of it alone does not look like one."""
    message = Message.plain("it said\n-----BEGIN PRIVATE KEY-----\nabc\ndef\n-----END PRIVATE KEY-----\nand ended")

    assert f"it said\n{STARS}\nand ended" == message.text == plain(message, _UTC)


def test_what_programs_read_stays_as_it_is() -> None:
    """A button's value is opaque; a message without secrets is the same object."""
    value = "0123456789abcdef0123456789abcdef"
    message = Message("ok", (Buttons((Button("Approve", "operation.approve", value),)),))

    assert message is redacted(message)
    assert value in str(render(message, _UTC))
