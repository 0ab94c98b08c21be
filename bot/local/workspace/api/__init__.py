"""The Web API: every method that the bot may call, with Slack's arguments, scopes, tiers and error codes."""

from bot.local.workspace.api import auth, chat, conversations, files, marks, memberships, people, reading, views
from bot.local.workspace.api.call import Method

METHODS: dict[str, Method] = {
    **auth.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **marks.METHODS,
    **memberships.METHODS,
    **people.METHODS,
    **reading.METHODS,
    **views.METHODS,
}
