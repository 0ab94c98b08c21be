"""Replies to the person who typed or pressed: by the payload's own address and trigger, best effort.

Slack's SDK would send `respond()` on a session of its own, without our timeout; so the address is called here.
Source: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import aiohttp
import structlog
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.errors import TargetError, Unavailable
from bot.domain.message import Message, Modal
from bot.ports import ChannelGone, RateLimited
from bot.requests.invocation import Incoming
from bot.slack.blocks import render
from bot.slack.failures import as_target_error, cause, translated
from bot.slack.forms import modal_view, reading_view
from bot.slack.values import Json

RESPONSE_HOST = "hooks.slack.com"
_POSTS = 5
_NOT_OPENED = {
    "expired_trigger_id": "The form came too late for Slack; type the command or press the button again.",
    "exchanged_trigger_id": "This press was answered already; type the command or press the button again.",
    "push_limit_reached": "Three forms lie above one another, and Slack allows no fourth; close one and press again.",
}
"""What failed, by Slack's own word, and what to do next."""

_log = structlog.get_logger(__name__)


class SlackAnswers:
    """The replies to one request, by whatever way is open.

    Five by its address, further ones as ephemeral messages in its channel. A press on the home tab or in a form has
    neither: its replies stand in a view, and where that comes too late in the person's direct messages.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        session: aiohttp.ClientSession,
        incoming: Incoming,
        zone: ZoneInfo,
        *,
        in_place: bool = False,
    ) -> None:
        self._client = client
        self._session = session
        self._incoming = incoming
        self._zone = zone
        # A command's address cannot replace anything, and a public message must not become one person's reply.
        self._in_place = in_place and incoming.ephemeral
        self._refreshes = in_place and bool(incoming.view_id)
        self._posts_left = _POSTS if trusted(incoming.response_url, client.base_url) else 0
        # The view that shows the replies, and its state: a newer one is never overwritten by an older one.
        self._view, self._hash = "", ""

    async def show(self, message: Message) -> None:
        if self._refreshes and not self._view:
            self._view, self._hash = self._incoming.view_id, self._incoming.view_hash
        await self._send(message, replace=self._in_place)

    async def tell(self, message: Message) -> None:
        """Show a message of its own, whatever was pressed."""
        await self._send(message, replace=False)

    async def open(self, modal: Modal) -> None:
        try:
            await self._open(modal_view(modal, self._incoming, self._zone))
        except TargetError as error:
            _log.warning("form not opened", request_id=self._incoming.request_id, error=str(error))
            why = _NOT_OPENED.get(cause(error), f"The form could not be opened: {error}")
            raise Unavailable(why) from error

    async def _open(self, view: Json) -> str:
        """Open a view, above the one that was pressed in where there is one; its id."""
        if not self._incoming.trigger:
            raise Unavailable("This needs a fresh press or command; type it again.")
        call = self._client.views_push if self._incoming.view_id else self._client.views_open
        with as_target_error("views.open"), translated("views.open", write=True):
            answer = await call(trigger_id=self._incoming.trigger, view=view)
        return self._shown(answer)

    def _shown(self, answer: AsyncSlackResponse) -> str:
        """The id of the view that Slack shows now."""
        shown: Json = answer.get("view") or {}
        self._hash = str(shown.get("hash", ""))
        return str(shown.get("id", ""))

    async def _send(self, message: Message, *, replace: bool) -> None:
        rendered = render(message, self._zone)
        body: Json = {"text": rendered.text, "blocks": rendered.blocks}
        if self._posts_left > 0:
            self._posts_left -= 1
            if await self._by_address(body | {"response_type": "ephemeral", "replace_original": replace}):
                return
        try:
            if self._incoming.channel:
                await self._in_channel(body)
            elif not await self._in_view(message):
                await self._directly(body)
        except (TargetError, ChannelGone, RateLimited) as error:
            _log.warning("reply lost", request_id=self._incoming.request_id, error=str(error))

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
        with translated("chat.postEphemeral", write=True):
            await self._client.chat_postEphemeral(
                channel=self._incoming.channel, user=self._incoming.slack_user, **body
            )

    async def _in_view(self, message: Message) -> bool:
        """Show it in a view, the same one for every reply; whether there is one."""
        view = reading_view(message, self._zone)
        try:
            if self._view:
                with as_target_error("views.update"), translated("views.update", write=True):
                    state = {"hash": self._hash} if self._hash else {}
                    self._shown(await self._client.views_update(view_id=self._view, view=view, **state))
            elif self._incoming.kind == "button":
                self._view = await self._open(view)
        except (TargetError, Unavailable) as error:
            if cause(error) == "hash_conflict":  # A later press shows something newer there.
                return True
            # Its trigger is too old, or the person has closed it.
            _log.info("reply not shown in a view", request_id=self._incoming.request_id, error=str(error))
            return False
        return bool(self._view)

    async def _directly(self, body: Json) -> None:
        with translated("chat.postMessage", write=True):
            await self._client.chat_postMessage(
                channel=self._incoming.slack_user, unfurl_links=False, unfurl_media=False, **body
            )


def trusted(address: str, api: str) -> bool:
    """Whether replies may go there: Slack's own host, or the host of the API that the bot was told to use."""
    try:
        target, base = urlsplit(address), urlsplit(api)
    except ValueError:  # A bracket that is never closed, and the like.
        return False
    if target.scheme == "https" and target.netloc == RESPONSE_HOST:
        return True
    return bool(target.netloc) and (target.scheme, target.netloc) == (base.scheme, base.netloc)
