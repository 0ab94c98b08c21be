"""The lab as the workspace shows it: the simulated systems, and the user groups that the workspace itself breaks."""

from collections.abc import Callable

from bot.local.workspace.directory import Directory, UserGroup
from bot.local.workspace.lab_control import LabControl
from bot.local.workspace.values import Json, Refusal
from bot.ports import Clock

GROUPS_OF = "steward"


class LabWithGroups:
    """A `LabControl` around another one, or around none: the groups stand under `steward`."""

    def __init__(self, inner: LabControl | None, directory: Directory, clock: Clock, url: Callable[[], str]) -> None:
        self._inner, self._directory, self._clock, self._url = inner, directory, clock, url

    def describe(self) -> Json:
        """Every component, the groups included."""
        systems: Json = dict(self._inner.describe()) if self._inner else {}
        groups = {group.handle: self._shown(group) for group in self._directory.groups.values()}
        systems[GROUPS_OF] = {**systems.get(GROUPS_OF, {}), **groups}
        return systems

    async def apply(self, system: str, component: str, body: Json) -> Json:
        """Break or set one component; a group that is `down` cannot be read."""
        group = self._group(system, component)
        if group is not None:
            return self._apply(group, body)
        if self._inner is None:
            raise KeyError(f"There is no {system}/{component} in this workspace.")
        return await self._inner.apply(system, component, body)

    def calls(self, system: str, component: str) -> list[Json]:
        """What a vendor stand-in was asked; a group is asked through the Web API and keeps no list."""
        if self._group(system, component) is not None:
            return []
        if self._inner is None:
            raise KeyError(f"There is no {system}/{component} in this workspace.")
        return self._inner.calls(system, component)

    def _group(self, system: str, component: str) -> UserGroup | None:
        return self._directory.group(component) if system == GROUPS_OF else None

    def _apply(self, group: UserGroup, body: Json) -> Json:
        state, values = body.get("state"), body.get("set")
        if state not in {None, "up", "down"}:
            raise ValueError(f"A user group cannot be {state!r}; choose up or down (it cannot be read).")
        members = None if values is None else self._members(values)
        try:
            if members is not None:
                self._directory.set_members(group, members, self._clock.now())
        except Refusal as refusal:
            raise ValueError(str(refusal)) from refusal
        if state is not None:
            group.unreadable = state == "down"
        return self._shown(group)

    def _members(self, values: object) -> list[str]:
        if not isinstance(values, dict) or set(values) != {"members"}:
            raise ValueError('A user group takes {"set": {"members": ["lead", …]}}.')
        wanted = values["members"]
        names = wanted if isinstance(wanted, list) else str(wanted).replace(",", " ").split()
        people = [self._directory.person(str(name)) for name in names]
        unknown = [str(name) for name, person in zip(names, people, strict=True) if person is None]
        if unknown:
            known = ", ".join(person.name for person in self._directory.people())
            raise ValueError(f"There is no person {unknown[0]!r}; name some of {known}.")
        return [person.id for person in people if person is not None]

    def _shown(self, group: UserGroup) -> Json:
        return {
            "url": f"{self._url()}/api/usergroups.users.list?usergroup={group.id}",
            "states": ["up", "down"],
            "state": "down" if group.unreadable else "up",
            "set": {"members": "who is in the group, by name"},
            "values": {"members": [self._directory.users[member].name for member in group.members]},
        }
