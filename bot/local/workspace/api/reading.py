"""`conversations.history` and `conversations.replies`: what was written."""

from bot.local.workspace.api.call import Call, Method
from bot.local.workspace.directory import Channel
from bot.local.workspace.messages import wire
from bot.local.workspace.timeline import Post, micros
from bot.local.workspace.values import Json, Refusal


def history(call: Call) -> Json:
    """A channel's messages, newest first, without replies and without what only one person sees."""
    channel = _readable(call)
    posts = [post for post in call.workspace.timeline.posts(channel.id) if not post.only]
    top = [post for post in posts if not post.is_reply or post.broadcast]
    wanted = list(reversed(_within(call, top)))
    page, following = call.page(wanted, call.number("limit", 100, 999))
    return {
        "messages": [wire(call.workspace, post, metadata=call.flag("include_all_metadata")) for post in page],
        "has_more": bool(following["next_cursor"]),
        "pin_count": len(call.workspace.timeline.pins.get(channel.id, [])),
        "response_metadata": following,
    }


def replies(call: Call) -> Json:
    """A thread: its first message, then the replies, oldest first."""
    channel = _readable(call)
    first = call.workspace.timeline.find(channel.id, call.needed("ts"))
    if first is None or first.only:
        raise Refusal("thread_not_found")
    if first.is_reply and first.thread_ts:
        first = call.workspace.timeline.find(channel.id, first.thread_ts) or first
    below = _within(call, call.workspace.timeline.replies(channel.id, first.ts))
    page, following = call.page([first, *below], call.number("limit", 1000, 1000))
    return {
        "messages": [wire(call.workspace, post, metadata=call.flag("include_all_metadata")) for post in page],
        "has_more": bool(following["next_cursor"]),
        "response_metadata": following,
    }


def _readable(call: Call) -> Channel:
    channel = call.joined()
    call.require("im:history" if channel.is_im else "groups:history" if channel.private else "channels:history")
    return channel


def _within(call: Call, posts: list[Post]) -> list[Post]:
    oldest, latest = _ts(call, "oldest"), _ts(call, "latest")
    inclusive = call.flag("inclusive")

    def wanted(post: Post) -> bool:
        at = micros(post.ts)
        after = oldest is None or at > oldest or (inclusive and at == oldest)
        return after and (latest is None or at < latest or (inclusive and at == latest))

    return [post for post in posts if wanted(post)]


def _ts(call: Call, name: str) -> int | None:
    value = call.text(name)
    if not value or value in {"0", "now"}:
        return None
    try:
        return micros(value)
    except ValueError as error:
        raise Refusal(f"invalid_ts_{name}") from error


METHODS = {
    "conversations.history": Method(history, "", 3),
    "conversations.replies": Method(replies, "", 3),
}
