"""Block Kit's interactive elements: which keys each takes, how long, where it may stand."""

from collections.abc import Callable
from datetime import date, time
from typing import Any

from bot.local.workspace.blockkit.objects import (
    ANY_TEXT,
    OPTIONS,
    check_confirm,
    check_option,
    check_options,
    check_text,
)
from bot.local.workspace.blockkit.problems import Problems
from bot.local.workspace.values import Json

COMMON = {"type", "action_id", "confirm", "focus_on_load"}
SELECTS = {
    "static_select": {"options", "option_groups", "initial_option"},
    "external_select": {"initial_option", "min_query_length"},
    "users_select": {"initial_user"},
    "conversations_select": {
        "initial_conversation",
        "default_to_current_conversation",
        "response_url_enabled",
        "filter",
    },
    "channels_select": {"initial_channel", "response_url_enabled"},
}
MULTI_SELECTS = {
    "multi_static_select": {"options", "option_groups", "initial_options", "max_selected_items"},
    "multi_external_select": {"initial_options", "min_query_length", "max_selected_items"},
    "multi_users_select": {"initial_users", "max_selected_items"},
    "multi_conversations_select": {
        "initial_conversations",
        "default_to_current_conversation",
        "filter",
        "max_selected_items",
    },
    "multi_channels_select": {"initial_channels", "max_selected_items"},
}
CHOICES = {
    *SELECTS,
    *MULTI_SELECTS,
    "overflow",
    "datepicker",
    "timepicker",
    "datetimepicker",
    "checkboxes",
    "radio_buttons",
}
ACTIONS = {*CHOICES, "button"}
ACCESSORIES = {*ACTIONS, "image"}
INPUTS = {
    *CHOICES - {"overflow"},
    "plain_text_input",
    "email_text_input",
    "url_text_input",
    "number_input",
    "file_input",
    "rich_text_input",
}


def check_element(problems: Problems, value: object, at: str, allowed: set[str]) -> None:
    """One element at a place where the kinds in `allowed` may stand."""
    element = problems.mapping(value, at)
    if element is None:
        return
    kind = element.get("type")
    if kind not in allowed:
        problems.add(f"unsupported type: {kind}", f"{at}/type")
        return
    if kind == "image":
        check_image(problems, element, at)
        return
    problems.unique(problems.string(element, "action_id", at, 255), problems.action_ids, "action_id", at)
    problems.boolean(element, "focus_on_load", at)
    if "confirm" in element:
        check_confirm(problems, element["confirm"], f"{at}/confirm")
    if "placeholder" in element:
        check_text(problems, element["placeholder"], f"{at}/placeholder", 150)
    _CHECKS.get(str(kind), _check_text_input)(problems, element, at)


def check_image(problems: Problems, element: Json, at: str, more: set[str] | frozenset[str] = frozenset()) -> None:
    """An image element; an image block takes `more` keys."""
    problems.keys(element, {"type", "image_url", "slack_file", "alt_text"} | more, at)
    problems.string(element, "alt_text", at, 2000, required=True, minimum=0)
    if "slack_file" in element:
        problems.mapping(element["slack_file"], f"{at}/slack_file")
        return
    url = problems.string(element, "image_url", at, 3000, required=True)
    if url is not None and not url.startswith(("http://", "https://")):
        problems.add("must provide a valid URL", f"{at}/image_url")


def _check_button(problems: Problems, element: Json, at: str) -> None:
    problems.keys(element, {"type", "action_id", "text", "url", "value", "style", "confirm", "accessibility_label"}, at)
    check_text(problems, element.get("text"), f"{at}/text", 75)
    url = problems.string(element, "url", at, 3000)
    if url is not None and not url.startswith(("http://", "https://", "mailto:", "slack://")):
        problems.add("must provide a valid URL", f"{at}/url")
    problems.string(element, "value", at, 2000, minimum=0)
    problems.string(element, "accessibility_label", at, 75)
    problems.choice(element, "style", at, {"primary", "danger"})


def _check_select(problems: Problems, element: Json, at: str) -> None:
    kind = str(element["type"])
    own = {**SELECTS, **MULTI_SELECTS}[kind]
    problems.keys(element, {*COMMON, "placeholder", *own}, at)
    problems.number(element, "max_selected_items", at, 1, 100)
    if "static" in kind:
        _check_static(problems, element, at)
    if "initial_option" in element:
        chosen = check_option(problems, element["initial_option"], f"{at}/initial_option")
        if "static" in kind and chosen not in offered(element):
            problems.add("initial_option must be one of the options", f"{at}/initial_option")
    for index, each in enumerate(element.get("initial_options") or []):
        if "static" in kind and check_option(problems, each, f"{at}/initial_options/{index}") not in offered(element):
            problems.add("initial_options must be among the options", f"{at}/initial_options/{index}")


