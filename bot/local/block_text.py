"""Block Kit as plain text, for programs and terminals: what is written, and what can be pressed."""

import re
from collections.abc import Iterable, Iterator, Mapping

from bot.local.workspace.values import Json

_DATE = re.compile(r"<!date\^\d+\^[^|>]*\|([^>]*)>")
_PERSON = re.compile(r"<@(\w+)(?:\|[^>]*)?>")
_CHANNEL = re.compile(r"<#(\w+)(?:\|[^>]*)?>")
_LINK = re.compile(r"<(https?://[^|>]+)\|([^>]*)>")
_BOLD = re.compile(r"(?<!\S)\*([^*\n]+)\*(?!\S)")
_RULE = "─" * 40


def block_text(blocks: Iterable[Json], names: Mapping[str, str]) -> str:
    """The blocks as lines; `names` are people by their Slack id."""
    return "\n".join(line for block in blocks for line in _block(block, names))


def _block(block: Json, names: Mapping[str, str]) -> Iterator[str]:
    match block["type"]:
        case "header":
            yield str(block["text"]["text"])
        case "section":
            if "text" in block:
                yield _words(block["text"], names)
            yield from (_words(field, names).replace("\n", "  ") for field in block.get("fields", ()))
        case "context":
            yield " ".join(_words(each, names) for each in block["elements"])
        case "rich_text":
            yield from (_rich(each, names) for each in block["elements"])
        case "divider":
            yield _RULE
        case "image":
            yield f"{block['alt_text']} ({block['image_url']})"
        case "actions":
            yield " ".join(_control(each) for each in block["elements"])


def _words(element: Json, names: Mapping[str, str]) -> str:
    if element["type"] == "image":
        return str(element["alt_text"])
    text = str(element["text"])
    if element["type"] == "mrkdwn":
        text = _LINK.sub(r"\2 (\1)", _CHANNEL.sub(r"#\1", text))
        text = _PERSON.sub(lambda it: f"@{names.get(it[1], it[1])}", _DATE.sub(r"\1", text))
        text = _BOLD.sub(r"\1", text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return text.replace("\u200b", "")


def _rich(element: Json, names: Mapping[str, str]) -> str:
    match element["type"]:
        case "text":
            return str(element["text"])
        case "user":
            return f"@{names.get(element['user_id'], element['user_id'])}"
        case "date":
            return str(element.get("fallback", ""))
        case "link":
            return f"{element['text']} ({element['url']})" if element.get("text") else str(element["url"])
        case "channel":
            return f"#{element['channel_id']}"
        case kind:
            text = "".join(_rich(each, names) for each in element.get("elements", ()))
            return "\n".join(f"    {line}" for line in text.split("\n")) if kind == "rich_text_preformatted" else text


def _control(element: Json) -> str:
    if element["type"] == "button":
        return f"[{element['text']['text']}]"
    return f"[{element.get('placeholder', {}).get('text', 'Choose')} ▾]"
