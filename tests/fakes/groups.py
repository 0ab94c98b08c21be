"""`Groups` in memory: user groups by id, and one that cannot be read."""

from bot.domain.errors import Unreachable


class FakeGroups:
    """Members by group; `broken` makes every read fail."""

    def __init__(self, members: dict[str, set[str]]) -> None:
        self.members_of = members
        self.broken = False

    async def members(self, group: str) -> frozenset[str]:
        if self.broken:
            raise Unreachable("Slack does not answer.")
        return frozenset(self.members_of.get(group, set()))
