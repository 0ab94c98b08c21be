"""Who may approve a request, in which order they are asked, and whether those who did still hold the role."""

from bot.domain.errors import Unavailable
from bot.domain.people import Actor
from bot.oncall.directory import Directory
from bot.operations.model import Approver, Operation
from bot.operations.ports import OnCallSchedule
from bot.operations.windows import PING_EVERY


class ApproverRoles:
    """The roles that are frozen into a request, and their holders of this moment."""

    def __init__(self, directory: Directory, oncall: OnCallSchedule) -> None:
        self._directory = directory
        self._oncall = oncall

    async def asked(self, roles: frozenset[str], first: int, requester: Actor, now: int) -> tuple[Approver, ...]:
        """Who may decide, on-call people first: as many as are needed are pinged now, each further one 3 min later."""
        holders = [each for each in await self._directory.holders(roles) if each.person != requester.person]
        order = {person.person: place for place, (_, person) in reversed(list(enumerate(self._oncall.levels(now))))}
        holders.sort(key=lambda each: order.get(each.person, len(order)))
        return tuple(
            Approver(each.person, each.slack, now + max(0, place - first + 1) * PING_EVERY)
            for place, each in enumerate(holders)
        )

    async def lost(self, operation: Operation) -> frozenset[str]:
        """Approvers who no longer hold any of its roles; raises `Unavailable` where the members cannot be read."""
        gone = set[str]()
        for person in operation.approved_by:
            access = await self._directory.access(Actor(person, person))
            if operation.approver_roles & access.roles:
                continue
            if operation.approver_roles & access.unread:
                raise Unavailable(f"Slack does not tell whether {person} may still approve {operation.id}")
            gone.add(person)
        return frozenset(gone)
