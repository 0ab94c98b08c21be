"""The Slack app manifest that belongs to the registered commands: paste it at https://api.slack.com/apps.

Source: https://docs.slack.dev/reference/app-manifest; the scopes are those of the methods that `slack/` calls.
"""

from bot.requests.registry import Registry
from bot.slack.values import Json

_USAGE, _DESCRIPTION = 1_000, 2_000
SCOPES = (
    "channels:history",  # conversations.history and .replies: whether a message was posted before a crash.
    "channels:manage",  # Incident channels: create, topic, invite, archive.
    "channels:read",  # conversations.list: whether a channel was created before its answer was lost.
    "chat:write",
    "chat:write.public",
    "commands",
    "groups:history",  # As channels:history, where the alert channel is private.
    "im:history",  # As channels:history, for pages in direct messages.
    "im:write",  # conversations.open: direct messages with the person on call.
    "usergroups:read",  # Who holds a role.
)


def app_manifest(registry: Registry, *, url: str, socket_mode: bool) -> Json:
    """The manifest for a bot at this address; with Socket Mode no address is needed."""
    address = f"{url.rstrip('/')}/slack/events"
    request: Json = {} if socket_mode else {"request_url": address}
    commands = [
        {
            "command": listener.key,
            "description": (listener.description or listener.key)[:_DESCRIPTION],
            "should_escape": False,
        }
        | _hint(listener.key, listener.usage)
        | ({} if socket_mode else {"url": address})
        for listener in registry.commands()
    ]
    return {
        "display_information": {
            "name": "Steward",
            "description": "Health, queues, rollbacks with approval, and incidents that escalate.",
            "background_color": "#1f3a5f",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "steward", "always_online": True},
            "slash_commands": commands,
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": request | {"bot_events": ["app_home_opened", "message.im"]},
            "interactivity": {"is_enabled": True} | request,
            "org_deploy_enabled": False,
            "socket_mode_enabled": socket_mode,
            "token_rotation_enabled": False,
        },
    }


def _hint(command: str, usage: str) -> Json:
    """What the client shows behind the command: the usage without the command itself."""
    hint = usage.removeprefix(command).strip()[:_USAGE]
    return {"usage_hint": hint} if hint else {}
