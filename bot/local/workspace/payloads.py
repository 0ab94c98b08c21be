"""The parts that Slack's payloads share: user, team, channel, event wrapper."""

import secrets

from bot.local.workspace.directory import APP, BOT_USER, TEAM, TEAM_DOMAIN, Channel, User
from bot.local.workspace.state import Workspace
from bot.local.workspace.values import Json


def channel_name(channel: Channel) -> str:
    """What payloads call a channel."""
    return "directmessage" if channel.is_im else channel.name


def interaction(workspace: Workspace, kind: str, user: User, view_id: str | None = None) -> Json:
    """The frame of a `block_actions`, `view_submission` or `view_closed` payload; only the last has no trigger."""
    payload: Json = {
        "type": kind,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": TEAM},
        "api_app_id": APP,
        "token": workspace.credentials.verification_token,
        "team": {"id": TEAM, "domain": TEAM_DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
    }
    if kind != "view_closed":
        payload["trigger_id"] = workspace.tickets.trigger(user.id, view_id)
    return payload


def event_callback(workspace: Workspace, event: Json) -> Json:
    """The frame of an event."""
    return {
        "token": workspace.credentials.verification_token,
        "team_id": TEAM,
        "api_app_id": APP,
        "event": event,
        "type": "event_callback",
        "event_id": f"Ev0{secrets.token_hex(5).upper()}",
        "event_time": workspace.clock.now() // 1000,
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM,
                "user_id": BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
    }
