"""What the app declares: its slash commands, scopes and events, as its manifest says."""

from bot.local.workspace.values import Json

# Without a manifest the app may do what the methods here know.
EVERY_SCOPE = frozenset(
    {
        *("app_mentions:read", "bookmarks:read", "bookmarks:write", "commands", "files:read", "files:write"),
        *("channels:history", "channels:join", "channels:manage", "channels:read", "chat:write", "chat:write.public"),
        *("groups:history", "groups:read", "groups:write", "im:history", "im:read", "im:write"),
        *("pins:read", "pins:write", "reactions:read", "reactions:write", "usergroups:read", "usergroups:write"),
        *("users:read", "users:read.email"),
    }
)


class Manifest:
    """An app manifest; without one every command, scope and event is allowed."""

    def __init__(self, manifest: Json | None) -> None:
        self._manifest = manifest

    @property
    def _features(self) -> Json:
        return dict((self._manifest or {}).get("features") or {})

    @property
    def commands(self) -> list[Json]:
        """`{command, description, usage_hint}` for each slash command."""
        return [
            {
                "command": each["command"],
                "description": each.get("description", ""),
                "usage_hint": each.get("usage_hint", ""),
            }
            for each in self._features.get("slash_commands") or []
        ]

    def knows(self, command: str) -> bool:
        """Whether this slash command belongs to the app."""
        return self._manifest is None or any(each["command"] == command for each in self.commands)

    def escapes(self, command: str) -> bool:
        """Whether people and channels in this command's text arrive as `<@U…|name>`."""
        return any(
            each["command"] == command and each.get("should_escape")
            for each in self._features.get("slash_commands") or []
        )

    @property
    def scopes(self) -> frozenset[str]:
        """The bot token's scopes."""
        if self._manifest is None:
            return EVERY_SCOPE
        scopes = ((self._manifest.get("oauth_config") or {}).get("scopes") or {}).get("bot") or []
        return frozenset(scopes)

    @property
    def has_home(self) -> bool:
        """Whether the app has a home tab."""
        return self._manifest is None or bool((self._features.get("app_home") or {}).get("home_tab_enabled"))

    def subscribed(self, event: str) -> bool:
        """Whether Slack would send this event (`message.im`, `app_home_opened` …)."""
        if self._manifest is None:
            return True
        subscriptions = (self._manifest.get("settings") or {}).get("event_subscriptions") or {}
        return event in (subscriptions.get("bot_events") or [])
