"""Arbitrary messages for property tests: nasty text, every primitive, any size."""

from hypothesis import strategies as st

from bot.domain.message import (
    Bold,
    Button,
    Buttons,
    ChannelLink,
    Choice,
    ChoiceField,
    Code,
    Confirm,
    Divider,
    Facts,
    Heading,
    Link,
    Mention,
    Message,
    Modal,
    Moment,
    Option,
    Paragraph,
    PersonField,
    Picture,
    Preformatted,
    Small,
    TextField,
)

HOSTILE = (
    "<!channel>",
    "<!here|here>",
    "<@U0SRE>",
    "<!subteam^S0APPROVERS>",
    "<http://evil.example|ok>",
    "&lt;!channel&gt;",
    "*bold* _it_ ~no~ `code`",
    "```",
    "> quote",
    "@channel",
    ":skull:",
    "\u202egnp.exe",
    "\x00\x07",
    "\ud800",
    "",
    " ",
    "\n\n",
)
_small = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40))
_long = st.builds(
    lambda text, times: text * times, st.one_of(st.sampled_from(HOSTILE), st.text(max_size=9)), st.integers(1, 900)
)
texts = st.one_of(_small, _small, _long)
_urls = st.one_of(
    st.sampled_from(["https://example.com/a?b=1&c=2", "http://x|y>z", "javascript:alert(1)", "ftp://x"]), texts
)
inlines = st.one_of(
    texts,
    st.builds(Bold, texts),
    st.builds(Code, texts),
    st.builds(Mention, texts, st.one_of(st.sampled_from(["U0SRE", "!channel", "S0X", ""]), _small)),
    st.builds(ChannelLink, st.one_of(st.sampled_from(["C0ALERTS", "!here"]), _small)),
    st.builds(Link, texts, _urls),
    st.builds(Moment, st.integers(-(10**18), 10**18), st.sampled_from(["time", "seconds", "date"])),
)
line = st.lists(inlines, max_size=5).map(tuple)
_confirm = st.builds(Confirm, texts, texts, _small, _small)
_button = st.builds(
    Button,
    texts,
    _small,
    texts,
    st.sampled_from([None, "primary", "danger"]),
    st.one_of(st.none(), _confirm),
    st.one_of(st.just(""), _urls),
)
_options = st.lists(st.builds(Option, texts, _small), max_size=5).flatmap(
    lambda few: st.integers(1, 60).map(
        lambda times: tuple(Option(each.label, f"{each.value}{n}") for n in range(times) for each in few)
    )
)
_choice = st.builds(Choice, texts, _small, _options)
text_parts = st.one_of(
    st.builds(Heading, texts),
    st.lists(line, max_size=8).map(lambda lines: Paragraph(tuple(lines))),
    st.lists(line, min_size=1, max_size=3).flatmap(
        lambda few: st.integers(1, 80).map(lambda times: Paragraph(tuple(few * times)))
    ),
    st.lists(st.tuples(texts, line), max_size=25).map(lambda pairs: Facts(tuple(pairs))),
    st.builds(Small, line),
    st.builds(Preformatted, texts),
    st.just(Divider()),
    st.builds(Picture, _urls, texts),
)
buttons = st.lists(st.one_of(_button, _button, _choice), max_size=30).map(lambda items: Buttons(tuple(items)))
parts = st.one_of(text_parts, text_parts, text_parts, buttons)
messages = st.builds(
    Message,
    texts,
    st.lists(parts, max_size=12).flatmap(lambda few: st.integers(1, 8).map(lambda times: tuple(few * times))),
)
# No button's action is called so: in one view Slack takes an id once.
_ids = st.lists(st.text("abcdefghij", min_size=1, max_size=8).map("field_{}".format), unique=True, max_size=8)


def _fields(ids: list[str]) -> st.SearchStrategy[tuple[TextField | ChoiceField | PersonField, ...]]:
    flag = st.booleans()
    return st.tuples(
        *(
            st.one_of(
                st.builds(TextField, st.just(each), texts, texts, texts, texts, flag, flag),
                st.builds(ChoiceField, st.just(each), texts, _options, _small, texts, flag),
                st.builds(PersonField, st.just(each), texts, _small, flag),
            )
            for each in ids
        )
    )


modals = st.builds(
    Modal,
    texts,
    st.just("incident.open"),
    _ids.flatmap(_fields),
    texts,
    st.text(max_size=500),
    st.lists(parts, max_size=8).map(tuple),
)
