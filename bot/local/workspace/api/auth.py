"""`auth.test`, `api.test`, `bots.info`, `apps.connections.open`: who am I, and where do I connect."""

from bot.local.workspace.api.call import Call, Method
from bot.local.workspace.directory import APP, BOT, BOT_USER, TEAM
from bot.local.workspace.values import Json, Refusal


def auth_test(call: Call) -> Json:
    """Who the token stands for."""
    return {
        "url": f"{call.workspace.url}/",
        "team": "Steward demo",
        "user": "steward",
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": False,
    }


def api_test(call: Call) -> Json:
    """Echo the arguments; an `error` argument is answered as that error."""
    shown = {name: value for name, value in call.arguments.items() if name != "token"}
    if call.text("error"):
        raise Refusal(call.text("error"), extra={"args": shown})
    return {"args": shown}


def bots_info(call: Call) -> Json:
    """The app's bot."""
    if call.text("bot", BOT) != BOT:
        raise Refusal("bot_not_found")
    bot = {"id": BOT, "deleted": False, "name": "Steward", "app_id": APP, "user_id": BOT_USER, "icons": {}}
    return {"bot": bot}


def connections_open(call: Call) -> Json:
    """An address for one Socket Mode connection."""
    base = call.workspace.url.replace("http://", "ws://", 1)
    return {"url": f"{base}/link?ticket={call.workspace.tickets.link()}&app_id={APP}"}


METHODS = {
    "auth.test": Method(auth_test),
    "api.test": Method(api_test, token="none"),  # noqa: S106 - It is the kind of token.
    "apps.connections.open": Method(connections_open, "connections:write", 1, "app"),
    "bots.info": Method(bots_info, "users:read", 3),
}
