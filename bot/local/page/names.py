"""What ids are called, and who is looking: the context in which text is rendered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Names:
    """Ids to the names people know; an unknown id is shown as itself.

    Attributes:
        viewer: The id of the person who looks, so that a mention of them stands out.
        now: Epoch milliseconds, for "today" and "5 minutes ago".
        zone: The time zone in which times are written.
    """

    users: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    groups_of_viewer: frozenset[str] = frozenset()
    viewer: str = ""
    now: int = 0
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

    def user(self, user_id: str) -> str:
        """The name of a person or of the bot."""
        return self.users.get(user_id, user_id)

    def group(self, group_id: str) -> str:
        """The handle of a user group."""
        return self.groups.get(group_id, group_id)

    def concerns_viewer(self, target: str) -> bool:
        """Whether a mention of this person or group pings the person who looks."""
        return target == self.viewer or target in self.groups_of_viewer
