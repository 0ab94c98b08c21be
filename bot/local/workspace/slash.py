"""Slash commands: what happens when a person types one."""

import re

from bot.local.workspace.delivery import NOT_IN_TIME, Delivered, Delivery, Envelope
from bot.local.workspace.directory import APP, SLACKBOT, TEAM, TEAM_DOMAIN, Channel, User
from bot.local.workspace.payloads import channel_name
from bot.local.workspace.responses import answer_command
from bot.local.workspace.state import Workspace
from bot.local.workspace.timeline import Post
from bot.local.workspace.values import Misuse, Refusal


async def type_command(
    workspace: Workspace, delivery: Delivery, user: User, channel: Channel, *, command: str, text: str
) -> Delivered:
    """Send a slash command; show the acknowledgement's message, or Slackbot's regret, to the person."""
    if not workspace.manifest.knows(command):
        _slackbot(workspace, user, channel, f"{command} is not a valid command.")
        raise Misuse(f"{command} is not a valid command.", 404)
    if workspace.manifest.escapes(command):
        text = escape_mentions(workspace, text)
    path = workspace.tickets.response(channel.id, user.id)
    payload = {
        "token": workspace.credentials.verification_token,
        "team_id": TEAM,
        "team_domain": TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": channel_name(channel),
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text.strip(),
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "response_url": f"{workspace.url}/response/{path}",
        "trigger_id": workspace.tickets.trigger(user.id),
    }
    delivered = await delivery.send(Envelope("slash_commands", payload))
    if not delivered.ok:
        reason = "operation_timeout" if delivered.status == NOT_IN_TIME else "dispatch_failed"
        _slackbot(workspace, user, channel, f'{command} failed with the error "{reason}"')
        return delivered
    try:
        answer_command(workspace, channel.id, user.id, delivered.body)
    except Refusal as refusal:
        _slackbot(workspace, user, channel, f'{command} failed with the error "{refusal.code}"')
    return delivered


def escape_mentions(workspace: Workspace, text: str) -> str:
    """`@sre` → `<@U0SRE|sre>`, `#general` → `<#C0GENERAL|general>`, addresses in `<…>`, as `should_escape` does."""

    def mention(match: re.Match[str]) -> str:
        word = match.group(0)
        if word.startswith("@"):
            person = next((user for user in workspace.directory.users.values() if user.name == word[1:]), None)
            group = workspace.directory.group(word)
            if person is not None:
                return f"<@{person.id}|{person.name}>"
            return f"<!subteam^{group.id}|@{group.handle}>" if group else word
        channel = workspace.directory.named(word)
        return f"<#{channel.id}|{channel.name}>" if channel else word

    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = re.sub(r"https?://[^\s|]+", lambda match: f"<{match.group(0)}>", escaped)
    return re.sub(r"(?<![\w&<|/])[@#][\w.\-]+", mention, escaped)


def _slackbot(workspace: Workspace, user: User, channel: Channel, text: str) -> None:
    workspace.write(Post(channel.id, workspace.now_ts(), SLACKBOT, text, only=user.id))
