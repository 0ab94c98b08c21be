"""Publishes a person's home tab when they open it."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import BotError
from bot.domain.message import Message
from bot.domain.people import Actor
from bot.ports import ChannelGone, RateLimited
from bot.slack import failures
from bot.slack.failures import translated
from bot.slack.forms import home_view

_REMEMBERED = 1_000
_log = structlog.get_logger(__name__)


class Home:
    """The home tab: what it shows comes from `content`; a newer publication is never overwritten by an older one."""

    def __init__(self, client: AsyncWebClient, content: Callable[[Actor], Awaitable[Message]], zone: ZoneInfo) -> None:
        self._client = client
        self._content = content
        self._zone = zone
        self._hashes: OrderedDict[str, str] = OrderedDict()

    async def publish(self, actor: Actor) -> None:
        """Render and publish one person's tab; a failure is logged, since the next opening repairs it."""
        try:
            known = self._hashes.get(actor.slack)
            try:
                await self._publish(actor, known)
            except SlackApiError as error:
                if failures.code(error) != "hash_conflict":
                    raise
                # Somebody else (another replica) published in between: what is true now wins.
                await self._publish(actor, None)
        except (BotError, ChannelGone, RateLimited, SlackApiError) as error:
            _log.warning("home tab not published", error=str(error))
        except Exception:  # noqa: BLE001 - an edge like the runner's: nobody waits for this task
            _log.exception("home tab failed")

    async def _publish(self, actor: Actor, known: str | None) -> None:
        view = home_view(await self._content(actor), self._zone)
        arguments = {"hash": known} if known else {}
        try:
            answer = await self._client.views_publish(user_id=actor.slack, view=view, **arguments)
        except SlackApiError as error:
            if failures.code(error) == "hash_conflict":
                raise
            with translated("views.publish", write=True):
                raise
        self._hashes[actor.slack] = str((answer.get("view") or {}).get("hash", ""))
        self._hashes.move_to_end(actor.slack)
        if len(self._hashes) > _REMEMBERED:
            self._hashes.popitem(last=False)
