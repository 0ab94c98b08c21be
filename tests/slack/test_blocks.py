"""Any message becomes Block Kit that Slack accepts, and nothing in its text has power."""

import json
import re
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from slack_sdk.models.blocks import Block

from bot.domain.message import (
    Bold,
    Button,
    Buttons,
    Choice,
    ChoiceField,
    Code,
    Confirm,
    Divider,
    Facts,
    Heading,
    Inline,
    Link,
    Mention,
    Message,
    Modal,
    Moment,
    Option,
    Paragraph,
    Part,
    PersonField,
    Picture,
    Preformatted,
    Small,
    TextField,
    lines,
)
from bot.domain.timing import HOUR
from bot.local.workspace.blockkit.surfaces import accepted_blocks, accepted_view
from bot.requests.invocation import Incoming
from bot.slack.blocks import render
from bot.slack.forms import home_view, modal_view, reading_view
from tests.slack.messages import HOSTILE, messages, modals

BERLIN = ZoneInfo("Europe/Berlin")
AT = 1_772_420_400_000  # 2026-03-02 03:00 UTC
LONG = "x y " * 5_000
MANY = tuple(Option(LONG[:500], f"{number}{LONG[:500]}") for number in range(120))
SLOW = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
# What our own marks may produce between angle brackets, and nothing else.
_OURS = re.compile(
    r"<(@[UW][A-Z0-9]+|#[CGD][A-Z0-9]+|!date\^\d+\^\{[a-z_]+\}( \{time\})?\|[\w :]+|https?://[^<>|]+\|[^<>|]+)>"
)


def _strings(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _strings(inner, "mrkdwn" if value.get("type") == "mrkdwn" and name == "text" else name)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, key)


def _of(*parts: Part) -> list[dict[str, Any]]:
    return render(Message("fallback", parts), BERLIN).blocks


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(Heading(LONG), id="a heading"),
        pytest.param(lines(LONG), id="a line"),
        pytest.param(lines(*("x",) * 9_000), id="lines"),
        pytest.param(Facts(((LONG, (LONG,)), (LONG, (Bold(LONG), LONG)))), id="facts"),
        pytest.param(Facts((("x", ("y",)),) * 99), id="many facts"),
        pytest.param(Small((LONG,)), id="small print"),
        pytest.param(Small((Bold("x"), LONG)), id="small print with a mark"),
        pytest.param(Preformatted(LONG), id="output"),
        pytest.param(Picture("https://example.com/x.png", LONG), id="a picture's description"),
        pytest.param(Picture(LONG, LONG), id="a picture's address"),
        pytest.param(Buttons((Button("x", "x"),) * 999), id="buttons"),
        pytest.param(
            Buttons((Button(LONG, LONG, LONG[:3_000], None, Confirm(LONG, LONG, LONG, LONG)),)), id="a button"
        ),
        pytest.param(Buttons((Button("x", "x", url="https://example.com/" + "x" * 2_981),)), id="a button's address"),
        pytest.param(Buttons((Choice(LONG, "x", MANY),)), id="a select"),
        pytest.param(Divider(), id="nothing but lines"),
    ],
)
def test_whatever_is_too_long_or_too_many_is_cut(part: Part) -> None:
    """Each limit by itself, with far more than it allows, once and a hundred and twenty times."""
    for times in (1, 120):
        rendered = render(Message(LONG, (part,) * times), BERLIN)

        accepted_blocks(json.loads(json.dumps(rendered.blocks)))
        accepted_view(json.loads(json.dumps(home_view(Message(LONG, (part,) * times), BERLIN))), ("home",))
        assert len(rendered.text) <= 3_000


def test_a_form_of_everything_too_long_opens() -> None:
    """Each field's own limits, and more fields than a form may have."""
    few = (
        TextField("a", LONG, LONG, LONG, LONG),
        ChoiceField("b", LONG, MANY, MANY[0].value, LONG),
        PersonField("c", LONG, LONG),
    )
    many = tuple(TextField(f"t{number}", "x") for number in range(200))
    for fields in (few, many):
        modal = Modal(LONG, "incident.open", fields, LONG, "", (Divider(),) * 120)

        accepted_view(
            json.loads(json.dumps(modal_view(modal, Incoming("command", "/x", "", "U0SRE"), BERLIN))), ("modal",)
        )


@SLOW
@given(messages)
def test_any_message_keeps_every_limit(message: Message) -> None:
    """Whatever a message holds, Slack's own rules and slack_sdk's models find nothing wrong with its blocks."""
    rendered = render(message, BERLIN)

    accepted_blocks(json.loads(json.dumps(rendered.blocks)))
    for block in Block.parse_all(rendered.blocks):
        block.validate_json()
    assert 0 < len(rendered.text) <= 4000
    assert sum(len(text) for key, text in _strings(rendered.blocks) if key != "type") < 13_000


@SLOW
@given(messages)
def test_no_text_is_live(message: Message) -> None:
    """Only our own marks mention, link or broadcast; the same words in people's text are shown as they are."""
    rendered = render(message, BERLIN)

    for key, text in _strings(rendered.blocks):
        if key == "mrkdwn":
            rest = _OURS.sub("", text)
            assert "<" not in rest
            assert ">" not in rest
    assert not re.search("[<>]", rendered.text)


@SLOW
@given(modals)
def test_any_form_keeps_every_limit(modal: Modal) -> None:
    """Whatever a form holds, Slack opens it."""
    incoming = Incoming(
        "command", "/incident", "", "U0SRE", channel="C0ALERTS", response_url="https://hooks.slack.com/x"
    )

    accepted_view(json.loads(json.dumps(modal_view(modal, incoming, BERLIN))), ("modal",))


