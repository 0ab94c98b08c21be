"""What a person reads in a message of the workspace: the words of its blocks, and what can be pressed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
_DATE = re.compile(r"<!date\^\d+\^[^|>]*\|([^>]*)>")
_NAMES = {"U0ENGINEER": "engineer", "U0SRE": "sre", "U0LEAD": "lead", "U0MANAGER": "manager", "U0CTO": "cto"}
_PERSON = re.compile(r"<@(\w+)(?:\|[^>]*)?>")


@dataclass(frozen=True, slots=True)
class Pressable:
    """A button, or one option of a select."""

    label: str
    action_id: str
    value: str


def words(message: Json) -> str:
    """Everything that is written in a message, in order, people by name."""
    return " ".join(piece for piece in _texts(message.get("blocks") or [message.get("text", "")]) if piece)


def field(view: Json, name: str) -> Json:
    """The input of a form by its field id."""
    found: Json = next(block for block in view["blocks"] if block.get("block_id") == name)
    return found


def pressables(blocks: Any) -> Iterator[Pressable]:  # noqa: ANN401 - JSON
    """Everything in blocks that can be pressed or chosen."""
    if isinstance(blocks, list):
        for item in blocks:
            yield from pressables(item)
    elif isinstance(blocks, dict):
        if "action_id" in blocks:
            if "options" in blocks:
                for option in blocks["options"]:
                    yield Pressable(option["text"]["text"], blocks["action_id"], option["value"])
            elif blocks.get("type") == "button":
                yield Pressable(blocks["text"]["text"], blocks["action_id"], blocks.get("value", ""))
        for item in blocks.values():
            yield from pressables(item)


def _texts(node: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(node, str):
        yield _plain(node)
    elif isinstance(node, list):
        for item in node:
            yield from _texts(item)
    elif isinstance(node, dict):
        yield from _element(node)


def _element(node: Json) -> Iterator[str]:
    match node.get("type"):
        case "user":
            yield f"@{_NAMES.get(node['user_id'], node['user_id'])}"
        case "date":
            yield str(node.get("fallback", ""))
        case "emoji":
            yield chr(int(str(node["unicode"]).split("-")[0], 16)) if node.get("unicode") else f":{node['name']}:"
        case "rich_text_section":
            yield "".join(_texts(node["elements"]))
        case _:
            for name in ("text", "fields", "elements", "accessory", "label", "hint", "rows"):
                if name in node:
                    yield from _texts(node[name])


def _plain(text: str) -> str:
    text = _DATE.sub(r"\1", text)
    text = _PERSON.sub(lambda match: f"@{_NAMES.get(match[1], match[1])}", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("\u200b", "").replace("*", "")


def literal(message: Json) -> str:
    """What Slack would read as markup: the text and every mrkdwn object."""
    found: list[str] = [str(message["text"])]

    def walk(node: object) -> None:
        if isinstance(node, list):
            for item in node:
                walk(item)
        elif isinstance(node, dict):
            if node.get("type") == "mrkdwn":
                found.append(str(node["text"]))
            for item in node.values():
                walk(item)

    walk(message["blocks"])
    return "\n".join(found)
