"""The two surfaces that take blocks, messages and views: what is accepted, and the ids that Slack fills in."""

import copy
import secrets
from typing import Any

from bot.local.workspace.blockkit.elements import ACTIONS, INPUTS
from bot.local.workspace.blockkit.layout import check_blocks
from bot.local.workspace.blockkit.objects import check_text
from bot.local.workspace.blockkit.problems import Problems
from bot.local.workspace.values import Json, Refusal

MESSAGE_BLOCKS, VIEW_BLOCKS, MESSAGE_CHARACTERS = 50, 100, 13_000
MODAL_KEYS = {
    "type",
    "title",
    "blocks",
    "close",
    "submit",
    "private_metadata",
    "callback_id",
    "clear_on_close",
    "notify_on_close",
    "external_id",
    "submit_disabled",
}
HOME_KEYS = {"type", "blocks", "private_metadata", "callback_id", "external_id"}


def accepted_blocks(value: object) -> list[Json]:
    """A message's blocks, with the ids filled in. `invalid_blocks_format`, `invalid_blocks`, `msg_blocks_too_long`."""
    if not isinstance(value, list):
        raise Refusal("invalid_blocks_format")
    problems = Problems("message")
    check_blocks(problems, value, "/blocks", MESSAGE_BLOCKS)
    if problems.found:
        raise Refusal("invalid_blocks", problems.found, {"errors": problems.found})
    if problems.characters > MESSAGE_CHARACTERS:
        raise Refusal("msg_blocks_too_long")
    return _with_ids(value)


def accepted_view(value: object, kinds: tuple[str, ...]) -> Json:
    """A view of one of the kinds (`modal`, `home`), with the ids filled in; otherwise `invalid_arguments`."""
    if not isinstance(value, dict):
        raise Refusal("invalid_arguments", ["must provide an object [json-pointer:/view]"])
    kind = value.get("type")
    problems = Problems(str(kind))
    if kind not in kinds:
        problems.add(f"invalid type; must be one of {', '.join(kinds)}", "/view/type")
        raise Refusal("invalid_arguments", problems.found)
    _check_frame(problems, value)
    blocks = problems.items(value, "blocks", "/view", VIEW_BLOCKS)
    check_blocks(problems, blocks, "/view/blocks", len(blocks))
    inputs = [block for block in blocks if isinstance(block, dict) and block.get("type") == "input"]
    if kind == "modal" and inputs and "submit" not in value:
        problems.add("missing required field: submit (a view with input blocks needs it)", "/view")
    if problems.found:
        raise Refusal("invalid_arguments", problems.found)
    return {**value, "blocks": _with_ids(blocks)}


def _check_frame(problems: Problems, view: Json) -> None:
    modal = view["type"] == "modal"
    problems.keys(view, MODAL_KEYS if modal else HOME_KEYS, "/view")
    if modal:
        check_text(problems, view.get("title"), "/view/title", 24)
    for key in ("submit", "close"):
        if view.get(key) is not None:
            check_text(problems, view[key], f"/view/{key}", 24)
    problems.string(view, "private_metadata", "/view", 3000, minimum=0)
    problems.string(view, "callback_id", "/view", 255, minimum=0)
    problems.string(view, "external_id", "/view", 255, minimum=0)
    problems.boolean(view, "clear_on_close", "/view")
    problems.boolean(view, "notify_on_close", "/view")


def _with_ids(blocks: list[Any]) -> list[Json]:
    filled: list[Json] = copy.deepcopy(blocks)
    for block in filled:
        block.setdefault("block_id", secrets.token_urlsafe(4))
        for element in interactive_elements(block):
            element.setdefault("action_id", secrets.token_urlsafe(4))
    return filled


def interactive_elements(block: Json) -> list[Json]:
    """The elements of a block that a person can use: those of `actions`, an accessory, an input's element."""
    candidates = [*(block.get("elements") or []), block.get("accessory"), block.get("element")]
    if block.get("type") not in {"actions", "section", "input"}:
        return []
    return [each for each in candidates if isinstance(each, dict) and each.get("type") in ACTIONS | INPUTS]
