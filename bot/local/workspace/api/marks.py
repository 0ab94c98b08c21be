"""`pins.*`, `bookmarks.*`, `reactions.*`: what is stuck to a message or a channel."""

import re
import secrets

from bot.local.workspace.api.call import Call, Method
from bot.local.workspace.directory import BOT_USER
from bot.local.workspace.messages import wire
from bot.local.workspace.timeline import Post
from bot.local.workspace.values import Json, Refusal

BOOKMARKS, EMOJI_PER_MESSAGE = 100, 23


def pins_add(call: Call) -> Json:
    """Pin a message."""
    post = _message(call)
    pinned = call.workspace.timeline.pins.setdefault(post.channel, [])
    if post.ts in pinned:
        raise Refusal("already_pinned")
    pinned.append(post.ts)
    call.workspace.touch()
    return {}


def pins_remove(call: Call) -> Json:
    """Take a pin away."""
    post = _message(call)
    pinned = call.workspace.timeline.pins.get(post.channel, [])
    if post.ts not in pinned:
        raise Refusal("no_pin")
    pinned.remove(post.ts)
    call.workspace.touch()
    return {}


def pins_list(call: Call) -> Json:
    """What is pinned in a channel."""
    channel, timeline = call.joined(), call.workspace.timeline
    posts = [timeline.find(channel.id, ts) for ts in timeline.pins.get(channel.id, [])]
    items = [
        {"type": "message", "channel": channel.id, "message": wire(call.workspace, post)} for post in posts if post
    ]
    return {"items": items}


def bookmarks_add(call: Call) -> Json:
    """Put a link on top of a channel."""
    channel, title, link = call.writable("channel_id"), call.needed("title"), call.text("link")
    if call.needed("type") != "link":
        raise Refusal("invalid_bookmark_type")
    if not link.startswith(("http://", "https://")):
        raise Refusal("invalid_link")
    bookmarks = call.workspace.timeline.bookmarks.setdefault(channel.id, [])
    if len(bookmarks) >= BOOKMARKS:
        raise Refusal("too_many_bookmarks")
    bookmark = {
        "id": f"Bk{secrets.token_hex(5).upper()}",
        "channel_id": channel.id,
        "title": title,
        "link": link,
        "emoji": call.text("emoji"),
        "type": "link",
    }
    bookmarks.append(bookmark)
    call.workspace.touch()
    return {"bookmark": bookmark}


def bookmarks_list(call: Call) -> Json:
    """The links on top of a channel."""
    return {"bookmarks": call.workspace.timeline.bookmarks.get(call.joined("channel_id").id, [])}


def reactions_add(call: Call) -> Json:
    """React to a message with an emoji."""
    name, post = call.text("name"), _message(call)
    if not re.fullmatch(r"[a-z0-9_+\-']+(::skin-tone-[2-6])?", name):
        raise Refusal("invalid_name")
    users = post.reactions.get(name, [])
    if BOT_USER in users:
        raise Refusal("already_reacted")
    if name not in post.reactions and len(post.reactions) >= EMOJI_PER_MESSAGE:
        raise Refusal("too_many_emoji")
    post.reactions.setdefault(name, []).append(BOT_USER)
    call.workspace.touch()
    return {}


def reactions_get(call: Call) -> Json:
    """A message with its reactions."""
    post = _message(call)
    return {"type": "message", "channel": post.channel, "message": wire(call.workspace, post)}


def _message(call: Call) -> Post:
    channel = call.writable()
    ts = call.text("timestamp")
    if not ts:
        raise Refusal("no_item_specified")
    post = call.workspace.timeline.find(channel.id, ts)
    if post is None or post.only:
        raise Refusal("message_not_found")
    return post


METHODS = {
    "pins.add": Method(pins_add, "pins:write", 2),
    "pins.remove": Method(pins_remove, "pins:write", 2),
    "pins.list": Method(pins_list, "pins:read", 2),
    "bookmarks.add": Method(bookmarks_add, "bookmarks:write", 2),
    "bookmarks.list": Method(bookmarks_list, "bookmarks:read", 3),
    "reactions.add": Method(reactions_add, "reactions:write", 3),
    "reactions.get": Method(reactions_get, "reactions:read", 3),
}
