"""What can be done to a system: plan, execute, verify, undo; one action per file, and one line here."""

from bot.operations.action import ActionKind
from bot.operations.actions.clear_stuck import ClearStuck, PutBack
from bot.operations.actions.lock_publishing import LockPublishing
from bot.operations.actions.remove_expired import RemoveExpired
from bot.operations.actions.restart import Restart
from bot.operations.actions.retry_failed import RetryFailed
from bot.operations.actions.roll_back import RollBack

ACTIONS: tuple[ActionKind, ...] = (
    RollBack,
    LockPublishing,
    Restart,
    RetryFailed,
    ClearStuck,
    PutBack,
    RemoveExpired,
)
