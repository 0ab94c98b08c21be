"""The routes by which messages leave, the table of them, and what an error on any of them means."""

from typing import Protocol

import structlog

from bot.domain.errors import Rejected, TargetError, Unauthorized, Unreachable
from bot.outbox.message import LOOK_UP_PAUSE, Delayed, Doubtful, OutboxMessage, Outcome, Undeliverable
from bot.ports import ChannelGone, PersonGone, RateLimited

_log = structlog.get_logger(__name__)


class Route(Protocol):
    """One way by which messages leave, such as Slack or PagerDuty. A route names this class as its base.

    Every call ends within `CLIENT_TIMEOUT`: what has not been answered by then either has happened or never will.
    """

    name: str
    """As the rows of the outbox name it."""

    idempotent: bool
    """Whether a message that arrives twice does no harm there. After a lost answer it is then simply sent again."""

    async def prepare(self, channel: str) -> None:  # noqa: ARG002 - most routes have nothing to prepare
        """Do what takes time before a new message can be sent to this channel; nothing, unless a route says otherwise.

        The ledger is asked afterwards whether the message is still wanted. Raises what `send` raises.
        """
        return

    async def send(self, message: OutboxMessage) -> Outcome:
        """Send the message, or bring what stands there up to date where `posted` is set.

        `doubtful_since` without `repeat` (never where the route is idempotent): an earlier attempt may have arrived, so
        find out: `Delivered`, `NotThere`, or `Doubtful` where that fails. With `repeat`, send it and say that it may be
        a repeat. Whatever is raised means what `outcome_of` says.
        """
        ...


class Routes:
    """The routes by name. What a row names and nobody has brought is told, and holds nothing up."""

    def __init__(self, *routes: Route) -> None:
        self._routes = {route.name: route for route in routes}

    def named(self, name: str) -> Route:
        """The route of this name, or one that can send nothing and says so."""
        return self._routes.get(name) or _UnknownRoute(name)


class _UnknownRoute(Route):
    """Stands for a route that a newer version had, or that has been taken out."""

    idempotent = False

    def __init__(self, name: str) -> None:
        self.name = name

    async def send(self, message: OutboxMessage) -> Outcome:
        _log.error("no such route", route=self.name, key=message.key)
        return Undeliverable(f'there is no route "{self.name}"')


async def prepare(route: Route, channel: str) -> Exception | None:
    """Prepare the route for a channel; returns what failed."""
    try:
        await route.prepare(channel)
    except Exception as error:  # noqa: BLE001 - the edge: one channel must not stop the sender
        return error
    return None


async def send(route: Route, message: OutboxMessage) -> Outcome:
    """Send one message; nothing is raised."""
    try:
        return await route.send(message)
    except Exception as error:  # noqa: BLE001 - the edge: one message must not stop the queue
        return outcome_of(route, message, error)


def outcome_of(route: Route, message: OutboxMessage, error: Exception) -> Outcome:
    """What an error means for a message, on every route."""
    match error:
        case RateLimited():
            return _not_sent(message, "rate limited", pause=error.retry_after)
        case ChannelGone():
            return Undeliverable("the channel is archived, gone, or the bot is no member")
        case PersonGone():
            return Undeliverable(str(error), for_good=True)
        case Unreachable() | Unauthorized():
            return _not_sent(message, str(error))
        case Rejected():
            _log.error("message rejected", route=route.name, key=message.key, error=str(error))
            return Undeliverable(str(error))
        case TargetError():
            reason = str(error)
        case _:
            _log.error("message failed", route=route.name, key=message.key, error=str(error), exc_info=error)
            reason = type(error).__name__
    return _unanswered(route, message, reason)


def _not_sent(message: OutboxMessage, error: str, pause: int | None = None) -> Outcome:
    """Nothing was sent by this attempt; an earlier one stays in doubt."""
    if message.doubtful_since is not None:
        return Doubtful(error, since=message.doubtful_since, pause=pause or LOOK_UP_PAUSE)
    return Delayed(error, pause)


def _unanswered(route: Route, message: OutboxMessage, error: str) -> Outcome:
    """It may have been sent. To repeat an edit is harmless everywhere."""
    if message.posted is not None or route.idempotent:
        return Delayed(error)
    return Doubtful(error, since=message.doubtful_since)
