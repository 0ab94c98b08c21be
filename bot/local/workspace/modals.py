"""Modals: a person submits or closes one, and the app says what becomes of it."""

from bot.local.workspace.blockkit.surfaces import accepted_view, interactive_elements
from bot.local.workspace.delivery import Delivered, Delivery, Envelope
from bot.local.workspace.directory import User
from bot.local.workspace.inputs import chosen, complaint, initial_state
from bot.local.workspace.payloads import interaction
from bot.local.workspace.state import Workspace
from bot.local.workspace.values import Json, Misuse, Refusal
from bot.local.workspace.views import View

TROUBLE = "We had some trouble connecting. Try again?"


class Incomplete(Misuse):
    """The client does not send the form; `errors` by block id says why."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{block}: {text}" for block, text in errors.items()), 422)
        self.errors = errors


async def submit(workspace: Workspace, delivery: Delivery, user: User, view: View, values: Json) -> Delivered:
    """Check a form as the client does, send it, and do what the acknowledgement asks for."""
    if view.content["type"] != "modal":
        raise Misuse("The home tab cannot be submitted.", 409)
    if view.content.get("submit") is None:
        raise Misuse(f"The view {view.id} has no submit button.", 409)
    _fill_in(workspace, view, values)
    view.errors = _complaints(view)
    workspace.touch()
    if view.errors:
        raise Incomplete(view.errors)
    payload = interaction(workspace, "view_submission", user, view.id) | {"view": view.payload(), "response_urls": []}
    delivered = await delivery.send(Envelope("interactive", payload))
    try:
        _obey(workspace, view, delivered)
    except Refusal:
        view.errors = {"": TROUBLE}
    workspace.touch()
    return delivered


async def close(workspace: Workspace, delivery: Delivery, user: User, view: View) -> Delivered | None:
    """Close a modal (all of them with `clear_on_close`); the app hears of it where it asked to."""
    if view.content["type"] != "modal":
        raise Misuse("The home tab cannot be closed.", 409)
    cleared = bool(view.content.get("clear_on_close"))
    if cleared:
        workspace.views.clear(user.id)
    else:
        workspace.views.close(view)
    workspace.touch()
    if not view.content.get("notify_on_close"):
        return None
    payload = interaction(workspace, "view_closed", user) | {"view": view.payload(), "is_cleared": cleared}
    return await delivery.send(Envelope("interactive", payload))


def _fill_in(workspace: Workspace, view: View, values: Json) -> None:
    elements = {
        (block["block_id"], element["action_id"]): element
        for block in view.content["blocks"]
        for element in interactive_elements(block)
    }
    state = initial_state(view.content["blocks"], view.values)
    for block_id, actions in values.items():
        if not isinstance(actions, dict):
            raise Misuse(f"`values` must be {{block_id: {{action_id: value}}}}; {block_id} has {actions!r}.")
        for action_id, value in actions.items():
            if (block_id, action_id) not in elements:
                known = ", ".join("/".join(key) for key in elements) or "none"
                raise Misuse(f"The view has no input {block_id}/{action_id}; it has {known}.", 404)
            state[block_id][action_id] = chosen(workspace, elements[block_id, action_id], value)
    view.values = state


def _complaints(view: View) -> dict[str, str]:
    errors: dict[str, str] = {}
    for block in view.content["blocks"]:
        if block["type"] == "input":
            text = complaint(block, view.values[block["block_id"]][block["element"]["action_id"]])
            if text:
                errors[block["block_id"]] = text
    return errors


def _obey(workspace: Workspace, view: View, delivered: Delivered) -> None:
    views, now, answer = workspace.views, workspace.clock.now(), delivered.json
    if not delivered.ok or (delivered.body and not answer):
        raise Refusal("invalid_response")
    action = answer.get("response_action")
    if action is None:
        views.close(view)
    elif action == "errors":
        view.errors = _errors(view, answer.get("errors"))
    elif action == "update":
        views.update(view, accepted_view(answer.get("view"), ("modal",)), now)
    elif action == "push":
        views.push(view.user, accepted_view(answer.get("view"), ("modal",)), now)
    elif action == "clear":
        views.clear(view.user)
    else:
        raise Refusal("invalid_response")


def _errors(view: View, errors: object) -> dict[str, str]:
    inputs = {block["block_id"] for block in view.content["blocks"] if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or errors.keys() - inputs:
        raise Refusal("invalid_response")  # An error at a block that is no input is shown nowhere.
    return {str(block): str(text) for block, text in errors.items()}