@settings(SLOW, max_examples=25)  # What differs from a message in a channel is the room, and that has its own test.
@given(messages)
def test_any_message_fits_a_view(message: Message) -> None:
    """The home tab and a view above it take whatever a message takes."""
    accepted_view(json.loads(json.dumps(home_view(message, BERLIN))), ("home",))
    accepted_view(json.loads(json.dumps(reading_view(message, BERLIN))), ("modal",))


@pytest.mark.parametrize("text", [each for each in HOSTILE if each.strip() and each.isprintable()])
def test_hostile_text_is_shown_letter_by_letter(text: str) -> None:
    """Rich text is not parsed, so a paragraph holds exactly what was typed."""
    (block,) = _of(lines(text))

    assert {"type": "text", "text": text} == block["elements"][0]["elements"][0]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param((Bold("a"), " <!channel>"), "*a* &lt;!channel&gt;", id="a broadcast"),
        pytest.param((Bold("a"), " *b*"), "*a* ∗b∗", id="asterisks of a person are not bold"),
        pytest.param(
            (Bold("a"), " campaign_emails _x_"), "*a* campaign_emails ˍxˍ", id="underscores inside a name stay"
        ),
        pytest.param((Code("`<@U0SRE>`"),), "`ˋ&lt;@U0SRE&gt;ˋ`", id="code is no way out"),
        pytest.param((Mention("sre", "U0SRE"),), "<@U0SRE>", id="our own mention"),
        pytest.param((Mention("sre", "!channel"),), "@sre", id="a mention of no user"),
        pytest.param(
            (Link("a|b>c", "https://x.example/?a=1&b"),), "<https://x.example/?a=1&amp;b|a¦b&gt;c>", id="a link"
        ),
        pytest.param((Link("x", "javascript:alert(1)"), Bold("!")), "x (javascript:alert(1))*!*", id="no other scheme"),
        pytest.param((Moment(AT),), "<!date^1772420400^{time}|04:00>", id="a moment falls back to the bot's zone"),
        pytest.param(
            (Moment(AT, now=AT + 20 * HOUR),),
            "<!date^1772420400^{date_short} {time}|2 Mar 2026 04:00>",
            id="a time of another day has its date",
        ),
    ],
)
def test_small_print_is_escaped(line: tuple[Inline, ...], expected: str) -> None:
    """Where only mrkdwn is possible, people's text loses its power and ours keeps it."""
    (block,) = _of(Small(line))

    assert {"type": "mrkdwn", "text": expected, "verbatim": True} == block["elements"][0]


def test_small_print_of_text_alone_is_plain() -> None:
    """A line without marks needs no mrkdwn, so nothing in it changes."""
    (block,) = _of(Small(("*1.4 s* · only you see this",)))

    assert {"type": "plain_text", "text": "*1.4 s* · only you see this", "emoji": False} == block["elements"][0]


def test_a_threshold_is_no_quotation() -> None:
    """A value that begins with `>` stays beside its label."""
    (block,) = _of(Facts((("depth", ("> 200", Bold("!"))),)))

    assert "*depth*\n＞ 200*!*" == block["fields"][0]["text"]


def test_what_does_not_fit_is_counted() -> None:
    """A text that is too long ends with the number of lines that are missing, and the buttons stay."""
    blocks = _of(
        Heading("Log"), lines(*("x" * 100 for _ in range(200))), Buttons((Button("Refresh", "health.refresh"),))
    )

    assert ["header", "rich_text", "context", "actions"] == [block["type"] for block in blocks]
    assert "… 112 more lines" == blocks[2]["elements"][0]["text"]


def test_preformatted_text_is_cut_inside_its_frame() -> None:
    """Output keeps its beginning and says how much is missing."""
    (block,) = _of(Preformatted("\n".join(["y" * 99] * 200)))

    assert "".join(each["text"] for each in block["elements"][0]["elements"]).endswith("\n… 111 more lines")


def test_equal_actions_of_one_message_differ() -> None:
    """Slack refuses two equal action ids in a message; the number after # is cut off again at the press."""
    (block,) = _of(Buttons((Button("a", "queue.show", "1"), Button("b", "queue.show", "2"))))

    assert ["queue.show", "queue.show#2"] == [each["action_id"] for each in block["elements"]]


def test_a_destructive_button_asks_first() -> None:
    """The confirmation of a dangerous button is dangerous too."""
    (block,) = _of(
        Buttons((Button("Roll back", "rollback.run", "x", "danger", Confirm("Sure?", "It restarts app", "Roll back")),))
    )

    assert "danger" == block["elements"][0]["confirm"]["style"]
    assert "Roll back" == block["elements"][0]["confirm"]["confirm"]["text"]


def test_a_message_without_parts_shows_its_text() -> None:
    """The fallback is the message where nothing else is given."""
    (block,) = render(Message("I lost this; please type it again."), BERLIN).blocks

    assert "I lost this; please type it again." == block["elements"][0]["elements"][0]["text"]


def test_neighbouring_texts_are_one_element() -> None:
    """A search for a whole line finds it."""
    (block,) = _of(Paragraph((("app ", "503"), (), ("since ", Moment(AT)))))

    assert ["app 503\n\nsince ", None] == [each.get("text") for each in block["elements"][0]["elements"]]


def test_a_form_refuses_private_text_that_is_too_long() -> None:
    """Private text is never cut: half of it would come back as if it were whole."""
    modal = Modal("t", "f", (TextField("a", "A"),), private="x" * 3_000)

    with pytest.raises(ValueError, match="private text"):
        modal_view(modal, Incoming("command", "/x", "", "U0SRE", channel="C0ALERTS"), BERLIN)
