"""Replies to the person who typed or pressed: by the payload's own address and trigger, best effort.

Slack's client sends its own `respond()` on a session of its own, without our timeout; so the address is called here.
Source: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import aiohttp
import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import TargetError, Unavailable
from bot.domain.message import Message, Modal
from bot.ports import ChannelGone, RateLimited
from bot.services.invocation import Incoming
from bot.slack.blocks import render
from bot.slack.failures import patient, translated
from bot.slack.forms import modal_view
from bot.slack.values import Json

RESPONSE_HOST = "hooks.slack.com"
_POSTS = 5
_log = structlog.get_logger(__name__)


class SlackAnswers:
    """The replies to one request: five by its address, further ones as ephemeral messages in its channel."""

    def __init__(
        self, client: AsyncWebClient, session: aiohttp.ClientSession, incoming: Incoming, zone: ZoneInfo
    ) -> None:
        self._client = client
        self._session = session
        self._incoming = incoming
        self._zone = zone
        self._posts_left = _POSTS if trusted(incoming.response_url, client.base_url) else 0

    async def show(self, message: Message) -> None:
        # A command's address cannot replace anything, and a public message must not become somebody's private reply:
        # so only a press inside a message that is the person's own replaces it.
        await self._send(message, replace=self._incoming.kind == "button" and self._incoming.ephemeral)

    async def tell(self, message: Message) -> None:
        """Show a message of its own, whatever was pressed."""
        await self._send(message, replace=False)

    async def open(self, modal: Modal) -> None:
        view = modal_view(modal, self._incoming, self._zone)
        try:
            with patient("views.open"), translated("views.open", write=True):
                if not self._incoming.trigger:
                    raise Unavailable("A form needs a fresh press or command; type it again.")
                await self._client.views_open(trigger_id=self._incoming.trigger, view=view)
        except TargetError as error:
            _log.warning("form not opened", request_id=self._incoming.request_id, error=str(error))
            raise Unavailable(
                "The form came too late for Slack; type the command or press the button again."
            ) from error

    async def _send(self, message: Message, *, replace: bool) -> None:
        rendered = render(message, self._zone)
        body: Json = {"text": rendered.text, "blocks": rendered.blocks}
        if self._posts_left > 0:
            self._posts_left -= 1
            if await self._by_address(body | {"response_type": "ephemeral", "replace_original": replace}):
                return
        if self._incoming.channel:
            await self._in_channel(body)

    async def _by_address(self, body: Json) -> bool:
        try:
            # A redirect would carry the reply to a host that nobody checked.
            async with self._session.post(self._incoming.response_url, json=body, allow_redirects=False) as answer:
                if answer.status == 200:
                    return True
                _log.warning("reply not taken", request_id=self._incoming.request_id, status=answer.status)
                return False
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("reply not sent", request_id=self._incoming.request_id, error=type(error).__name__)
            return False

    async def _in_channel(self, body: Json) -> None:
        try:
            with translated("chat.postEphemeral", write=True):
                await self._client.chat_postEphemeral(
                    channel=self._incoming.channel, user=self._incoming.slack_user, **body
                )
        except (TargetError, ChannelGone, RateLimited) as error:
            _log.warning("reply lost", request_id=self._incoming.request_id, error=str(error))


def trusted(address: str, api: str) -> bool:
    """Whether replies may go there: Slack's own host, or the host of the API that the bot was told to use."""
    target, base = urlsplit(address), urlsplit(api)
    if target.scheme == "https" and target.netloc == RESPONSE_HOST:
        return True
    return bool(target.netloc) and (target.scheme, target.netloc) == (base.scheme, base.netloc)
