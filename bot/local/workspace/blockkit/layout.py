"""Block Kit's layout blocks: which keys each takes, how much, on which surface."""

from collections.abc import Callable
from typing import Any

from bot.local.workspace.blockkit.elements import ACCESSORIES, ACTIONS, INPUTS, check_element, check_image
from bot.local.workspace.blockkit.objects import ANY_TEXT, check_text
from bot.local.workspace.blockkit.problems import Problems
from bot.local.workspace.blockkit.richtext import check_rich_text
from bot.local.workspace.values import Json

MARKDOWN_TOTAL = 12_000


def check_blocks(problems: Problems, blocks: list[Any], at: str, limit: int) -> None:
    """A list of blocks on the surface of `problems`."""
    if len(blocks) > limit:
        problems.add(f"no more than {limit} items allowed", at)
    for index, value in enumerate(blocks):
        _check_block(problems, value, f"{at}/{index}")
    if problems.markdown > MARKDOWN_TOTAL:
        problems.add(f"markdown blocks must have {MARKDOWN_TOTAL} characters at most in total", at)
    if sum(1 for block in blocks if isinstance(block, dict) and block.get("type") == "table") > 1:
        problems.add("only_one_table_allowed", at)


def _check_block(problems: Problems, value: object, at: str) -> None:
    block = problems.mapping(value, at)
    if block is None:
        return
    kind = block.get("type")
    check = _CHECKS.get(str(kind))
    if check is None or (problems.surface != "message" and kind in {"table", "markdown"}):
        problems.add(f"unsupported type: {kind}", f"{at}/type")
        return
    problems.unique(problems.string(block, "block_id", at, 255), problems.block_ids, "block_id", at)
    check(problems, block, at)


def _check_section(problems: Problems, block: Json, at: str) -> None:
    problems.keys(block, {"type", "block_id", "text", "fields", "accessory", "expand"}, at)
    if "text" not in block and "fields" not in block:
        problems.add("must provide text or fields", at)
    if "text" in block:
        check_text(problems, block["text"], f"{at}/text", 3000, ANY_TEXT)
    if "fields" in block:
        for index, each in enumerate(problems.items(block, "fields", at, 10)):
            check_text(problems, each, f"{at}/fields/{index}", 2000, ANY_TEXT)
    if "accessory" in block:
        check_element(problems, block["accessory"], f"{at}/accessory", ACCESSORIES)


def _check_context(problems: Problems, block: Json, at: str) -> None:
    problems.keys(block, {"type", "block_id", "elements"}, at)
    for index, each in enumerate(problems.items(block, "elements", at, 10)):
        here = f"{at}/elements/{index}"
        if isinstance(each, dict) and each.get("type") == "image":
            check_image(problems, each, here)
        else:
            check_text(problems, each, here, 3000, ANY_TEXT)


def _check_actions(problems: Problems, block: Json, at: str) -> None:
    problems.keys(block, {"type", "block_id", "elements"}, at)
    for index, each in enumerate(problems.items(block, "elements", at, 25)):
        check_element(problems, each, f"{at}/elements/{index}", ACTIONS)


def _check_header(problems: Problems, block: Json, at: str) -> None:
    problems.keys(block, {"type", "block_id", "text", "level"}, at)
    check_text(problems, block.get("text"), f"{at}/text", 150)


def _check_divider(problems: Problems, block: Json, at: str) -> None:
    problems.keys(block, {"type", "block_id"}, at)


def _check_image_block(problems: Problems, block: Json, at: str) -> None:
    check_image(problems, block, at, {"block_id", "title"})
    if "title" in block:
        check_text(problems, block["title"], f"{at}/title", 2000)


def _check_input(problems: Problems, block: Json, at: str) -> None:
    problems.keys(block, {"type", "block_id", "label", "element", "hint", "optional", "dispatch_action"}, at)
    check_text(problems, block.get("label"), f"{at}/label", 2000)
    if "hint" in block:
        check_text(problems, block["hint"], f"{at}/hint", 2000)
    problems.boolean(block, "optional", at)
    problems.boolean(block, "dispatch_action", at)
    check_element(problems, block.get("element"), f"{at}/element", INPUTS)


def _check_markdown(problems: Problems, block: Json, at: str) -> None:
    problems.keys(block, {"type", "block_id", "text"}, at)
    text = problems.string(block, "text", at, MARKDOWN_TOTAL, required=True) or ""
    problems.markdown += len(text)
    problems.characters += len(text)


def _check_table(problems: Problems, block: Json, at: str) -> None:
    problems.keys(block, {"type", "block_id", "rows", "column_settings"}, at)
    for number, row in enumerate(problems.items(block, "rows", at, 100)):
        for index, cell in enumerate(problems.items({"rows": row}, "rows", f"{at}/rows/{number}", 20)):
            here = f"{at}/rows/{number}/{index}"
            if problems.mapping(cell, here) is None:
                continue
            if cell.get("type") == "rich_text":
                check_rich_text(problems, cell, here)
            elif cell.get("type") == "raw_text":
                problems.keys(cell, {"type", "text"}, here)
                problems.characters += len(problems.string(cell, "text", here, 3000, required=True) or "")
            else:
                problems.add(f"unsupported type: {cell.get('type')}", f"{here}/type")
    for index, column in enumerate(problems.items(block, "column_settings", at, 20, required=False)):
        here = f"{at}/column_settings/{index}"
        if column is not None and problems.mapping(column, here) is not None:
            problems.keys(column, {"align", "is_wrapped"}, here)
            problems.choice(column, "align", here, {"left", "center", "right"})


_CHECKS: dict[str, Callable[[Problems, dict[str, Any], str], None]] = {
    "section": _check_section,
    "context": _check_context,
    "actions": _check_actions,
    "header": _check_header,
    "divider": _check_divider,
    "image": _check_image_block,
    "input": _check_input,
    "markdown": _check_markdown,
    "rich_text": check_rich_text,
    "table": _check_table,
}
