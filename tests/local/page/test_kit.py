import re

import pytest

from bot.local.page.kit import own_url, render_blocks
from bot.local.page.names import Names
from bot.local.workspace.values import Json
from tests.local.page.scene import approval_blocks, button, confirm, health_blocks, options, plain, section

NAMES = Names(users={"U0SRE": "sre", "U0LEAD": "lead"}, channels={"C0ALERTS": "production-alerts"})


def rendered(*blocks: Json, errors: dict[str, str] | None = None) -> str:
    """Blocks as HTML, on one line."""
    return re.sub(r"\s*\n\s*", "", render_blocks([{"block_id": "b", **block} for block in blocks], NAMES, errors))


def actions(*elements: Json) -> Json:
    """A row of elements."""
    return {"type": "actions", "elements": list(elements)}


def an_input(kind: str, **more: object) -> Json:
    """A field of a form."""
    return {"type": "input", "label": plain("Why"), "element": {"type": kind, "action_id": "a", **more}}


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        pytest.param(section("*x*"), '<div class="mrkdwn"><strong>x</strong></div>', id="section"),
        pytest.param(section("x", accessory=button("a", "Go")), '<div class="accessory">', id="accessory"),
        pytest.param({"type": "header", "text": plain("*H* :fire:")}, ">*H* 🔥</h3>", id="a header is plain text"),
        pytest.param({"type": "divider"}, '<hr class="block divider">', id="divider"),
        pytest.param(
            {"type": "image", "image_url": "https://a.b/c.png", "alt_text": "Graph"},
            '<span class="picture elsewhere" role="img" aria-label="Graph"',
            id="a picture from elsewhere is named, not fetched",
        ),
        pytest.param({"type": "video"}, "cannot show a block of type “video”", id="an unknown block says so"),
        pytest.param(
            actions(button("a", "Go", style="danger", value="1")), 'class="btn danger" data-act="press"', id="danger"
        ),
        pytest.param(
            actions(button("a", "Go", url="https://a.b")), 'href="https://a.b"', id="a button with an address"
        ),
        pytest.param(
            actions(button("a", "Go", url="javascript:x")), '<button type="button"', id="a script is no address"
        ),
        pytest.param(
            actions({"type": "users_select", "action_id": "a"}),
            'data-value="U0LEAD">@lead</li>',
            id="people to choose from",
        ),
        pytest.param(
            actions({"type": "conversations_select", "action_id": "a"}),
            ">#production-alerts</li>",
            id="channels to choose from",
        ),
        pytest.param(
            actions(
                {
                    "type": "static_select",
                    "action_id": "a",
                    "options": options("v1", "v2"),
                    "initial_option": options("v2")[0],
                }
            ),
            '<span class="chosen">v2</span>',
            id="a select shows what is chosen",
        ),
        pytest.param(
            actions(
                {
                    "type": "static_select",
                    "action_id": "a",
                    "option_groups": [{"label": plain("Old"), "options": options("v1")}],
                }
            ),
            '<li role="presentation" class="group">Old</li>',
            id="options in groups",
        ),
        pytest.param(
            actions({"type": "datepicker", "action_id": "a", "initial_date": "2025-11-22"}),
            'value="2025-11-22"',
            id="date",
        ),
        pytest.param(
            actions(
                {"type": "checkboxes", "action_id": "a", "options": options("x", "y"), "initial_options": options("y")}
            ),
            'value="y" checked',
            id="a ticked box",
        ),
        pytest.param(an_input("plain_text_input", max_length=9), 'maxlength="9"', id="the length of a text"),
        pytest.param(
            an_input("plain_text_input", multiline=True, initial_value="\nx"), "x</textarea>", id="several lines"
        ),
        pytest.param(
            an_input("number_input", min_value="1", is_decimal_allowed=False), 'step="1" min="1"', id="a whole number"
        ),
        pytest.param(
            an_input("static_select", options=options("P0")), '<option value="P0">P0</option>', id="a choice in a form"
        ),
    ],
)
def test_each_block_and_element_has_its_form(block: Json, expected: str) -> None:
    """What Block Kit describes appears as the control that people know."""
    assert expected in rendered(block)


def test_a_button_carries_its_question() -> None:
    """A confirm dialog is rendered beside its control, ready to be shown."""
    html = rendered(actions(button("a", "Go", confirm=confirm("Sure?", "It *stops*", "Stop"))))

    assert '<template class="confirm" data-style="danger"><h2>Sure?</h2>' in html
    assert 'value="confirm">Stop</button>' in html


def test_a_field_shows_its_error() -> None:
    """The error of a field stands at that field, and assistive technology hears it."""
    html = rendered(an_input("plain_text_input"), errors={"b": "Too short."})

    assert 'aria-invalid="true"' in html
    assert 'role="alert">Too short.</p>' in html


def test_a_table_has_a_head_and_aligned_columns() -> None:
    """The first row is the head; a column aligned to the right is so in every row."""
    html = rendered(health_blocks()[1])

    assert '<th scope="col" class="right">value</th>' in html
    assert '<td class="right">503</td>' in html


def test_the_approval_request_shows_everything_to_decide_on() -> None:
    """The longest message of the bot loses nothing on the way."""
    html = rendered(*approval_blocks())

    for part in ("v41 → v40", "Does not revert", "migration 0031", "Approve and run", "Deny…", "Another release"):
        assert part in html


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("http://127.0.0.1:8400/files/F1", "/files/F1", id="this server's files"),
        pytest.param("/files/F1", "/files/F1", id="a path"),
        pytest.param("http://evil.example/files/F1", None, id="another server"),
        pytest.param("/local/views", None, id="not a file"),
        pytest.param("javascript:/files/x", None, id="a script"),
        pytest.param("http://[", None, id="no address at all"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_only_own_files_are_loaded(url: object, expected: str | None) -> None:
    """A message cannot make the page fetch anything from outside."""
    assert expected == own_url(url)
