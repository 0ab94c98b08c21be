"""`files.*`: announce an upload, then complete it into a channel."""

from bot.local.workspace.api.call import Call, Method
from bot.local.workspace.directory import Channel
from bot.local.workspace.uploads import Upload
from bot.local.workspace.values import Json, Refusal

LARGEST = 10 * 1024 * 1024


def get_upload_url(call: Call) -> Json:
    """An address that takes the bytes of one file."""
    name, length = call.needed("filename"), call.number("length", 0, LARGEST, "invalid_arguments")
    if not length:
        raise Refusal("invalid_arguments", ["missing required field: length"])
    upload = call.workspace.uploads.announce(name, length)
    return {"upload_url": f"{call.workspace.url}/upload/{upload.id}", "file_id": upload.id}


def complete_upload(call: Call) -> Json:
    """Share uploaded files: into a channel, or nowhere yet."""
    wanted = call.json("files")
    if not isinstance(wanted, list) or not wanted:
        raise Refusal("invalid_arguments", ["missing required field: files"])
    uploads = [_uploaded(call, each) for each in wanted]
    channel = call.writable("channel_id") if call.text("channel_id") else None
    shown = [upload.shown(f"{call.workspace.url}/files/{upload.id}") for upload in uploads]
    for upload in uploads:
        upload.completed = True
    if channel is not None:
        _share(call, channel, shown)
    return {"files": shown}


def _uploaded(call: Call, wanted: object) -> Upload:
    upload = call.workspace.uploads.files.get(str(wanted.get("id"))) if isinstance(wanted, dict) else None
    if upload is None or upload.content is None or upload.completed:
        raise Refusal("file_not_found")
    if isinstance(wanted, dict):
        upload.title = str(wanted.get("title") or upload.name)
    return upload


def _share(call: Call, channel: Channel, shown: list[Json]) -> None:
    post = call.workspace.by_bot(channel.id, call.text("initial_comment"), [])
    thread_ts = call.text("thread_ts")
    if thread_ts and call.workspace.timeline.find(channel.id, thread_ts) is None:
        raise Refusal("thread_not_found")
    post.thread_ts, post.files = thread_ts or None, shown
    call.workspace.write(post)


METHODS = {
    "files.getUploadURLExternal": Method(get_upload_url, "files:write", 4),
    "files.completeUploadExternal": Method(complete_upload, "files:write", 4),
}
