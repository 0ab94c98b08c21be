"""Slack's mrkdwn to HTML that holds nothing but the tags written here; everything else is text.

Rules: https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from typing import Final
from urllib.parse import urlencode, urlsplit

from markupsafe import Markup, escape

from bot.local.page import emoji
from bot.local.page.dates import date_token
from bot.local.page.names import Names

_FENCE: Final = re.compile(r"```\n?(.+?)\n?```", re.DOTALL)
_QUOTE: Final = re.compile(r"^(?:&gt;|>) ?(.*)$")
_INLINE: Final = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|<(?P<token>[^<>\n]+)>"
    r"|(?P<url>https?://[^\s<>|`]*[^\s<>|`.,:;!?\"'()\[\]{}*_~])"
    r"|:(?P<emoji>[a-z0-9_+'-]+(?:::skin-tone-[2-6])?):"
    r"|(?<![\w*])\*(?P<bold>[^\s*](?:[^*\n]*[^\s*])?)\*(?![\w*])"
    r"|(?<![\w_])_(?P<italic>[^\s_](?:[^_\n]*[^\s_])?)_(?![\w_])"
    r"|(?<![\w~])~(?P<strike>[^\s~](?:[^~\n]*[^\s~])?)~(?![\w~])"
)
_BROADCASTS: Final = frozenset({"here", "channel", "everyone"})
# Slack decodes these three and no others; `&quot;` in a message is shown as typed.
_ENTITIES: Final = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def safe_url(url: str) -> str | None:
    """The address where a link may point to: web and mail only, so that no message can carry a script."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme in {"http", "https"} and parts.netloc:
        return url
    return url if parts.scheme == "mailto" else None


def unescaped(text: str) -> str:
    """Text as Slack's client reads it."""
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    return text


def link(url: str, label: Markup | str) -> Markup:
    """A link that opens in a new tab and tells the other side nothing."""
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(url, label)


def mention(target: str, label: str, names: Names) -> Markup:
    """A person, group or broadcast; one that pings the person who looks stands out."""
    style = "mention mine" if names.concerns_viewer(target) else "mention"
    return Markup('<span class="{}">{}</span>').format(style, label)


def channel_mention(channel_id: str, label: str, names: Names) -> Markup:
    """A channel: a way to go there where this workspace has it."""
    name = names.channels.get(channel_id)
    if name is None:
        return Markup('<span class="mention">#{}</span>').format(label or channel_id)
    place = urlencode({"as": names.viewer, "channel": channel_id})
    return Markup('<a class="mention" href="/?{}" data-nav>#{}</a>').format(place, name)


def emoji_text(text: str) -> Markup:
    """Plain text in which known shortcodes have become characters (`plain_text` with `emoji`)."""
    return escape(re.sub(r":([a-z0-9_+'-]+):", lambda found: emoji.character(found[1]) or found[0], text))


def mrkdwn(text: str, names: Names) -> Markup:
    """A whole mrkdwn text, with its fences, quotes and lines."""
    parts: list[Markup] = []
    position = 0
    for fence in _FENCE.finditer(text):
        parts.append(_lines(text[position : fence.start()].removesuffix("\n"), names))
        parts.append(Markup("<pre>{}</pre>").format(_preformatted(fence[1])))
        position = fence.end()
    rest = text[position:]
    parts.append(_lines(rest.removeprefix("\n") if position else rest, names))
    return Markup("").join(parts)


def _preformatted(text: str) -> str:
    # Links inside code keep their label only, as Slack shows them.
    return unescaped(re.sub(r"<(?:[^<>|\n]*\|)?([^<>\n]*)>", r"\1", text))


def _lines(text: str, names: Names) -> Markup:
    out: list[Markup] = []
    quoted: list[Markup] = []
    plain: list[Markup] = []

    def close(*, quote: bool) -> None:
        lines = quoted if quote else plain
        if lines:
            body = Markup("<br>").join(lines)
            out.append(Markup("<blockquote>{}</blockquote>").format(body) if quote else body)
            lines.clear()

    for line in text.split("\n") if text else []:
        quote = _QUOTE.match(line)
        close(quote=quote is None)
        (quoted if quote else plain).append(_inline(quote[1] if quote else line, names))
    close(quote=True)
    close(quote=False)
    return Markup("").join(out)


def _inline(text: str, names: Names) -> Markup:
    out: list[Markup] = []
    position = 0
    for found in _INLINE.finditer(text):
        out.append(escape(unescaped(text[position : found.start()])))
        out.append(_piece(found, names))
        position = found.end()
    out.append(escape(unescaped(text[position:])))
    return Markup("").join(out)


def _piece(found: re.Match[str], names: Names) -> Markup:
    kind, content = found.lastgroup, found[found.lastgroup or 0]
    if kind == "code":
        return Markup("<code>{}</code>").format(_preformatted(content))
    if kind == "token":
        return _token(content, names) or escape(unescaped(found[0]))
    if kind == "url":
        return link(unescaped(content), unescaped(content)) if safe_url(unescaped(content)) else escape(content)
    if kind == "emoji":
        return escape(emoji.character(content) or found[0])
    tag = {"bold": "strong", "italic": "em"}.get(kind or "", "s")
    return Markup(f"<{tag}>{{}}</{tag}>").format(_inline(content, names))  # noqa: S704 - one of three literal tags


def _token(content: str, names: Names) -> Markup | None:
    target, _, label = content.partition("|")
    label = unescaped(label)
    if target.startswith("@"):
        return mention(target[1:], f"@{names.users.get(target[1:]) or label or target[1:]}", names)
    if target.startswith("#"):
        return channel_mention(target[1:], label, names)
    if target.startswith("!"):
        return _command(target[1:], label, names)
    url = unescaped(target)
    return link(url, emoji_text(label or url.removeprefix("mailto:"))) if safe_url(url) else None


def _command(command: str, label: str, names: Names) -> Markup | None:
    kind, *arguments = command.split("^")
    if kind in _BROADCASTS:
        return Markup('<span class="mention mine">@{}</span>').format(kind)
    if kind == "subteam" and arguments:
        return mention(arguments[0], f"@{names.groups.get(arguments[0]) or label.lstrip('@') or arguments[0]}", names)
    if kind == "date" and len(arguments) >= 2:
        date = date_token(arguments[0], unescaped(arguments[1]), names)
        url = unescaped(arguments[2]) if len(arguments) > 2 else ""
        shown = date if date is not None else escape(label)
        return link(url, shown) if safe_url(url) else shown
    return escape(label) if label else None
