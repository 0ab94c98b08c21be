"""Block Kit: what Slack accepts passes, every limit refuses one more."""

from typing import Any

import pytest

from bot.local.workspace.blockkit.surfaces import accepted_blocks, accepted_view
from bot.local.workspace.values import Refusal

Json = dict[str, Any]


def plain(text: str = "text") -> Json:
    """A plain text object."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "text") -> Json:
    """A mrkdwn text object."""
    return {"type": "mrkdwn", "text": text}


def button(**more: object) -> Json:
    """A button."""
    return {"type": "button", "text": plain(), **more}


def options(count: int = 2, value: str = "v") -> list[Json]:
    """Options with different values."""
    return [{"text": plain(), "value": f"{value}{number}"} for number in range(count)]


def actions(*elements: Json) -> Json:
    """An actions block."""
    return {"type": "actions", "elements": list(elements)}


def section(**more: object) -> Json:
    """A section."""
    return {"type": "section", "text": mrkdwn(), **more}


def asking(element: Json, **more: object) -> Json:
    """An input block."""
    return {"type": "input", "label": plain(), "element": element, **more}


def table(rows: int, columns: int) -> Json:
    """A table of raw text."""
    return {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * columns] * rows}


def confirm(**more: object) -> Json:
    """A confirmation dialog."""
    return {"title": plain(), "text": mrkdwn(), "confirm": plain("Yes"), "deny": plain("No"), **more}


def rich(*elements: Json) -> Json:
    """A rich text block of one section."""
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}


ACCEPTED = [
    pytest.param([section(fields=[mrkdwn()] * 10)], id="ten fields"),
    pytest.param([section(text=mrkdwn("x" * 3000))], id="3000 characters"),
    pytest.param([{"type": "divider"}] * 50, id="50 blocks"),
    pytest.param([{"type": "header", "text": plain("x" * 150)}], id="a header of 150"),
    pytest.param([actions(*[button(action_id=str(n)) for n in range(25)])], id="25 buttons"),
    pytest.param([actions(button(style="danger", confirm=confirm(style="danger"), value="x" * 2000))], id="danger"),
    pytest.param([actions({"type": "static_select", "placeholder": plain(), "options": options(100)})], id="100"),
    pytest.param(
        [
            actions(
                {
                    "type": "static_select",
                    "option_groups": [{"label": plain(), "options": options()}],
                    "initial_option": options()[1],
                }
            )
        ],
        id="option groups",
    ),
    pytest.param([actions({"type": "overflow", "options": options(5)})], id="an overflow of five"),
    pytest.param([section(accessory={"type": "datepicker", "initial_date": "2025-02-28"})], id="a date picker"),
    pytest.param([section(accessory={"type": "timepicker", "initial_time": "09:00"})], id="a time picker"),
    pytest.param([section(accessory={"type": "image", "image_url": "https://x/y.png", "alt_text": ""})], id="image"),
    pytest.param([{"type": "context", "elements": [mrkdwn()] * 10}], id="a context of ten"),
    pytest.param([{"type": "image", "image_url": "https://x/y.png", "alt_text": "y", "title": plain()}], id="picture"),
    pytest.param([{"type": "markdown", "text": "x" * 12_000}], id="12,000 characters of markdown"),
    pytest.param([table(100, 20)], id="a table of 100 by 20"),
    pytest.param([rich({"type": "text", "text": "x", "style": {"bold": True}})], id="bold rich text"),
    pytest.param([rich({"type": "link", "url": "https://x"}, {"type": "user", "user_id": "U0SRE"})], id="rich link"),
    pytest.param(
        [
            {
                "type": "rich_text",
                "elements": [
                    {
                        "type": "rich_text_list",
                        "style": "bullet",
                        "elements": [{"type": "rich_text_section", "elements": []}],
                    },
                    {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "x"}]},
                ],
            }
        ],
        id="a rich list and preformatted text",
    ),
    pytest.param([asking({"type": "plain_text_input", "multiline": True})], id="an input in a message"),
    pytest.param([actions({"type": "multi_static_select", "options": options()})], id="a multi select"),
    pytest.param([section(accessory={"type": "checkboxes", "options": options(10)})], id="ten checkboxes"),
    pytest.param([actions({"type": "users_select", "initial_user": "U0SRE"})], id="a users select"),
    pytest.param(
        [actions({"type": "conversations_select", "default_to_current_conversation": True})], id="a channel select"
    ),
]

REFUSED = [
    pytest.param(["text"], "must provide an object", id="a block that is no object"),
    pytest.param([{"type": "divider"}] * 51, "no more than 50 items", id="51 blocks"),
    pytest.param([{"type": "carousel"}], "unsupported type: carousel", id="an unknown block"),
    pytest.param([{"type": "section"}], "text or fields", id="an empty section"),
    pytest.param([section(colour="red")], "additional property: colour", id="an unknown key"),
    pytest.param([section(text="text")], "must provide an object", id="text that is no object"),
    pytest.param([section(text=mrkdwn(""))], "more than 0 characters", id="empty text"),
    pytest.param([section(text=mrkdwn("x" * 3001))], "less than 3001", id="3001 characters"),
    pytest.param([section(text={"type": "html", "text": "x"})], "invalid text type", id="a text of no kind"),
    pytest.param([section(text={**mrkdwn(), "emoji": True})], "additional property: emoji", id="mrkdwn with emoji"),
    pytest.param([section(fields=[mrkdwn()] * 11)], "no more than 10 items", id="eleven fields"),
    pytest.param([section(fields=[mrkdwn("x" * 2001)])], "less than 2001", id="a field of 2001"),
    pytest.param([section(block_id="b"), section(block_id="b")], "`block_id` already exists", id="a block id twice"),
    pytest.param([section(block_id="b" * 256)], "less than 256", id="a block id of 256"),
    pytest.param([{"type": "header", "text": plain("x" * 151)}], "less than 151", id="a header of 151"),
    pytest.param([{"type": "header", "text": mrkdwn()}], "invalid text type", id="a header in mrkdwn"),
    pytest.param([{"type": "context", "elements": [mrkdwn()] * 11}], "no more than 10", id="a context of eleven"),
    pytest.param([actions()], "no less than 1", id="no element"),
    pytest.param([actions(*[button()] * 26)], "no more than 25", id="26 buttons"),
    pytest.param(
        [actions(button(action_id="a"), button(action_id="a"))], "`action_id` already exists", id="an action id twice"
    ),
    pytest.param(
        [actions(button(action_id="a")), actions(button(action_id="a"))],
        "`action_id` already exists",
        id="an action id in two blocks",
    ),
    pytest.param([actions(button(action_id="a" * 256))], "less than 256", id="an action id of 256"),
    pytest.param([actions(button(text=plain("x" * 76)))], "less than 76", id="a button text of 76"),
    pytest.param([actions(button(text=mrkdwn()))], "invalid text type", id="a button in mrkdwn"),
    pytest.param([actions(button(value="x" * 2001))], "less than 2001", id="a button value of 2001"),
    pytest.param([actions(button(url="https://" + "x" * 3000))], "less than 3001", id="a button url over 3000"),
    pytest.param([actions(button(url="javascript:x"))], "valid URL", id="a button to a script"),
    pytest.param([actions(button(style="loud"))], "must be one of danger, primary", id="a style of no kind"),
    pytest.param([actions(button(confirm=confirm(title=plain("x" * 101))))], "less than 101", id="a long confirm"),
    pytest.param([actions(button(confirm=confirm(text=mrkdwn("x" * 301))))], "less than 301", id="a confirm of 301"),
    pytest.param([actions(button(confirm=confirm(confirm=plain("x" * 31))))], "less than 31", id="a yes of 31"),
    pytest.param([actions({"type": "static_select", "options": options(101)})], "no more than 100", id="101 options"),
    pytest.param([actions({"type": "static_select"})], "options or option_groups", id="a select without options"),
    pytest.param(
        [actions({"type": "static_select", "options": options(), "initial_option": options(value="z")[0]})],
        "must be one of the options",
        id="a preset that is not offered",
    ),
    pytest.param(
        [actions({"type": "static_select", "options": options(1) * 2})], "`value` already exists", id="an option twice"
    ),
    pytest.param(
        [actions({"type": "static_select", "options": [{"text": plain("x" * 76), "value": "v"}]})],
        "less than 76",
        id="an option text of 76",
    ),
    pytest.param(
        [actions({"type": "static_select", "options": [{"text": plain(), "value": "v" * 151}]})],
        "less than 151",
        id="an option value of 151",
    ),
    pytest.param(
        [actions({"type": "users_select", "placeholder": plain("x" * 151)})], "less than 151", id="a placeholder of 151"
    ),
    pytest.param([actions({"type": "overflow", "options": options(6)})], "no more than 5", id="an overflow of six"),
    pytest.param([actions({"type": "checkboxes", "options": options(11)})], "no more than 10", id="11 checkboxes"),
    pytest.param([actions({"type": "datepicker", "initial_date": "28.2.2025"})], "YYYY-MM-DD", id="a date of no kind"),
    pytest.param([actions({"type": "timepicker", "initial_time": "9"})], "HH:mm", id="a time of no kind"),
    pytest.param([actions({"type": "plain_text_input"})], "unsupported type", id="a text input among actions"),
    pytest.param([asking(button())], "unsupported type", id="a button as input"),
    pytest.param([asking({"type": "plain_text_input", "max_length": 3001})], "from 1 to 3000", id="input over 3000"),
    pytest.param([asking({"type": "plain_text_input"}, optional="no")], "boolean", id="optional that is no boolean"),
    pytest.param([section(accessory={"type": "image", "image_url": "https://x"})], "alt_text", id="no alt text"),
    pytest.param([{"type": "image", "image_url": "file:///x", "alt_text": "x"}], "valid URL", id="an image of a file"),
    pytest.param(
        [{"type": "markdown", "text": "x" * 6001}, {"type": "markdown", "text": "x" * 6000}],
        "12000 characters",
        id="12,001 characters of markdown in two blocks",
    ),
    pytest.param([table(101, 1)], "no more than 100", id="a table of 101 rows"),
    pytest.param([table(1, 21)], "no more than 20", id="a table of 21 columns"),
    pytest.param([table(1, 1), table(1, 1)], "only_one_table_allowed", id="two tables"),
    pytest.param([{"type": "table", "rows": [[plain()]]}], "unsupported type", id="a cell of plain text"),
    pytest.param([rich({"type": "script"})], "unsupported type: script", id="rich text of no kind"),
    pytest.param([rich({"type": "link"})], "missing required field: url", id="a rich link to nowhere"),
    pytest.param([rich({"type": "text", "text": "x", "style": {"loud": True}})], "invalid style", id="a loud style"),
    pytest.param([{"type": "rich_text", "elements": [plain()]}], "unsupported type", id="plain text in rich text"),
]


@pytest.mark.parametrize("blocks", ACCEPTED)
def test_what_slack_takes_is_accepted(blocks: list[Json]) -> None:
    """At the limit is allowed; ids are filled in."""
    accepted = accepted_blocks(blocks)

    assert len(blocks) == len(accepted)
    assert all(block["block_id"] for block in accepted)


@pytest.mark.parametrize(("blocks", "reason"), REFUSED)
def test_what_slack_refuses_is_refused_with_the_place(blocks: list[Json], reason: str) -> None:
    """One more than the limit, or a wrong kind: `invalid_blocks` with a JSON pointer."""
    with pytest.raises(Refusal) as refused:
        accepted_blocks(blocks)

    assert "invalid_blocks" == refused.value.code
    assert any(reason in message and "[json-pointer:/blocks" in message for message in refused.value.messages), (
        refused.value.messages
    )


def modal(**more: object) -> Json:
    """A modal with a text."""
    return {"type": "modal", "title": plain("Form"), "blocks": [section()], **more}


@pytest.mark.parametrize(
    "view",
    [
        pytest.param(modal(blocks=[section()] * 100), id="100 blocks"),
        pytest.param(modal(title=plain("x" * 24), close=plain("x" * 24), submit=plain("x" * 24)), id="24 characters"),
        pytest.param(modal(private_metadata="x" * 3000, callback_id="x" * 255), id="3000 of private metadata"),
        pytest.param({"type": "home", "blocks": [section()] * 100}, id="a home of 100 blocks"),
    ],
)
def test_a_view_within_the_limits_is_accepted(view: Json) -> None:
    """Modal and home."""
    assert view["type"] == accepted_view(view, ("modal", "home"))["type"]


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        pytest.param(None, "must provide an object", id="no view"),
        pytest.param({"type": "home", "blocks": [section()]}, "invalid type", id="a home as modal"),
        pytest.param(modal(blocks=[section()] * 101), "no more than 100", id="101 blocks"),
        pytest.param(modal(title=plain("x" * 25)), "less than 25", id="a title of 25"),
        pytest.param(modal(submit=plain("x" * 25)), "less than 25", id="a submit of 25"),
        pytest.param(modal(close=mrkdwn()), "invalid text type", id="a close in mrkdwn"),
        pytest.param(modal(private_metadata="x" * 3001), "less than 3001", id="3001 of private metadata"),
        pytest.param(modal(callback_id="x" * 256), "less than 256", id="a callback id of 256"),
        pytest.param(modal(colour="red"), "additional property", id="an unknown key"),
        pytest.param(modal(blocks=[table(1, 1)]), "unsupported type", id="a table in a modal"),
        pytest.param(modal(blocks=[asking({"type": "plain_text_input"})]), "submit", id="an input without submit"),
    ],
)
def test_a_view_beyond_the_limits_is_refused(view: Json | None, reason: str) -> None:
    """`invalid_arguments` with a JSON pointer."""
    with pytest.raises(Refusal) as refused:
        accepted_view(view, ("modal",))

    assert "invalid_arguments" == refused.value.code
    assert any(reason in message for message in refused.value.messages), refused.value.messages


def test_many_characters_in_blocks_are_too_long() -> None:
    """More than about 13,000 in total is `msg_blocks_too_long`."""
    with pytest.raises(Refusal, match="msg_blocks_too_long"):
        accepted_blocks([section(text=mrkdwn("x" * 2700))] * 5)
