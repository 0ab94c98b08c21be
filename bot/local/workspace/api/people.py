"""`users.*` and `usergroups.*`: who is here, and in which group."""

from bot.local.workspace.api.call import Call, Method
from bot.local.workspace.directory import BOT, TEAM, User, UserGroup
from bot.local.workspace.values import Json, Refusal


def users_info(call: Call) -> Json:
    """One person."""
    user = call.workspace.directory.users.get(call.needed("user"))
    if user is None:
        raise Refusal("user_not_found")
    return {"user": _user(call, user)}


def users_list(call: Call) -> Json:
    """Everyone, bots included."""
    everyone = [_user(call, user) for user in call.workspace.directory.users.values()]
    page, following = call.page(everyone, call.number("limit", 1000, 1000))
    return {"members": page, "response_metadata": following}


def lookup_by_email(call: Call) -> Json:
    """A person by address."""
    email = call.needed("email")
    for user in call.workspace.directory.people():
        if user.email == email:
            return {"user": _user(call, user)}
    raise Refusal("users_not_found")


def usergroups_list(call: Call) -> Json:
    """The user groups."""
    users = call.flag("include_users")
    return {"usergroups": [_group(group, users=users) for group in call.workspace.directory.groups.values()]}


def usergroups_users_list(call: Call) -> Json:
    """The members of a user group."""
    return {"users": list(_known_group(call).members)}


def usergroups_users_update(call: Call) -> Json:
    """Replace the members of a user group."""
    group, users = _known_group(call), call.members()
    if not users:
        raise Refusal("no_users_provided")
    call.workspace.directory.set_members(group, users, call.workspace.clock.now())
    call.workspace.touch()
    return {"usergroup": _group(group, users=True)}


def _known_group(call: Call) -> UserGroup:
    group = call.workspace.directory.groups.get(call.needed("usergroup"))
    if group is None:
        raise Refusal("no_such_subteam")
    if group.unreadable:
        raise Refusal("plan_upgrade_required")
    return group


def _user(call: Call, user: User) -> Json:
    profile: Json = {"real_name": user.real_name, "display_name": user.name}
    if "users:read.email" in call.scopes and not user.is_bot:
        profile["email"] = user.email
    if user.is_bot:
        profile["bot_id"] = BOT
    return {
        "id": user.id,
        "team_id": TEAM,
        "name": user.name,
        "real_name": user.real_name,
        "deleted": False,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "is_restricted": False,
        "tz": "Etc/UTC",
        "tz_offset": 0,
        "profile": profile,
    }


def _group(group: UserGroup, *, users: bool) -> Json:
    shown: Json = {
        "id": group.id,
        "team_id": TEAM,
        "is_usergroup": True,
        "name": group.name,
        "handle": group.handle,
        "date_update": group.updated,
        "date_delete": 0,
        "user_count": len(group.members),
    }
    return shown | ({"users": list(group.members)} if users else {})


METHODS = {
    "users.info": Method(users_info, "users:read", 4),
    "users.list": Method(users_list, "users:read", 2),
    "users.lookupByEmail": Method(lookup_by_email, "users:read.email", 3),
    "usergroups.list": Method(usergroups_list, "usergroups:read", 2),
    "usergroups.users.list": Method(usergroups_users_list, "usergroups:read", 2),
    "usergroups.users.update": Method(usergroups_users_update, "usergroups:write", 2),
}
