"""How long things count, ms: a request, an approver's turn, a covered undo, the wait before a run alone."""

from bot.domain.timing import MINUTE

EXPIRES_AFTER = 15 * MINUTE
"""How long a request waits for its decision."""

PING_EVERY = 3 * MINUTE
"""How long an approver has before the next one is asked as well."""

UNDO_COVERED_FOR = 30 * MINUTE
"""How long after an operation its approval covers taking it back."""

ALONE_AFTER = 5 * MINUTE
"""How long an action without an undo waits for a decision before an emergency run is allowed."""
