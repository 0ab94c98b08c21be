from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.local.page.kit import render_blocks
from bot.local.page.mrkdwn import emoji_text
from bot.local.page.names import Names
from bot.local.workspace.values import Json
from tests.local.page.markup import Reader
from tests.local.page.scene import NIGHT

HOSTILE = [
    "<http://a.b|&lt;img src=x onerror=x&gt;>",
    "<@U9|&lt;b onclick=x&gt;>",
    "<#C9|&lt;b onclick=x&gt;>",
    "<!subteam^S9|&lt;b onclick=x&gt;>",
    "<!odd|&lt;b onclick=x&gt;>",
    "<!date^x^y|&lt;b onclick=x&gt;>",
    "<!date^1763780592^&lt;b onclick=x&gt;|x>",
    "`&lt;script&gt;`",
    "```&lt;script&gt;```",
    "*&lt;script&gt;* _&lt;script&gt;_ ~&lt;script&gt;~",
    "&gt; &lt;script&gt;",
    "http://a.b/&lt;script&gt;",
    "**<script>** ~~<script>~~ `<script>`",
    "[<script>](http://a.b)",
    "```\n<script>\n```",
    "|<script>|\n|--|\n|<script>|",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><b onclick=x>',
    "' autofocus onfocus='x",
    "<!--",
    "]]>",
    "<javascript:alert(1)|ok>",
    '<http://a.b/"onmouseover=x|<b>>',
    "<http://a.b|",
    "[x](javascript:x)",
    '[<i>](http://a"b)',
    "<!date^1763780592^{time}<b>^javascript:x|<i>>",
    '<@U"><b>|<i>>',
    "<#C|<u>>",
    '<!subteam^S">',
    "<!here|<b>>",
    "&lt;script&gt;",
    "&#60;b&#62;",
    "&amp;lt;b&amp;gt;",
    "```",
    "`",
    "*",
    "_",
    "~",
    "&gt; ",
    "\n",
    "|",
    "**",
    "# ",
    "- ",
    ">",
    "<",
    "{{ 7*7 }}",
    "{% raw %}",
    "</textarea>",
    "</template>",
    "</title>",
    "\x00",
    "\u2028",
    "javascript:alert(1)",
    "//evil.example",
]
TEXTS = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=12)), max_size=8).map("".join)
NAMES = Names(users={"U": "<b>"}, channels={"C9": '"><i>'}, groups={"S9": "<u>"}, viewer="U", now=NIGHT)

Kind = Callable[[str], Json]


def plain(text: str) -> Json:
    """A plain text object."""
    return {"type": "plain_text", "text": text}


def marked(text: str) -> Json:
    """A mrkdwn object."""
    return {"type": "mrkdwn", "text": text}


def options(text: str) -> list[Json]:
    """One option that says the text everywhere."""
    return [{"text": plain(text), "value": text, "description": plain(text), "url": text}]


def confirm(text: str) -> Json:
    """A question that says the text everywhere."""
    return {"title": plain(text), "text": marked(text), "confirm": plain(text), "deny": plain(text), "style": text}


def acts(kind: str, **more: object) -> Kind:
    """An element of a row that says the text everywhere."""

    def made(text: str) -> Json:
        named = {"type": kind, "action_id": text, "placeholder": plain(text), "text": plain(text), "value": text}
        given = {"options": options(text), "confirm": confirm(text), "url": text, "style": text, "initial_date": text}
        element = named | given | {"initial_option": options(text)[0]} | more
        return {"type": "actions", "block_id": text, "elements": [element]}

    return made


def field(kind: str) -> Kind:
    """A field of a form that says the text everywhere."""

    def made(text: str) -> Json:
        inside = acts(kind, initial_value=text, multiline=bool(len(text) % 2), max_length=text)(text)["elements"][0]
        return {"type": "input", "block_id": text, "label": plain(text), "hint": plain(text), "element": inside}

    return made


def rich(part: Kind) -> Kind:
    """A rich text around a part."""
    return lambda text: {"type": "rich_text", "elements": [part(text)]}


def inline(kind: str, **more: object) -> Kind:
    """A rich text element that says the text everywhere."""

    def made(text: str) -> Json:
        said = dict.fromkeys(
            ("text", "url", "name", "user_id", "usergroup_id", "channel_id", "range", "value", "fallback", "format"),
            text,
        )
        return {"type": "rich_text_section", "elements": [{"type": kind, **said, "style": {"bold": True}, **more}]}

    return made


ACTING = (
    "button",
    "static_select",
    "overflow",
    "datepicker",
    "checkboxes",
    "radio_buttons",
    "users_select",
    "conversations_select",
)
FIELDS = ("plain_text_input", "number_input", "static_select", "checkboxes", "timepicker", "multi_static_select")
INLINE = ("text", "link", "user", "usergroup", "channel", "emoji", "broadcast", "color")
KINDS: dict[str, Kind] = {
    "section": lambda text: {"type": "section", "text": marked(text), "fields": [marked(text), plain(text)]},
    "context": lambda text: {
        "type": "context",
        "elements": [marked(text), {"type": "image", "image_url": text, "alt_text": text}],
    },
    "header": lambda text: {"type": "header", "text": plain(text)},
    "image": lambda text: {"type": "image", "image_url": text, "alt_text": text, "title": plain(text)},
    "own image": lambda text: {"type": "image", "image_url": f"/files/{text}", "alt_text": text},
    "markdown": lambda text: {"type": "markdown", "text": text},
    "table": lambda text: {
        "type": "table",
        "rows": [[{"type": "raw_text", "text": text}]],
        "column_settings": [{"align": text}],
    },
    "unknown": lambda text: {"type": text},
    **{kind: acts(kind) for kind in ACTING},
    **{f"field {kind}": field(kind) for kind in FIELDS},
    **{f"rich {kind}": rich(inline(kind)) for kind in INLINE},
    "rich date": rich(inline("date", timestamp=1763780592)),
    "rich pre": rich(lambda text: {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}),
    "rich list": rich(lambda text: {"type": "rich_text_list", "style": text, "elements": [inline("text")(text)]}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_known_tricks_stay_text(kind: str) -> None:
    """Each way that has broken a renderer somewhere, in each place that shows text."""
    live = {trick: Reader(render_blocks([KINDS[kind](trick)], NAMES, {trick: trick})).foreign for trick in HOSTILE}

    assert {} == {trick: foreign for trick, foreign in live.items() if foreign}


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=60)  # The machine may be busy; forty kinds are many.
@given(text=TEXTS)
def test_no_text_becomes_html(kind: str, text: str) -> None:
    """Whatever a message, a view or a name says, the page's HTML holds the page's own tags and attributes only."""
    html = render_blocks([KINDS[kind](text)], NAMES, {text: text})

    assert [] == Reader(html).foreign


@settings(deadline=None)
@given(text=TEXTS)
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    """Escaping loses nothing: what is read back is what was written, shortcodes apart."""
    clean = text.replace(":", "").replace("\r", "").replace("\x00", "")

    assert clean == emoji_text(clean).unescape()


@pytest.mark.parametrize(
    "smuggled", ["<img src=x>", "<p onclick=x>", "<a href=javascript:x>", "<p style=x>", "<script>", "<!-- -->"]
)
def test_the_reader_sees_what_does_not_belong(smuggled: str) -> None:
    """The judge of the tests above finds live HTML where there is some."""
    assert Reader(smuggled).foreign
