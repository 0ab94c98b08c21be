"""Turns buttons, selects and confirmations into Block Kit elements within Slack's limits."""

from collections.abc import Iterable, Sequence

from bot.domain.message import Button, Choice, Confirm, Option
from bot.slack import inlines, limits
from bot.slack.limits import cut, plain
from bot.slack.values import Json


class ActionIds:
    """Gives every element of one message its own action id: the second `queue.show` becomes `queue.show#2`."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def next(self, action: str) -> str:
        """The id for one more element with this action."""
        name = action[: limits.ACTION_ID - 8] or "link"
        self._seen[name] = number = self._seen.get(name, 0) + 1
        return name if number == 1 else f"{name}#{number}"


def element(item: Button | Choice, ids: ActionIds) -> Json | None:
    """One element; None for a select without options, which Slack refuses."""
    if isinstance(item, Button):
        return _button(item, ids)
    offered = options(item.options)
    if not offered:
        return None
    left_out = len({option.value for option in item.options}) - len(offered)
    placeholder = item.placeholder if left_out <= 0 else f"{cut(item.placeholder, 100)} (first {len(offered)})"
    return {
        "type": "static_select",
        "action_id": ids.next(item.action),
        "placeholder": plain(placeholder, limits.PLACEHOLDER),
        "options": offered,
    }


def options(choices: Iterable[Option]) -> list[Json]:
    """The first hundred options with different values."""
    by_value: dict[str, Json] = {}
    for choice in choices:
        value = choice.value[: limits.OPTION_VALUE]
        if value and len(by_value) < limits.OPTIONS:
            by_value.setdefault(value, {"text": plain(choice.label or value, limits.OPTION), "value": value})
    return list(by_value.values())


def cost(elements: Sequence[Json]) -> int:
    """How many characters these elements add to their message."""
    return sum(len(text) for each in elements for text in _texts(each))


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _button(item: Button, ids: ActionIds) -> Json:
    button: Json = {
        "type": "button",
        "action_id": ids.next(item.action),
        "text": plain(item.label, limits.BUTTON),
    }
    if item.value:
        button["value"] = item.value[: limits.VALUE]
    if item.style:
        button["style"] = item.style
    if inlines.is_address(item.url):
        button["url"] = item.url
    if item.confirm:
        button["confirm"] = _confirm(item.confirm, danger=item.style == "danger")
    return button


def _confirm(confirm: Confirm, *, danger: bool) -> Json:
    return {
        "title": plain(confirm.title, limits.CONFIRM_TITLE),
        "text": plain(confirm.text, limits.CONFIRM_TEXT),
        "confirm": plain(confirm.yes, limits.CONFIRM_BUTTON),
        "deny": plain(confirm.no, limits.CONFIRM_BUTTON),
    } | ({"style": "danger"} if danger else {})
