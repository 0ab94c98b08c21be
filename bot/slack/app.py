"""The Bolt app: one listener per kind of payload; all of them hand over to the dispatcher.

Each further listener costs Bolt 10-15 µs per request, so our dictionary tells commands apart, not its matchers.
Commands, the most frequent kind, are taken in Bolt's chain of middleware: a listener's matcher and its call each gather
thirty arguments of which we read three, which is a fifth of a command's whole time.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.oncall.directory import Directory
from bot.ports import Clock
from bot.requests.invocation import Incoming
from bot.slack import payloads
from bot.slack.blocks import render
from bot.slack.dispatch import Acknowledgement, Dispatcher
from bot.slack.forms import modal_view
from bot.slack.guard import Delivery
from bot.slack.home import Home
from bot.slack.payloads import Malformed
from bot.slack.replays import Replays
from bot.slack.tasks import Tasks
from bot.slack.values import Json

_KEY, _HEARD = "steward_delivery", "steward_heard"
_MISSHAPEN = (AttributeError, IndexError, KeyError, TypeError, ValueError)
_ANY = re.compile("")
_log = structlog.get_logger(__name__)


class OneWorkspace(AsyncAuthorize):
    """Answers who we are without a call: `auth.test` was asked at the start, and the guard has compared the workspace.

    Handed to Bolt explicitly, since it would otherwise switch to OAuth where SLACK_CLIENT_ID stands in the environment.
    """

    def __init__(self, identity: AuthorizeResult) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # slack_bolt leaves it untyped
        self._identity = identity

    async def __call__(self, **_: object) -> AuthorizeResult:
        """Who the bot is here."""
        return self._identity


class _Commands(AsyncMiddleware):
    """Answers slash commands in Bolt's chain; everything else goes on to the listeners."""

    def __init__(self, answer: Callable[[AsyncBoltContext, Json], Awaitable[BoltResponse]]) -> None:
        self._answer = answer

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,  # noqa: ARG002 - Bolt passes it by name
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002 - Bolt's own name for it
    ) -> BoltResponse:
        """Answer a command; for anything else, go on."""
        return await self._answer(req.context, req.body) if "command" in req.body else await next()


class _Bolt(AsyncApp):
    """Bolt builds a Web API client for every request, for apps that change its token; that is a third of its time.

    Ours never call Slack by Bolt's client, so all requests share one. Were this renamed in Bolt, only time is lost.
    """

    def _init_context(self, req: AsyncBoltRequest) -> None:
        req.context["logger"] = self.logger
        req.context["token"] = None  # The authorization fills it in.
        req.context["client"] = self.client
        req.context["listener_runner"] = self.listener_runner


