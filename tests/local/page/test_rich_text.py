import pytest

from bot.local.page.names import Names
from bot.local.page.rich_text import rich_text
from bot.local.workspace.values import Json
from tests.local.page.scene import NIGHT

NAMES = Names(users={"U0SRE": "sre"}, groups={"S1": "approvers"}, viewer="U0SRE", now=NIGHT)


def part(kind: str, *elements: Json, **more: object) -> Json:
    """A section, list, quote or block of code."""
    return {"type": f"rich_text_{kind}", "elements": list(elements), **more}


def text(said: str, **style: bool) -> Json:
    """A run of text."""
    return {"type": "text", "text": said, "style": style}


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        pytest.param(text("a\n<b>"), "a<br>&lt;b&gt;", id="text"),
        pytest.param(text("a", bold=True, italic=True), "<strong><em>a</em></strong>", id="styles nest"),
        pytest.param(text("a", strike=True, code=True), "<s><code>a</code></s>", id="code is innermost"),
        pytest.param(text("a", bold=False), "a", id="a style that is off"),
        pytest.param(
            {"type": "link", "url": "https://a.b", "text": "go"},
            '<a href="https://a.b" target="_blank" rel="noopener noreferrer">go</a>',
            id="link",
        ),
        pytest.param({"type": "link", "url": "javascript:x", "text": "go"}, "go", id="a script is no link"),
        pytest.param({"type": "user", "user_id": "U0SRE"}, '<span class="mention mine">@sre</span>', id="person"),
        pytest.param(
            {"type": "usergroup", "usergroup_id": "S1"}, '<span class="mention">@approvers</span>', id="group"
        ),
        pytest.param({"type": "broadcast", "range": "here"}, '<span class="mention mine">@here</span>', id="broadcast"),
        pytest.param({"type": "emoji", "name": "fire"}, "🔥", id="emoji"),
        pytest.param({"type": "emoji", "name": "nope"}, ":nope:", id="an unknown emoji keeps its name"),
        pytest.param({"type": "color", "value": "#ff0000"}, "<code>#ff0000</code>", id="color"),
        pytest.param(
            {"type": "date", "timestamp": 1763780592, "format": "{time}", "fallback": "x"},
            '<time datetime="2025-11-22T03:03:12+00:00" title="Saturday, 22 November 2025, 03:03:12 UTC">03:03</time>',
            id="date",
        ),
        pytest.param({"type": "date", "format": "{time}", "fallback": "soon"}, "soon", id="a date that is none"),
    ],
)
def test_each_element_has_its_form(element: Json, expected: str) -> None:
    """Every element of rich text is shown, styles included."""
    assert f"<div>{expected}</div>" == rich_text({"elements": [part("section", element)]}, NAMES)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        pytest.param(part("preformatted", text("a\n b")), "<pre>a\n b</pre>", id="code keeps its lines"),
        pytest.param(part("quote", text("a\nb")), "<blockquote>a<br>b</blockquote>", id="quote"),
        pytest.param(
            part("list", part("section", text("a")), style="bullet", indent=1),
            '<ul class="indent-1"><li><div>a</div></li></ul>',
            id="a list, indented",
        ),
        pytest.param(
            part("list", part("section", text("a")), style="ordered", offset=4),
            '<ol class="indent-0" start="5"><li><div>a</div></li></ol>',
            id="a numbered list that goes on",
        ),
        pytest.param(part("list", style="odd", indent=99), '<ul class="indent-8"></ul>', id="no deeper than Slack"),
    ],
)
def test_each_part_has_its_form(block: Json, expected: str) -> None:
    """Lists, quotes and code are blocks of their own."""
    assert expected == rich_text({"elements": [block]}, NAMES)
