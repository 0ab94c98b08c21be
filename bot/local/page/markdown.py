"""The `markdown` block's dialect to HTML: headings, lists, quotes, code, tables, emphasis and links.

Reference: https://docs.slack.dev/reference/block-kit/blocks/markdown-block
"""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from markupsafe import Markup, escape

from bot.local.page.mrkdwn import emoji_text, link, safe_url
from bot.local.page.names import Names

_INLINE: Final = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|!?\[(?P<label>[^\]\n]*)\]\((?P<target>[^()\s]+)\)"
    r"|\*\*(?P<bold>\S(?:[^\n]*?\S)?)\*\*"
    r"|~~(?P<strike>\S(?:[^\n]*?\S)?)~~"
    r"|(?<!\w)[*_](?P<italic>[^\s*_](?:[^*_\n]*[^\s*_])?)[*_](?!\w)"
)
_FENCE: Final = re.compile(r"^```[^\n]*\n(.*?)\n?^```[ \t]*$", re.DOTALL | re.MULTILINE)
_KINDS: Final = (
    ("heading", re.compile(r"^#{1,6} +(.*?)#*$")),
    ("rule", re.compile(r"^ {0,3}(?:-{3,}|\*{3,}|_{3,})()$")),
    ("quote", re.compile(r"^> ?(.*)$")),
    ("ul", re.compile(r"^ *[-*+] +(.*)$")),
    ("ol", re.compile(r"^ *\d+[.)] +(.*)$")),
    ("table", re.compile(r"^ *\|(.*)\| *$")),
    ("blank", re.compile(r"^\s*()$")),
)
_RULER: Final = re.compile(r"^[\s:|-]+$")


def markdown(text: str, names: Names) -> Markup:
    """A whole markdown text; ids in it are not mentions, as in Slack."""
    del names  # Markdown has no mentions; the filter's form is that of the others.
    parts: list[Markup] = []
    position = 0
    for fence in _FENCE.finditer(text):
        parts.extend(_groups(text[position : fence.start()]))
        parts.append(Markup("<pre>{}</pre>").format(fence[1]))
        position = fence.end()
    parts.extend(_groups(text[position:]))
    return Markup("").join(parts)


def _kind(line: str) -> tuple[str, str]:
    for name, pattern in _KINDS:
        found = pattern.match(line)
        if found:
            return name, found[1].strip()
    return "text", line.strip()


def _groups(text: str) -> Iterator[Markup]:
    for kind, lines in groupby((_kind(line) for line in text.split("\n")), key=lambda pair: pair[0]):
        content = [inline(line) if kind != "table" else escape(line) for _, line in lines]
        if kind == "heading":
            yield from (Markup("<h4>{}</h4>").format(line) for line in content)
        elif kind == "rule":
            yield Markup("<hr>")
        elif kind == "quote":
            yield Markup("<blockquote>{}</blockquote>").format(Markup("<br>").join(content))
        elif kind in {"ul", "ol"}:
            items = Markup("").join(Markup("<li>{}</li>").format(line) for line in content)
            yield Markup("<{0}>{1}</{0}>").format(kind, items)
        elif kind == "table":
            yield _table([line.unescape() for line in content])
        elif kind == "text":
            yield Markup("<p>{}</p>").format(Markup("<br>").join(content))


def _table(lines: list[str]) -> Markup:
    rows = [line.split("|") for line in lines if not _RULER.match(line)]
    ruled = len(lines) > 1 and bool(_RULER.match(lines[1]))
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(
                Markup("<{0}>{1}</{0}>").format("th" if ruled and number == 0 else "td", inline(cell.strip()))
                for cell in row
            )
        )
        for number, row in enumerate(rows)
    )
    return Markup("<table>{}</table>").format(body)


def inline(text: str) -> Markup:
    """One line's emphasis, code and links."""
    out: list[Markup] = []
    position = 0
    for found in _INLINE.finditer(text):
        out.append(emoji_text(text[position : found.start()]))
        out.append(_piece(found))
        position = found.end()
    out.append(emoji_text(text[position:]))
    return Markup("").join(out)


def _piece(found: re.Match[str]) -> Markup:
    if found["code"]:
        return Markup("<code>{}</code>").format(found["code"])
    if found["target"]:
        label = found["label"] or found["target"]
        return link(found["target"], inline(label)) if safe_url(found["target"]) else escape(found[0])
    for group, tag in (("bold", "strong"), ("strike", "s"), ("italic", "em")):
        if found[group]:
            return Markup("<{0}>{1}</{0}>").format(tag, inline(found[group]))
    return escape(found[0])
