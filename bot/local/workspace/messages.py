"""A message as the Web API and payloads spell it."""

from bot.local.workspace.directory import APP, BOT, BOT_USER, TEAM, Channel
from bot.local.workspace.state import Workspace
from bot.local.workspace.timeline import Post
from bot.local.workspace.values import Json


def wire(workspace: Workspace, post: Post, *, metadata: bool = False) -> Json:
    """The message object; `metadata` includes what the app attached to it."""
    message: Json = {"type": "message", "user": post.user, "ts": post.ts, "text": post.text, "team": TEAM}
    if post.bot_id:
        message |= {"bot_id": BOT, "app_id": APP, "bot_profile": {"id": BOT, "app_id": APP, "name": "Steward"}}
    optional: Json = {
        "blocks": post.blocks,
        "thread_ts": post.thread_ts,
        "subtype": post.subtype,
        "edited": post.edited,
        "files": post.files,
        "metadata": post.metadata if metadata else None,
        "reactions": [{"name": name, "users": users, "count": len(users)} for name, users in post.reactions.items()],
        "pinned_to": [post.channel] if post.ts in workspace.timeline.pins.get(post.channel, []) else None,
    }
    message |= {key: value for key, value in optional.items() if value}
    replies = workspace.timeline.replies(post.channel, post.ts)
    if replies:
        authors = list(dict.fromkeys(reply.user for reply in replies))
        message |= {
            "thread_ts": post.ts,
            "reply_count": len(replies),
            "reply_users": authors,
            "reply_users_count": len(authors),
            "latest_reply": replies[-1].ts,
        }
    return message


def wire_channel(channel: Channel) -> Json:
    """The channel object."""
    if channel.is_im:
        return {
            "id": channel.id,
            "created": channel.created,
            "is_im": True,
            "is_archived": False,
            "user": channel.person,
            "is_open": True,
        }
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not channel.private,
        "is_group": channel.private,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.private,
        "is_archived": channel.archived,
        "is_general": channel.id == "C0GENERAL",
        "is_member": BOT_USER in channel.members,
        "created": channel.created,
        "creator": channel.creator,
        "num_members": len(channel.members),
        "previous_names": channel.former_names,
        "topic": {"value": channel.topic, "creator": channel.topic_by, "last_set": channel.topic_at},
        "purpose": {"value": channel.purpose, "creator": channel.creator, "last_set": channel.created},
    }