def _check_static(problems: Problems, element: Json, at: str) -> None:
    if ("options" in element) == ("option_groups" in element):
        problems.add("must provide either options or option_groups", at)
        return
    if "options" in element:
        check_options(problems, element["options"], f"{at}/options", OPTIONS)
        return
    for index, group in enumerate(problems.items(element, "option_groups", at, 100)):
        here = f"{at}/option_groups/{index}"
        if problems.mapping(group, here) is not None:
            problems.keys(group, {"label", "options"}, here)
            check_text(problems, group.get("label"), f"{here}/label", 75)
            check_options(problems, group.get("options"), f"{here}/options", OPTIONS)


def offered(element: Json) -> dict[str, Json]:
    """The options that a select, overflow, checkboxes or radio buttons offer, by value."""
    options = [*(element.get("options") or [])]
    for group in element.get("option_groups") or []:
        options += group.get("options") or []
    return {str(option.get("value")): option for option in options if isinstance(option, dict)}


def _check_overflow(problems: Problems, element: Json, at: str) -> None:
    problems.keys(element, {"type", "action_id", "options", "confirm"}, at)
    check_options(problems, element.get("options"), f"{at}/options", 5, url=True)


def _check_boxes(problems: Problems, element: Json, at: str) -> None:
    many = element["type"] == "checkboxes"
    problems.keys(element, {*COMMON, "options", "initial_options" if many else "initial_option"}, at)
    check_options(problems, element.get("options"), f"{at}/options", 10, ANY_TEXT)
    initial = (
        element.get("initial_options") if many else [element["initial_option"]] if "initial_option" in element else []
    )
    for each in initial or []:
        if not isinstance(each, dict) or str(each.get("value")) not in offered(element):
            problems.add("initial options must be among the options", at)


def _check_date(problems: Problems, element: Json, at: str) -> None:
    problems.keys(element, {*COMMON, "placeholder", "initial_date"}, at)
    if "initial_date" in element and not is_date(element["initial_date"]):
        problems.add("must provide a date in YYYY-MM-DD format", f"{at}/initial_date")


def _check_time(problems: Problems, element: Json, at: str) -> None:
    problems.keys(element, {*COMMON, "placeholder", "initial_time", "timezone"}, at)
    if "initial_time" in element and not is_time(element["initial_time"]):
        problems.add("must provide a time in HH:mm format", f"{at}/initial_time")


def _check_datetime(problems: Problems, element: Json, at: str) -> None:
    problems.keys(element, {*COMMON, "initial_date_time"}, at)
    problems.number(element, "initial_date_time", at, 1_000_000_000, 9_999_999_999)


def _check_text_input(problems: Problems, element: Json, at: str) -> None:
    kind = str(element["type"])
    own: dict[str, set[str]] = {
        "plain_text_input": {"multiline", "min_length", "max_length"},
        "number_input": {"is_decimal_allowed", "min_value", "max_value"},
        "file_input": {"filetypes", "max_files"},
    }
    keys = {*COMMON, "placeholder", "initial_value", "dispatch_action_config", *own.get(kind, set())}
    problems.keys(element, keys - {"confirm"}, at)
    if kind != "rich_text_input":
        problems.string(element, "initial_value", at, 3000, minimum=0)
    problems.boolean(element, "multiline", at)
    problems.number(element, "min_length", at, 0, 3000)
    problems.number(element, "max_length", at, 1, 3000)


def is_date(value: object) -> bool:
    """Whether it is a date as a date picker sends it."""
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def is_time(value: object) -> bool:
    """Whether it is a time as a time picker sends it."""
    try:
        return isinstance(value, str) and time.fromisoformat(value).strftime("%H:%M") == value
    except ValueError:
        return False


_CHECKS: dict[str, Callable[[Problems, dict[str, Any], str], None]] = {
    "button": _check_button,
    "overflow": _check_overflow,
    "checkboxes": _check_boxes,
    "radio_buttons": _check_boxes,
    "datepicker": _check_date,
    "timepicker": _check_time,
    "datetimepicker": _check_datetime,
    **dict.fromkeys((*SELECTS, *MULTI_SELECTS), _check_select),
}
