"""Every action by name, built again from its stored parameters."""

import json
from collections.abc import Mapping

from bot.domain.policy import Risk
from bot.operations.action import Actions
from bot.operations.actions.clear_stuck import ClearStuck, PutBack
from bot.operations.actions.entries import Entries
from bot.operations.actions.lock_publishing import LockPublishing
from bot.operations.actions.remove_expired import RemoveExpired
from bot.operations.actions.restart import Restart
from bot.operations.actions.retry_failed import RetryFailed
from bot.operations.actions.roll_back import RollBack
from bot.ports import Clock
from bot.systems import Systems

RISKS: Mapping[str, Risk] = {
    "roll_back": RollBack.risk,
    "lock_publishing": LockPublishing.risk,
    "restart": Risk.CHANGE,  # Of a database it is p0; each plan says which.
    "retry_failed": RetryFailed.risk,
    "clear_stuck": ClearStuck.risk,
    "put_back": PutBack.risk,
    "remove_expired": RemoveExpired.risk,
}
"""What each action declares at least; the configuration may raise it."""


def registry(systems: Systems, clock: Clock) -> Actions:
    """What `Operations` is given. A new action is one line here."""
    return {
        "roll_back": lambda text: RollBack(systems, *json.loads(text)),
        "lock_publishing": lambda text: LockPublishing(systems, *json.loads(text)),
        "restart": lambda text: _restart(systems, text),
        "retry_failed": lambda text: _retry_failed(systems, text),
        "clear_stuck": lambda text: ClearStuck(Entries.load(systems, text), clock),
        "put_back": lambda text: PutBack(Entries.load(systems, text), clock),
        "remove_expired": lambda text: RemoveExpired(Entries.load(systems, text), clock),
    }


def _restart(systems: Systems, text: str) -> Restart:
    system, units = json.loads(text)
    return Restart(systems, system, tuple((component, unit) for component, unit in units))


def _retry_failed(systems: Systems, text: str) -> RetryFailed:
    system, queue, ids = json.loads(text)
    return RetryFailed(systems, system, queue, tuple(ids))