class App:
    """Bolt with our listeners. `answer` takes what the guard admitted, over HTTP and Socket Mode alike."""

    def __init__(
        self,
        *,
        identity: AuthorizeResult,
        api: str,
        dispatcher: Dispatcher,
        home: Home,
        directory: Directory,
        tasks: Tasks,
        clock: Clock,
        zone: ZoneInfo,
    ) -> None:
        self._dispatcher = dispatcher
        self._home = home
        self._directory = directory
        self._tasks = tasks
        self._clock = clock
        self._zone = zone
        self._events = Replays()
        self._bolt = _bolt(identity, api)
        self._listen()

    async def answer(self, delivery: Delivery) -> BoltResponse:
        """Bolt's answer to a payload that is genuine."""
        try:
            # "socket_mode" is Bolt's word for a body that is parsed already: it is parsed once, by the guard.
            request = AsyncBoltRequest(body=delivery.body, context={_KEY: delivery.key}, mode="socket_mode")
            return await self._bolt.async_dispatch(request)
        except _MISSHAPEN as error:
            # Bolt looks inside a payload without asking, and again when it reports that this failed.
            return _malformed(Malformed(type(error).__name__))

    def _listen(self) -> None:
        self._bolt.use(_Commands(self._command))
        self._bolt.action(_ANY)(self._action)
        self._bolt.view_submission(_ANY)(self._submission)
        self._bolt.event(_ANY)(self._event)
        self._bolt.error(_unhandled)

    async def _command(self, context: AsyncBoltContext, body: Json) -> BoltResponse:
        return await self._person(payloads.command, context.ack, body, context)

    async def _action(self, ack: AsyncAck, body: Json, context: AsyncBoltContext) -> BoltResponse:
        return await self._person(payloads.action, ack, body, context)

    async def _submission(self, ack: AsyncAck, body: Json, context: AsyncBoltContext) -> BoltResponse:
        return await self._person(payloads.submission, ack, body, context)

    async def _person(
        self,
        parse: Callable[[Json, int], Incoming],
        ack: AsyncAck,
        body: Json,
        context: AsyncBoltContext,
    ) -> BoltResponse:
        context[_HEARD] = True
        try:
            incoming = parse(body, self._clock.now())
        except Malformed as error:
            return _malformed(error)
        acknowledgement = await self._dispatcher.receive(context[_KEY], incoming)
        return await self._acknowledge(ack, acknowledgement, incoming)

    async def _acknowledge(self, ack: AsyncAck, reply: Acknowledgement, incoming: Incoming) -> BoltResponse:
        if reply.errors:
            return await ack(response_action="errors", errors=dict(reply.errors))
        if reply.modal:
            return await ack(response_action="update", view=modal_view(reply.modal, incoming, self._zone))
        if reply.message:
            rendered = render(reply.message, self._zone)
            return await ack(text=rendered.text, blocks=rendered.blocks, response_type="ephemeral")
        return await ack()

    async def _event(self, ack: AsyncAck, body: Json, context: AsyncBoltContext) -> BoltResponse:
        context[_HEARD] = True
        # Slack repeats an event whose first delivery may have been lost; only its id tells whether we have had it.
        kind = body["event"].get("type")
        if kind in {"app_home_opened", "message"} and self._events.first(context[_KEY]):
            try:
                self._heard(kind, body)
            except Malformed as error:
                return _malformed(error)
        return await ack()

    def _heard(self, kind: str, body: Json) -> None:
        if kind == "message":
            if writer := payloads.direct_message(body):
                self._dispatcher.help(writer, self._clock.now())
            return
        opened = payloads.home_opened(body)
        if opened.tab == "home":
            self._tasks.spawn(self._home.publish(self._directory.actor(opened.user)))


def _malformed(error: Malformed) -> BoltResponse:
    _log.warning("payload not understood", field=str(error))
    return BoltResponse(status=400, body="")


async def _unhandled(error: Exception, body: Json, context: AsyncBoltContext) -> BoltResponse:
    """The catch-all: what nobody listens for is acknowledged, so that Slack shows no failure and repeats nothing."""
    if isinstance(error, BoltUnhandledRequestError):
        _log.info("payload without a listener", type=str(body.get("type", ""))[:40])
        return BoltResponse(status=200, body="")
    if _HEARD not in context:
        return _malformed(Malformed(type(error).__name__))
    _log.error("listener failed", exc_info=error)
    return BoltResponse(status=500, body="")


def _bolt(identity: AuthorizeResult, api: str) -> _Bolt:
    # Bolt warns about tokens that stand in the environment and are not used; they are used, by our own client.
    logger = logging.getLogger("bot.slack.bolt")
    logger.setLevel(logging.ERROR)
    return _Bolt(
        name="steward",
        logger=logger,
        client=AsyncWebClient(base_url=api),
        authorize=OneWorkspace(identity),
        # The acknowledgement is inline: the default mode looks for it every 10 ms.
        process_before_response=True,
        raise_error_for_unhandled_request=True,
        # The guard has verified the signature, answered Slack's checks of the address and compared the workspace.
        # Of events app_home_opened is heard, which the bot never causes itself, and direct messages, its own left out.
        ignoring_self_events_enabled=False,
        request_verification_enabled=False,
        url_verification_enabled=False,
        ssl_check_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
