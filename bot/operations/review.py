"""The review of an emergency run: who may sign it, and when they are reminded."""

from itertools import chain, count

from bot.domain.business_hours import BusinessHours
from bot.domain.timing import DAY, HOUR
from bot.operations.model import Approver, Operation

REMINDERS = (HOUR, 4 * HOUR, DAY)
"""How long after the run the first reminders come; then one a day."""


def next_reminder(hours: BusinessHours, ran_at: int, now: int) -> int:
    """The first reminder after `now`: one that falls outside working hours waits for their start (epoch ms)."""
    offsets = chain(REMINDERS, count(2 * DAY, DAY))
    return next(at for offset in offsets if (at := hours.next_open(ran_at + offset)) > now)


def took_part(operation: Operation) -> frozenset[str]:
    """Who asked for it, agreed to it or ran it: none of them reviews it."""
    return frozenset((operation.requester.person, operation.decided_by, *operation.approved_by))


def reviewers(operation: Operation) -> tuple[Approver, ...]:
    """Those who could have approved it and took no part; whether they still may is read when they sign."""
    return tuple(each for each in operation.approvers if each.person not in took_part(operation))
