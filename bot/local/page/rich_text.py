"""Slack's `rich_text` block to HTML: sections, lists, code, quotes and every element inside them.

Reference: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup, escape

from bot.local.page import emoji
from bot.local.page.dates import date_token
from bot.local.page.mrkdwn import channel_mention, link, mention, safe_url
from bot.local.page.names import Names

# The element is a Slack client's JSON, whose kinds are many; each reader below takes what it needs as text.
Element = Mapping[str, Any]

_STYLES: Final = (("code", "code"), ("strike", "s"), ("italic", "em"), ("bold", "strong"), ("underline", "u"))
_DEEPEST_INDENT: Final = 8


def rich_text(block: Element, names: Names) -> Markup:
    """A whole `rich_text` block."""
    return Markup("").join(_part(part, names) for part in _children(block))


def _children(element: Element) -> list[Element]:
    children = element.get("elements")
    return [child for child in children if isinstance(child, Mapping)] if isinstance(children, list) else []


def _part(part: Element, names: Names) -> Markup:
    kind = part.get("type")
    if kind == "rich_text_list":
        return _list(part, names)
    inside = Markup("").join(_element(child, names) for child in _children(part))
    if kind == "rich_text_preformatted":
        return Markup("<pre>{}</pre>").format(inside)
    inside = inside.replace("\n", Markup("<br>"))
    if kind == "rich_text_quote":
        return Markup("<blockquote>{}</blockquote>").format(inside)
    return Markup("<div>{}</div>").format(inside)


def _list(part: Element, names: Names) -> Markup:
    tag = "ol" if part.get("style") == "ordered" else "ul"
    indent = min(_number(part.get("indent")), _DEEPEST_INDENT)
    start = _number(part.get("offset")) + 1
    items = Markup("").join(Markup("<li>{}</li>").format(_part(child, names)) for child in _children(part))
    first = Markup(' start="{}"').format(start) if tag == "ol" and start > 1 else ""
    return Markup('<{0} class="indent-{1}"{2}>{3}</{0}>').format(tag, indent, first, items)


def _number(value: object) -> int:
    return value if isinstance(value, int) and 0 < value < 10_000 else 0


def _text(element: Element, key: str) -> str:
    value = element.get(key)
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def _element(element: Element, names: Names) -> Markup:
    shown = _plain_element(element, names)
    style = element.get("style")
    if isinstance(style, Mapping):
        for name, tag in _STYLES:
            if style.get(name) is True:
                shown = Markup("<{0}>{1}</{0}>").format(tag, shown)
    return shown


def _plain_element(element: Element, names: Names) -> Markup:
    kind = element.get("type")
    if kind == "link":
        url = _text(element, "url")
        label = _text(element, "text") or url
        return link(url, label) if safe_url(url) else escape(label)
    if kind == "emoji":
        return escape(emoji.character(_text(element, "name")) or f":{_text(element, 'name')}:")
    if kind == "date":
        shown = date_token(_text(element, "timestamp"), _text(element, "format"), names)
        return shown if shown is not None else escape(_text(element, "fallback"))
    return _named(element, names)


def _named(element: Element, names: Names) -> Markup:
    match element.get("type"):
        case "user":
            user = _text(element, "user_id")
            return mention(user, f"@{names.user(user)}", names)
        case "usergroup":
            group = _text(element, "usergroup_id")
            return mention(group, f"@{names.group(group)}", names)
        case "channel":
            return channel_mention(_text(element, "channel_id"), "", names)
        case "broadcast":
            return Markup('<span class="mention mine">@{}</span>').format(_text(element, "range"))
        case "color":
            return Markup("<code>{}</code>").format(_text(element, "value"))
        case _:
            return escape(_text(element, "text"))
