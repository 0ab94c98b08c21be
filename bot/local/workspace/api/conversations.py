"""`conversations.*` about channels themselves: create, rename, archive, describe, list."""

import re
import secrets

from bot.local.workspace.api.call import Call, Method
from bot.local.workspace.directory import BOT_USER, Channel
from bot.local.workspace.messages import wire_channel
from bot.local.workspace.values import Json, Refusal

NAME_LENGTH, TOPIC_LENGTH = 80, 250
GENERAL = "C0GENERAL"


def create(call: Call) -> Json:
    """Create a channel; the bot is its first member."""
    directory, private = call.workspace.directory, call.flag("is_private")
    if private:
        call.require("groups:write")
    name = _free_name(call)
    now = call.workspace.clock.now() // 1000
    channel = Channel(f"C0{secrets.token_hex(4).upper()}", name, {BOT_USER}, now, BOT_USER, private=private)
    directory.channels[channel.id] = channel
    call.workspace.touch()
    return {"channel": wire_channel(channel)}


def rename(call: Call) -> Json:
    """Rename a channel."""
    channel = call.writable()
    if channel.id == GENERAL:
        raise Refusal("not_authorized")
    name = _free_name(call)
    channel.former_names.append(channel.name)
    channel.name = name
    call.workspace.touch()
    return {"channel": wire_channel(channel)}


def archive(call: Call) -> Json:
    """Archive a channel: nobody can write there any more, and no bot can open it again."""
    channel = call.joined()
    if channel.archived:
        raise Refusal("already_archived")
    if channel.is_im:
        raise Refusal("method_not_supported_for_channel_type")
    if channel.id == GENERAL:
        raise Refusal("cant_archive_general")
    channel.archived = True
    call.workspace.touch()
    return {}


def set_topic(call: Call) -> Json:
    """Set what stands on top of a channel."""
    channel, topic = call.writable(), call.text("topic")
    if len(topic) > TOPIC_LENGTH:
        raise Refusal("too_long")
    channel.topic, channel.topic_by, channel.topic_at = topic, BOT_USER, call.workspace.clock.now() // 1000
    call.workspace.touch()
    return {"channel": wire_channel(channel), "topic": topic}


def set_purpose(call: Call) -> Json:
    """Set what a channel is for."""
    channel, purpose = call.writable(), call.text("purpose")
    if len(purpose) > TOPIC_LENGTH:
        raise Refusal("too_long")
    channel.purpose = purpose
    call.workspace.touch()
    return {"channel": wire_channel(channel), "purpose": purpose}


def info(call: Call) -> Json:
    """One channel."""
    return {"channel": wire_channel(_visible(call))}


def members(call: Call) -> Json:
    """Who is in a channel."""
    page, following = call.page(sorted(_visible(call).members), call.number("limit", 100, 1000))
    return {"members": page, "response_metadata": following}


def list_channels(call: Call) -> Json:
    """The channels of the workspace that the bot can see."""
    page, following = call.page(_listed(call), call.number("limit", 100, 1000))
    return {"channels": page, "response_metadata": following}


def users_conversations(call: Call) -> Json:
    """The channels that someone, or the bot, is a member of."""
    user = call.text("user", BOT_USER)
    if user not in call.workspace.directory.users:
        raise Refusal("user_not_found")
    mine = [each for each in _listed(call) if user in call.workspace.directory.channels[each["id"]].members]
    page, following = call.page(mine, call.number("limit", 100, 1000))
    return {"channels": page, "response_metadata": following}


def _visible(call: Call) -> Channel:
    channel = call.channel()
    if channel.private and BOT_USER not in channel.members:
        raise Refusal("channel_not_found")
    return channel


def _listed(call: Call) -> list[Json]:
    types = set(call.text("types", "public_channel").replace(" ", "").split(","))
    if types - {"public_channel", "private_channel", "im", "mpim"}:
        raise Refusal("invalid_types")
    hide = call.flag("exclude_archived")
    kind = {(True, False): "im", (False, True): "private_channel", (False, False): "public_channel"}
    return [
        wire_channel(channel)
        for channel in call.workspace.directory.channels.values()
        if kind[channel.is_im, channel.private] in types
        and not (hide and channel.archived)
        and (not channel.private or BOT_USER in channel.members)
    ]


def _free_name(call: Call) -> str:
    name = call.text("name")
    if not name:
        raise Refusal("invalid_name_required")
    if len(name) > NAME_LENGTH:
        raise Refusal("invalid_name_maxlength")
    if not re.fullmatch(r"[a-z0-9_\-]+", name):
        raise Refusal("invalid_name_specials")
    if not re.search(r"[a-z0-9]", name):
        raise Refusal("invalid_name_punctuation")
    if call.workspace.directory.named(name):
        raise Refusal("name_taken")
    return name


METHODS = {
    "conversations.create": Method(create, "channels:manage", 2),
    "conversations.rename": Method(rename, "channels:manage", 2),
    "conversations.archive": Method(archive, "channels:manage", 2),
    "conversations.setTopic": Method(set_topic, "channels:manage", 2),
    "conversations.setPurpose": Method(set_purpose, "channels:manage", 2),
    "conversations.info": Method(info, "channels:read", 3),
    "conversations.members": Method(members, "channels:read", 4),
    "conversations.list": Method(list_channels, "channels:read", 2),
    "users.conversations": Method(users_conversations, "channels:read", 3),
}
