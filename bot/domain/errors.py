"""Every error that a person may read, in one tree; the text says what, which, and what to do next.

BotError
├── UsageError            the request could not be understood
│   └── FieldErrors       fields of a form, each with its own text
├── NotFound              a system, queue, release, incident … that does not exist
├── Refused               the policy, a freeze or a rule of safety says no, and why
├── Conflict              the world moved on: already decided, drifted, locked by another
├── Unavailable           our own part cannot answer now (ledger, Slack, configuration); try again
└── TargetError           a system outside answered badly or not at all
    ├── Unreachable       it refuses, times out or answers 5xx: it is down for us
    │   └── NotDone       a change that never left us, or was turned away at the door: nothing was done
    ├── Unauthorized      it does not accept our credentials, or they may not do this
    ├── BadAnswer         it answered something that we cannot read
    ├── Rejected          it understood and refused (404, 409, 422): repeating does not help
    └── OutcomeUnknown    the request was sent and the answer lost: it may or may not have happened
"""

from collections.abc import Mapping


class BotError(Exception):
    """An expected failure; its text is shown to the person, escaped, and holds no secret."""


class UsageError(BotError):
    """The request could not be understood; the text names the word and the usage."""


class FieldErrors(UsageError):
    """Fields of a form that need correction: field id → text."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {text}" for field, text in fields.items()))
        self.fields = dict(fields)


class NotFound(BotError):
    """What was named does not exist; the text offers the nearest names."""


class Refused(BotError):
    """Not allowed; the text gives the reason and the safe way."""


class Conflict(BotError):
    """The state has changed since it was shown; the text says who changed it and when."""


class Unavailable(BotError):
    """A part of the bot cannot answer now; the text says when to try again."""


class TargetError(BotError):
    """A system outside failed; the text names the system and what was asked, never a credential."""


class Unreachable(TargetError):
    """It refused the connection, timed out or answered 5xx."""


class NotDone(Unreachable):
    """A change was asked for and certainly not begun: no connection, no such program, too many requests."""


class Unauthorized(TargetError):
    """It did not accept our credentials, or they may not do this."""


class BadAnswer(TargetError):
    """It answered something that cannot be read."""


class Rejected(TargetError):
    """It understood the request and refused it; repeating does not help."""


class OutcomeUnknown(TargetError):
    """The request left and the answer was lost: observe before anything is repeated.

    `lasts`: for how long, ms, the work may still go on; None where only the action's own `patience` tells.
    """

    def __init__(self, text: str, *, lasts: int | None = None) -> None:
        super().__init__(text)
        self.lasts = lasts
