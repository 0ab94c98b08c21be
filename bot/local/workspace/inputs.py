"""What a person puts into an element, checked as Slack's client checks it, in the form that payloads carry."""

from collections.abc import Callable

from bot.local.workspace.blockkit.elements import is_date, is_time, offered
from bot.local.workspace.blockkit.surfaces import interactive_elements
from bot.local.workspace.places import find_channel, find_person
from bot.local.workspace.state import Workspace
from bot.local.workspace.values import Json, Misuse

INITIAL = {
    "initial_option": "selected_option",
    "initial_options": "selected_options",
    "initial_user": "selected_user",
    "initial_users": "selected_users",
    "initial_conversation": "selected_conversation",
    "initial_conversations": "selected_conversations",
    "initial_channel": "selected_channel",
    "initial_channels": "selected_channels",
    "initial_date": "selected_date",
    "initial_time": "selected_time",
    "initial_date_time": "selected_date_time",
    "initial_value": "value",
}
STATELESS = {"button", "overflow", "image"}


def initial_state(blocks: list[Json], kept: dict[str, Json] | None = None) -> dict[str, Json]:
    """`state.values` of blocks: what was put in before, else what the app preset, else empty."""
    state: dict[str, Json] = {}
    for block in blocks:
        for element in interactive_elements(block):
            if element["type"] in STATELESS:
                continue
            before = ((kept or {}).get(block["block_id"]) or {}).get(element["action_id"])
            state.setdefault(block["block_id"], {})[element["action_id"]] = before or _preset(element)
    return state


def _preset(element: Json) -> Json:
    preset: Json = {"type": element["type"], _field(str(element["type"])): None}
    for initial, name in INITIAL.items():
        if initial in element:
            preset[name] = element[initial]
    if preset.get("selected_options", "") is None:
        preset["selected_options"] = []
    return preset


def _field(kind: str) -> str:
    if kind in {"static_select", "external_select", "radio_buttons", "overflow"}:
        return "selected_option"
    if kind in {"checkboxes", "multi_static_select", "multi_external_select"}:
        return "selected_options"
    words = {"datepicker": "selected_date", "timepicker": "selected_time", "datetimepicker": "selected_date_time"}
    if kind in words:
        return words[kind]
    if kind.endswith("_select"):
        many = kind.startswith("multi_")
        noun = kind.removeprefix("multi_").removesuffix("_select")
        return f"selected_{noun if many else noun.removesuffix('s')}"
    return "value"


def chosen(workspace: Workspace, element: Json, value: object) -> Json:
    """The state of an element after a person chose or typed `value`; `Misuse` where the element does not offer it."""
    kind = str(element["type"])
    name = _field(kind)
    if value in (None, "", []):
        return {"type": kind, name: [] if name == "selected_options" else None}
    if name in {"selected_options", "selected_users", "selected_conversations", "selected_channels"}:
        values = value if isinstance(value, list) else [value]
        return {"type": kind, name: [_single(workspace, element, name, each) for each in values]}
    return {"type": kind, name: _single(workspace, element, name, value)}


def _single(workspace: Workspace, element: Json, name: str, value: object) -> object:
    read = _READERS.get(name.removesuffix("s"), _text)
    return read(workspace, element, value)


def _option(_workspace: Workspace, element: Json, value: object) -> object:
    options = offered(element)
    wanted = str(value.get("value")) if isinstance(value, dict) else str(value)
    if wanted not in options and element["type"] not in {"external_select", "multi_external_select"}:
        raise Misuse(f"{element['action_id']} does not offer {wanted!r}; choose one of {', '.join(options)}.")
    return options.get(wanted, value)


def _user(workspace: Workspace, _element: Json, value: object) -> object:
    return str(value) if str(value) in workspace.directory.users else find_person(workspace, str(value)).id


def _channel(workspace: Workspace, _element: Json, value: object) -> object:
    return find_channel(workspace, str(value)).id


def _date(_workspace: Workspace, element: Json, value: object) -> object:
    if not is_date(value):
        raise Misuse(f"{element['action_id']} takes a date such as 2025-01-31, not {value!r}.")
    return value


def _time(_workspace: Workspace, element: Json, value: object) -> object:
    if not is_time(value):
        raise Misuse(f"{element['action_id']} takes a time such as 09:30, not {value!r}.")
    return value


def _moment(_workspace: Workspace, element: Json, value: object) -> object:
    if not str(value).isdigit():
        raise Misuse(f"{element['action_id']} takes seconds since 1970, not {value!r}.")
    return int(str(value))


def _text(_workspace: Workspace, element: Json, value: object) -> object:
    if not isinstance(value, str):
        raise Misuse(f"{element['action_id']} takes text, not {value!r}.")
    return value


_READERS: dict[str, Callable[[Workspace, Json, object], object]] = {
    "selected_option": _option,
    "selected_user": _user,
    "selected_conversation": _channel,
    "selected_channel": _channel,
    "selected_date": _date,
    "selected_time": _time,
    "selected_date_time": _moment,
}


def complaint(block: Json, state: Json) -> str | None:
    """What Slack's client writes at a field that cannot be sent; None where it can."""
    element = block["element"]
    value = next((each for key, each in state.items() if key != "type"), None)
    if not value:
        return None if block.get("optional") else "Please complete this required field."
    text = value if isinstance(value, str) else ""
    lowest, highest = int(element.get("min_length", 0)), int(element.get("max_length", 3000))
    if element["type"] == "plain_text_input" and not lowest <= len(text) <= highest:
        return f"Please enter {lowest} to {highest} characters."
    if element["type"] == "number_input" and not _is_number(text, decimal=bool(element.get("is_decimal_allowed"))):
        return "Please enter a number."
    return None


def _is_number(text: str, *, decimal: bool) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return decimal or "." not in text
