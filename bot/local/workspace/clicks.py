"""Clicks: a person uses an element of a message, a modal or the home tab."""

from dataclasses import dataclass

from bot.local.workspace.blockkit.surfaces import interactive_elements
from bot.local.workspace.delivery import Delivered, Delivery, Envelope
from bot.local.workspace.directory import Channel, User
from bot.local.workspace.inputs import STATELESS, chosen, initial_state
from bot.local.workspace.messages import wire
from bot.local.workspace.payloads import channel_name, interaction
from bot.local.workspace.state import Workspace
from bot.local.workspace.timeline import Post
from bot.local.workspace.values import Json, Misuse
from bot.local.workspace.views import View


@dataclass(frozen=True, slots=True)
class Pressed:
    """An element and what was chosen in it; `value` None presses a button whatever its value."""

    action_id: str
    value: object = None


async def click_message(
    workspace: Workspace, delivery: Delivery, user: User, *, channel: Channel, post: Post, pressed: Pressed
) -> Delivered:
    """Use an element of a message."""
    block, element = _element(post.blocks, pressed.action_id)
    action, state = _action(workspace, block, element, pressed), initial_state(post.blocks)
    _remember(state, action, element)
    path = workspace.tickets.response(
        channel.id, user.id, source_ts=post.ts, ephemeral=post.only is not None, thread_ts=post.thread_ts
    )
    container: Json = {
        "type": "message",
        "message_ts": post.ts,
        "channel_id": channel.id,
        "is_ephemeral": post.only is not None,
    }
    if post.thread_ts:
        container["thread_ts"] = post.thread_ts
    payload = interaction(workspace, "block_actions", user) | {
        "container": container,
        "channel": {"id": channel.id, "name": channel_name(channel)},
        "state": {"values": state},
        "response_url": f"{workspace.url}/response/{path}",
        "actions": [action],
    }
    if post.only is None:
        payload["message"] = wire(workspace, post)  # Slack leaves the text of an ephemeral message out.
    return await delivery.send(Envelope("interactive", payload))


async def click_view(
    workspace: Workspace, delivery: Delivery, user: User, view: View, pressed: Pressed
) -> Delivered | None:
    """Use an element of a view. An input without `dispatch_action` only keeps what was put in: nothing is sent."""
    block, element = _element(view.content["blocks"], pressed.action_id)
    action = _action(workspace, block, element, pressed)
    view.values = initial_state(view.content["blocks"], view.values)
    _remember(view.values, action, element)
    workspace.touch()
    if block["type"] == "input" and not block.get("dispatch_action"):
        return None
    payload = interaction(workspace, "block_actions", user, view.id) | {
        "container": {"type": "view", "view_id": view.id},
        "view": view.payload(),
        "actions": [action],
    }
    return await delivery.send(Envelope("interactive", payload))


def _element(blocks: list[Json], action_id: str) -> tuple[Json, Json]:
    offered: list[str] = []
    for block in blocks:
        for element in interactive_elements(block):
            if element["action_id"] == action_id:
                return block, element
            offered.append(element["action_id"])
    known = f"it offers {', '.join(offered)}" if offered else "it offers none"
    raise Misuse(f"There is no element {action_id!r} here; {known}.", 404)


def _action(workspace: Workspace, block: Json, element: Json, pressed: Pressed) -> Json:
    action: Json = {
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "type": element["type"],
        "action_ts": workspace.now_ts(),
    }
    if element["type"] != "button":
        if pressed.value is None:
            raise Misuse(f"{element['action_id']} is a {element['type']}; pass the `value` to choose.")
        return action | chosen(workspace, element, pressed.value)
    if pressed.value is not None and pressed.value != element.get("value", ""):
        raise Misuse(f"The button {element['action_id']} does not carry the value {pressed.value!r}.", 409)
    shown = {key: element[key] for key in ("text", "value", "style", "url") if key in element}
    return action | shown


def _remember(state: dict[str, Json], action: Json, element: Json) -> None:
    if element["type"] in STATELESS:
        return
    kept = {
        key: value for key, value in action.items() if key == "type" or key.startswith("selected") or key == "value"
    }
    state.setdefault(action["block_id"], {})[action["action_id"]] = kept
