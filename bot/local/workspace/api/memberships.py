"""`conversations.*` about who is in a channel: invite, kick, join, leave, open direct messages."""

from bot.local.workspace.api.call import Call, Method
from bot.local.workspace.api.conversations import GENERAL
from bot.local.workspace.directory import BOT_USER
from bot.local.workspace.messages import wire_channel
from bot.local.workspace.values import Json, Refusal

INVITED_AT_ONCE = 100


def invite(call: Call) -> Json:
    """Bring people into a channel: all of them or nobody, unless `force` is set."""
    channel, users = call.writable(), call.members()
    if not users:
        raise Refusal("no_user")
    if len(users) > INVITED_AT_ONCE:
        raise Refusal("too_many_users")
    if channel.is_im:
        raise Refusal("method_not_supported_for_channel_type")
    errors: list[Json] = []
    for user in users:
        reason = ""
        if user not in call.workspace.directory.users:
            reason = "user_not_found"
        elif user == BOT_USER:
            reason = "cant_invite_self"
        elif user in channel.members:
            reason = "already_in_channel"
        if reason:
            errors.append({"ok": False, "error": reason, "user": user})
    failed = {error["user"] for error in errors}
    if errors and (not call.flag("force") or failed == set(users)):
        raise Refusal(errors[0]["error"], extra={"errors": errors})
    channel.members |= set(users) - failed
    call.workspace.touch()
    return {"channel": wire_channel(channel), **({"errors": errors} if errors else {})}


def kick(call: Call) -> Json:
    """Take someone out of a channel."""
    channel, user = call.writable(), call.needed("user")
    if user not in call.workspace.directory.users:
        raise Refusal("user_not_found")
    if user == BOT_USER:
        raise Refusal("cant_kick_self")
    if channel.id == GENERAL:
        raise Refusal("cant_kick_from_general")
    if user not in channel.members:
        raise Refusal("not_in_channel")
    channel.members.remove(user)
    call.workspace.touch()
    return {"errors": {}}


def join(call: Call) -> Json:
    """The bot enters a public channel."""
    channel = call.channel()
    if channel.private or channel.is_im:
        raise Refusal("channel_not_found" if channel.private else "method_not_supported_for_channel_type")
    if channel.archived:
        raise Refusal("is_archived")
    known = BOT_USER in channel.members
    channel.members.add(BOT_USER)
    call.workspace.touch()
    warning: Json = {"warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
    return {"channel": wire_channel(channel), **(warning if known else {})}


def leave(call: Call) -> Json:
    """The bot leaves a channel."""
    channel = call.channel()
    if channel.id == GENERAL:
        raise Refusal("cant_leave_general")
    if BOT_USER not in channel.members:
        return {"not_in_channel": True}
    channel.members.remove(BOT_USER)
    call.workspace.touch()
    return {}


def open_direct(call: Call) -> Json:
    """The channel of direct messages with one person."""
    if call.text("channel"):
        channel = call.channel()
        if not channel.is_im:
            raise Refusal("method_not_supported_for_channel_type")
        return {"channel": wire_channel(channel), "no_op": True, "already_open": True}
    users = call.members()
    if not users:
        raise Refusal("users_list_not_supplied")
    if len(users) > 1:
        raise Refusal("method_not_supported_for_channel_type")
    direct = call.workspace.directory.direct(users[0])
    if direct is None:
        raise Refusal("cannot_dm_bot" if users[0] == BOT_USER else "user_not_found")
    shown = wire_channel(direct) if call.flag("return_im") else {"id": direct.id}
    return {"channel": shown, "no_op": True, "already_open": True}


METHODS = {
    "conversations.invite": Method(invite, "channels:manage", 3),
    "conversations.kick": Method(kick, "channels:manage", 3),
    "conversations.join": Method(join, "channels:join", 3),
    "conversations.leave": Method(leave, "channels:manage", 3),
    "conversations.open": Method(open_direct, "im:write", 3),
}
