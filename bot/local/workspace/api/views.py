"""`views.*`: open, push, update a modal; publish a home tab."""

from bot.local.workspace.api.call import Call, Method
from bot.local.workspace.blockkit.surfaces import accepted_view
from bot.local.workspace.tickets import Trigger
from bot.local.workspace.values import Json, Refusal
from bot.local.workspace.views import View


def open_view(call: Call) -> Json:
    """Open a modal for the person whose action gave the trigger."""
    content = accepted_view(call.json("view"), ("modal",))
    trigger = _trigger(call)
    return _answer(call, call.workspace.views.open(trigger.user, content, call.workspace.clock.now()))


def push(call: Call) -> Json:
    """Put a modal on top of the one in which the trigger arose."""
    content = accepted_view(call.json("view"), ("modal",))
    trigger = _trigger(call)
    if trigger.view_id is None:
        raise Refusal("invalid_trigger_id")
    return _answer(call, call.workspace.views.push(trigger.user, content, call.workspace.clock.now()))


def update(call: Call) -> Json:
    """Replace what an open view shows."""
    content = accepted_view(call.json("view"), ("modal", "home"))
    views = call.workspace.views
    view = views.find(call.text("view_id")) or views.find_external(call.text("external_id"))
    if not call.text("view_id") and not call.text("external_id"):
        raise Refusal("invalid_arguments", ["missing required field: view_id or external_id"])
    if view is None:
        raise Refusal("not_found")
    return _answer(call, views.update(view, content, call.workspace.clock.now(), call.text("hash") or None))


def publish(call: Call) -> Json:
    """Set a person's home tab."""
    if not call.workspace.manifest.has_home:
        raise Refusal("not_enabled")
    user = call.needed("user_id")
    if call.workspace.directory.person(user) is None:
        raise Refusal("user_not_found")
    content = accepted_view(call.json("view"), ("home",))
    now, expected = call.workspace.clock.now(), call.text("hash") or None
    return _answer(call, call.workspace.views.publish(user, content, now, expected))


def _trigger(call: Call) -> Trigger:
    trigger_id = call.text("trigger_id") or call.text("interactivity_pointer")
    if not trigger_id:
        raise Refusal("invalid_arguments", ["missing required field: trigger_id"])
    return call.workspace.tickets.exchange(trigger_id)


def _answer(call: Call, view: View) -> Json:
    call.workspace.touch()
    return {"view": view.payload()}


METHODS = {
    "views.open": Method(open_view, "", 4),
    "views.push": Method(push, "", 4),
    "views.update": Method(update, "", 4),
    "views.publish": Method(publish, "", 4),
}
