"""What the app answers to an interaction: in the acknowledgement of a command, or at its response address."""

from bot.local.workspace.blockkit.surfaces import accepted_blocks
from bot.local.workspace.directory import BOT_USER
from bot.local.workspace.state import Workspace
from bot.local.workspace.tickets import ResponseAddress
from bot.local.workspace.values import Json, Refusal


def answer_command(workspace: Workspace, channel: str, user: str, body: object) -> None:
    """Show the message in a command's acknowledgement, if it has one: to the person, or to all with `in_channel`."""
    if isinstance(body, str):
        body = {"text": body}
    if not isinstance(body, dict) or not (body.get("text") or body.get("blocks")):
        return
    text, blocks = _content(body)
    public = body.get("response_type") == "in_channel"
    workspace.write(workspace.by_bot(channel, text, blocks, only=None if public else user))


def respond(workspace: Workspace, path: str, body: object) -> None:
    """Take a post to a response address.

    Only an address that came with a click has an original: a command's first answer cannot be replaced, each post is a
    message of its own. What is ephemeral stays so. https://github.com/slackapi/bolt-js/issues/2287
    """
    if not isinstance(body, dict):
        raise Refusal("invalid_payload")
    address = workspace.tickets.take_response(path)
    original = workspace.timeline.find(address.channel, address.source_ts or "")
    if body.get("delete_original"):
        if original is not None:
            workspace.timeline.remove(original)
            workspace.touch()
        return
    text, blocks = _content(body)
    if body.get("replace_original") and original is not None:
        original.text, original.blocks = text, blocks
        if original.only is None:
            original.edited = {"user": BOT_USER, "ts": workspace.now_ts()}
        workspace.touch()
        return
    _say(workspace, address, text, blocks, body)


def _say(workspace: Workspace, address: ResponseAddress, text: str, blocks: list[Json], body: Json) -> None:
    public = body.get("response_type") == "in_channel"
    post = workspace.by_bot(address.channel, text, blocks, only=None if public else address.user)
    thread_ts = str(body.get("thread_ts") or "") or (address.thread_ts if address.ephemeral else None)
    post.thread_ts = thread_ts
    workspace.write(post)


def _content(body: Json) -> tuple[str, list[Json]]:
    text, value = body.get("text") or "", body.get("blocks")
    blocks = accepted_blocks(value) if value is not None else []
    if not isinstance(text, str) or (not text and not blocks):
        raise Refusal("no_text")
    return text, blocks
