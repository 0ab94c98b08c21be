"""Finds what a local call names: a person, a channel, a message, a view; says what is wrong where it cannot."""

from bot.local.workspace.directory import Channel, User
from bot.local.workspace.state import Workspace
from bot.local.workspace.timeline import Post
from bot.local.workspace.values import Misuse
from bot.local.workspace.views import View


def find_person(workspace: Workspace, name: str) -> User:
    """A person by name or id."""
    user = workspace.directory.person(name)
    if user is None:
        known = ", ".join(each.name for each in workspace.users)
        raise Misuse(f"There is no person {name!r}; name one of {known}.", 404)
    return user


def find_channel(workspace: Workspace, name: str) -> Channel:
    """A channel by `#name`, id, or `@person` for the bot's direct messages with that person."""
    directory = workspace.directory
    channel = directory.channels.get(name)
    if channel is None and name.startswith("@"):
        channel = directory.direct(find_person(workspace, name).id)
    channel = channel or directory.named(name)
    if channel is None:
        raise Misuse(f"There is no channel {name!r}; name it as #name, id, or @person for direct messages.", 404)
    return channel


def entered(workspace: Workspace, user: User, name: str) -> Channel:
    """A channel that this person is a member of."""
    channel = find_channel(workspace, name)
    if user.id not in channel.members:
        raise Misuse(f"{user.name} is not a member of {name}.", 403)
    return channel


def open_channel(workspace: Workspace, user: User, name: str) -> Channel:
    """A channel that this person may write to."""
    channel = entered(workspace, user, name)
    if channel.archived:
        raise Misuse(f"{name} is archived; nobody can write there.", 409)
    return channel


def find_post(workspace: Workspace, user: User, channel: Channel, ts: str) -> Post:
    """A message that this person sees."""
    post = workspace.timeline.find(channel.id, ts)
    if post is None or post.only not in {None, user.id}:
        raise Misuse(f"{user.name} sees no message {ts} in {channel.name or channel.id}.", 404)
    return post


def find_view(workspace: Workspace, user: User, view_id: str) -> View:
    """This person's home tab, or the modal on top of their stack: what lies below cannot be reached."""
    home, stack = workspace.views.home(user.id), workspace.views.stack(user.id)
    if home is not None and home.id == view_id:
        return home
    if stack and stack[-1].id == view_id:
        return stack[-1]
    if any(view.id == view_id for view in stack):
        raise Misuse(f"The view {view_id} lies below another; close that one first.", 409)
    raise Misuse(f"{user.name} has no open view {view_id!r}.", 404)
