"""The Slack side as one thing that starts and stops: web server, guard, Bolt, Socket Mode where a token asks for it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import structlog
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import TargetError, Unavailable, Unreachable
from bot.domain.message import Message
from bot.domain.people import Actor
from bot.domain.policy import Policy
from bot.services.container import Services
from bot.services.inbox import Inbox
from bot.services.invocation import Incoming, Listener
from bot.slack.answers import SlackAnswers
from bot.slack.app import App
from bot.slack.dispatch import Dispatcher
from bot.slack.failures import patient, translated
from bot.slack.guard import Guard
from bot.slack.home import Home
from bot.slack.inbox_duty import InboxDuty
from bot.slack.registry import Registry
from bot.slack.runner import Runner
from bot.slack.server import Endpoints, Probes
from bot.slack.socket_mode import SocketMode
from bot.slack.tasks import Tasks

DRAIN_SECONDS = 10.0
_PATIENCE_SECONDS = 1.0
_RETRY_SECONDS = 2.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Address:
    """Where the bot listens, and what Slack and it know of each other. With an app token it listens by Socket Mode."""

    host: str
    port: int
    signing_secret: str
    app_token: str = ""
    app_id: str = ""


class SlackService:
    """Build it, add `inbox_duty` to the engine, `start`, and at the end `stop`."""

    def __init__(
        self,
        *,
        client: AsyncWebClient,
        address: Address,
        listeners: Iterable[Listener],
        services: Services,
        policy: Policy,
        inbox: Inbox,
        home: Callable[[Actor], Awaitable[Message]],
        probes: Probes,
        zone: ZoneInfo,
    ) -> None:
        self._client = client
        self._address = address
        self._services = services
        self._zone = zone
        self._tasks = Tasks()
        self._dispatcher = Dispatcher(
            registry=Registry(listeners),
            runner=Runner(services, policy),
            inbox=inbox,
            answers=self._answers,
            tasks=self._tasks,
        )
        self._home = Home(client, home, zone)
        self._endpoints = Endpoints(probes)
        self._socket: SocketMode | None = None
        self._connecting: asyncio.Task[None] | None = None
        self.port = address.port  # The real one once it listens: port 0 takes any that is free.
        self.inbox_duty = InboxDuty(inbox, self._dispatcher, self._tasks)

    async def start(self) -> None:
        """Listen. Raises `Unavailable` where that is not possible and `Unauthorized` where Slack refuses the token.

        Does not wait long for a Slack that is slow.
        """
        try:
            self.port = await self._endpoints.listen(self._address.host, self._address.port)
        except OSError as error:
            await self._endpoints.close()
            where = f"{self._address.host}:{self._address.port}"
            raise Unavailable(
                f"Cannot listen at {where} ({error.strerror or error}); free it, or set STEWARD_HOST and STEWARD_PORT."
            ) from error
        self._connecting = asyncio.create_task(self._keep_connecting())
        await asyncio.wait({self._connecting}, timeout=_PATIENCE_SECONDS)
        if self._connecting.done():
            await self._connecting

    async def stop(self) -> None:
        """Refuse new work, let running work end within 10 s, close the sockets."""
        self._endpoints.stopping = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._socket is not None:
            self._socket.refuse()
        if not await self._tasks.drain(DRAIN_SECONDS):
            _log.warning("stopped with requests unfinished; the inbox keeps what changes something")
        if self._socket is not None:
            await self._socket.close()
        await self._endpoints.close()

    async def _connect(self) -> None:
        identity = await identify(self._client)
        app = App(
            identity=identity,
            api=self._client.base_url,
            dispatcher=self._dispatcher,
            home=self._home,
            directory=self._services.directory,
            tasks=self._tasks,
            clock=self._services.clock,
            zone=self._zone,
        )
        guard = Guard(
            secret=self._address.signing_secret,
            clock=self._services.clock,
            team=identity.team_id or "",
            app=self._address.app_id,
        )
        if not self._address.app_token:
            self._endpoints.connect(app, guard)
            return
        socket = SocketMode(app_token=self._address.app_token, client=self._client, app=app, guard=guard)
        try:
            with patient("apps.connections.open"), translated("apps.connections.open", write=False):
                await socket.start()
        except TargetError:
            await socket.close()
            raise
        self._socket = socket

    async def _keep_connecting(self) -> None:
        while True:
            try:
                await self._connect()
            except Unreachable as error:
                _log.warning("Slack cannot be reached yet", error=str(error))
            except TargetError as error:
                _log.error("Slack does not let us in", error=str(error))
                raise
            else:
                return
            await asyncio.sleep(_RETRY_SECONDS)

    def _answers(self, incoming: Incoming, listener: Listener | None) -> SlackAnswers:
        session = self._client.session
        if session is None:
            raise RuntimeError("the client was not opened by open_client")
        in_place = listener is not None and listener.in_place
        return SlackAnswers(self._client, session, incoming, self._zone, in_place=in_place)


async def identify(client: AsyncWebClient) -> AuthorizeResult:
    """Who the bot is, by `auth.test`; raises `Unauthorized` or `Unreachable`."""
    with patient("auth.test"), translated("auth.test", write=False):
        answer = await client.auth_test()
    return AuthorizeResult(
        enterprise_id=answer.get("enterprise_id"),
        team_id=answer["team_id"],
        bot_user_id=answer.get("user_id"),
        bot_id=answer.get("bot_id"),
        bot_token=client.token,
    )
