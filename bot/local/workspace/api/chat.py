"""`chat.*`: post, update, delete, show to one person, link."""

from bot.local.workspace.api.call import Call, Limited, Method
from bot.local.workspace.blockkit.surfaces import accepted_blocks
from bot.local.workspace.directory import BOT_USER, Channel
from bot.local.workspace.messages import wire
from bot.local.workspace.timeline import Post
from bot.local.workspace.values import Json, Refusal

POST_TEXT, UPDATE_TEXT = 40_000, 4_000


def post_message(call: Call) -> Json:
    """Post into a channel, a thread, or someone's direct messages."""
    channel = _target(call)
    text, blocks = _content(call, POST_TEXT)
    post = call.workspace.by_bot(channel.id, text, blocks or [])
    post.thread_ts = _thread(call, channel)
    post.broadcast = call.flag("reply_broadcast")
    post.metadata = _metadata(call)
    _count(call, channel)
    call.workspace.write(post)
    return {"channel": channel.id, "ts": post.ts, "message": wire(call.workspace, post, metadata=True)}


def post_ephemeral(call: Call) -> Json:
    """Show a message to one member of a channel."""
    channel = call.writable()
    user = call.needed("user")
    if user not in call.workspace.directory.users:
        raise Refusal("user_not_found")
    if user not in channel.members:
        raise Refusal("user_not_in_channel")
    text, blocks = _content(call, POST_TEXT)
    post = call.workspace.by_bot(channel.id, text, blocks or [], only=user)
    post.thread_ts = _thread(call, channel)
    call.workspace.write(post)
    return {"message_ts": post.ts}


def update(call: Call) -> Json:
    """Replace a message of ours. Blocks and metadata that are not sent stay; an empty list or object removes them."""
    channel = call.writable()
    post = _own(call, channel, "cant_update_message")
    text, blocks = _content(call, UPDATE_TEXT)
    if call.arguments.get("metadata") is not None:
        post.metadata = _metadata(call)
    if text or blocks is not None:
        post.text = text
    if blocks is not None:
        post.blocks = blocks
    post.edited = {"user": BOT_USER, "ts": call.workspace.now_ts()}
    call.workspace.touch()
    return {
        "channel": channel.id,
        "ts": post.ts,
        "text": post.text,
        "message": wire(call.workspace, post, metadata=True),
    }


def delete(call: Call) -> Json:
    """Delete a message of ours; one with replies leaves a stone."""
    channel = call.writable()
    post = _own(call, channel, "cant_delete_message")
    if call.workspace.timeline.replies(channel.id, post.ts):
        post.text, post.blocks, post.metadata, post.subtype = "This message was deleted.", [], None, "tombstone"
    else:
        call.workspace.timeline.remove(post)
    call.workspace.touch()
    return {"channel": channel.id, "ts": post.ts}


def get_permalink(call: Call) -> Json:
    """The address of a message."""
    channel = call.channel()
    ts = call.needed("message_ts")
    post = call.workspace.timeline.find(channel.id, ts)
    if post is None or post.only:
        raise Refusal("message_not_found")
    return {"channel": channel.id, "permalink": f"{call.workspace.url}/archives/{channel.id}/p{ts.replace('.', '')}"}


def _target(call: Call) -> Channel:
    wanted, directory = call.needed("channel"), call.workspace.directory
    channel = directory.direct(wanted) or directory.channels.get(wanted) or directory.named(wanted)
    if channel is None:
        raise Refusal("channel_not_found")
    if channel.archived:
        raise Refusal("is_archived")
    if BOT_USER not in channel.members and (channel.private or "chat:write.public" not in call.scopes):
        raise Refusal("channel_not_found" if channel.private else "not_in_channel")
    return channel


def _content(call: Call, limit: int) -> tuple[str, list[Json] | None]:
    text, value = call.text("text"), call.json("blocks", "invalid_blocks_format")
    blocks = None if value is None else accepted_blocks(value)
    if not text and not blocks and not (call.text("ts") and call.arguments.get("metadata") is not None):
        raise Refusal("no_text")
    if len(text) > limit:
        raise Refusal("msg_too_long")
    return text, blocks


def _metadata(call: Call) -> Json | None:
    metadata = call.json("metadata", "invalid_metadata_format")
    if not metadata:
        return None
    if not isinstance(metadata, dict) or metadata.keys() - {"event_type", "event_payload", "entities"}:
        raise Refusal("invalid_metadata_format")
    if not isinstance(metadata.get("event_type"), str) or not isinstance(metadata.get("event_payload"), dict):
        raise Refusal("invalid_metadata_format")
    return metadata


def _thread(call: Call, channel: Channel) -> str | None:
    thread_ts = call.text("thread_ts")
    if not thread_ts:
        return None
    parent = call.workspace.timeline.find(channel.id, thread_ts)
    if parent is None or parent.only:
        raise Refusal("thread_not_found")
    # A reply to a reply goes to the thread that the reply stands in.
    return parent.thread_ts or parent.ts


def _own(call: Call, channel: Channel, refusal: str) -> Post:
    post = call.workspace.timeline.find(channel.id, call.needed("ts"))
    if post is None or post.only:
        raise Refusal("message_not_found")
    if post.user != BOT_USER or post.subtype == "tombstone":
        raise Refusal(refusal)
    return post


def _count(call: Call, channel: Channel) -> None:
    wait = call.limits.post(channel.id)
    if wait:
        raise Limited(wait)


METHODS = {
    "chat.postMessage": Method(post_message, "chat:write"),
    "chat.postEphemeral": Method(post_ephemeral, "chat:write", 4),
    "chat.update": Method(update, "chat:write", 3),
    "chat.delete": Method(delete, "chat:write", 3),
    "chat.getPermalink": Method(get_permalink),
}
