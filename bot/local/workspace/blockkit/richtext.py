"""The rich text block: sections, lists, quotes and preformatted text, made of inline elements."""

from bot.local.workspace.blockkit.problems import Problems
from bot.local.workspace.values import Json

INLINE = {
    "text": "text",
    "link": "url",
    "emoji": "name",
    "user": "user_id",
    "channel": "channel_id",
    "usergroup": "usergroup_id",
    "broadcast": "range",
    "date": "timestamp",
    "color": "value",
}
STYLES = {"bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink"}


def check_rich_text(problems: Problems, block: Json, at: str) -> None:
    """A whole rich text block."""
    problems.keys(block, {"type", "block_id", "elements"}, at)
    for index, value in enumerate(problems.items(block, "elements", at, 500)):
        _check_part(problems, value, f"{at}/elements/{index}")


def _check_part(problems: Problems, value: object, at: str) -> None:
    part = problems.mapping(value, at)
    if part is None:
        return
    kind = part.get("type")
    if kind == "rich_text_list":
        problems.keys(part, {"type", "style", "elements", "indent", "offset", "border"}, at)
        if part.get("style") not in {"bullet", "ordered"}:
            problems.add("missing required field: style", at)
        for index, each in enumerate(problems.items(part, "elements", at, 500)):
            _check_part(problems, each, f"{at}/elements/{index}")
        return
    if kind not in {"rich_text_section", "rich_text_quote", "rich_text_preformatted"}:
        problems.add(f"unsupported type: {kind}", f"{at}/type")
        return
    problems.keys(part, {"type", "elements", "border", "language"}, at)
    if not isinstance(part.get("elements"), list):
        problems.add("missing required field: elements", at)
        return
    for index, each in enumerate(part["elements"]):
        _check_inline(problems, each, f"{at}/elements/{index}")


def _check_inline(problems: Problems, value: object, at: str) -> None:
    inline = problems.mapping(value, at)
    if inline is None:
        return
    kind = str(inline.get("type"))
    if kind not in INLINE:
        problems.add(f"unsupported type: {kind}", f"{at}/type")
        return
    needed = INLINE[kind]
    if needed not in inline:
        problems.add(f"missing required field: {needed}", at)
    if kind == "text":
        problems.characters += len(problems.string(inline, "text", at, 3000) or "")
    style = inline.get("style", {})
    if not isinstance(style, dict) or any(
        key not in STYLES or not isinstance(flag, bool) for key, flag in style.items()
    ):
        problems.add("invalid style", f"{at}/style")
