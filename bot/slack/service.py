"""The Slack side as one thing that starts and stops: web server, guard, Bolt, Socket Mode where a token asks for it."""

import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import structlog
from aiohttp import web
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import Unavailable
from bot.domain.message import Message
from bot.domain.people import Actor
from bot.domain.policy import Policy
from bot.http.server import Endpoints, HttpHooks
from bot.requests.inbox import Inbox
from bot.requests.invocation import Incoming, Listener
from bot.requests.registry import Registry
from bot.requests.runner import Runner
from bot.requests.services import Services
from bot.slack.answers import SlackAnswers
from bot.slack.app import App
from bot.slack.connector import Connector
from bot.slack.dispatch import Dispatcher
from bot.slack.guard import Delivery, Guard
from bot.slack.home import Home
from bot.slack.inbox_duty import InboxDuty
from bot.slack.tasks import Tasks

DRAIN_SECONDS = 10.0
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
        hooks: HttpHooks,
        zone: ZoneInfo,
    ) -> None:
        if client.session is None:
            raise RuntimeError("the client was not opened by open_client")
        self._client = client
        self._session = client.session
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
        self._endpoints = Endpoints(hooks, self.trouble)
        self._connector = Connector(
            client,
            self._session,
            services.clock,
            app_token=address.app_token,
            introduce=self._introduce,
            listen=self._listen,
        )
        self.port = address.port  # The real one once it listens: port 0 takes any that is free.
        self.inbox_duty = InboxDuty(inbox, self._dispatcher, self._tasks)

    async def start(self) -> None:
        """Listen. Raises `Unavailable` where that is not possible and `Unauthorized` where Slack refuses the token.

        Does not wait long for a Slack that is slow: what Slack says after a second is for the log and for readiness.
        """
        try:
            self.port = await self._endpoints.listen(self._address.host, self._address.port)
        except OSError as error:
            await self._endpoints.close()
            where = f"{self._address.host}:{self._address.port}"
            raise Unavailable(
                f"Cannot listen at {where} ({error.strerror or error}); free it, or set STEWARD_HOST and STEWARD_PORT."
            ) from error
        await self._connector.start()

    async def drain(self) -> None:
        """Refuse new work from now on, and let running work end within 10 s."""
        self._endpoints.stopping = True
        self.inbox_duty.stopping = True
        await self._connector.stop()
        if not await self._tasks.drain(DRAIN_SECONDS):
            _log.warning("stopped with requests unfinished; the inbox keeps what changes something")

    async def stop(self) -> None:
        """Drain, and close every connection."""
        await self.drain()
        await self._endpoints.close()

    @property
    def reached(self) -> bool:
        """Whether Slack can reach the bot now."""
        return self._connector.reached

    def trouble(self) -> str:
        """Why the bot is not ready on Slack's side; empty where it is."""
        return self._connector.trouble()

    def _listen(self, app: App, guard: Guard) -> None:
        """Take Slack's payloads by HTTP."""

        def admit(headers: Mapping[str, str], raw: bytes) -> Callable[[], Awaitable[web.Response]]:
            return functools.partial(_answer, app, guard.admit(headers, raw))

        self._endpoints.connect(admit)

    def _introduce(self, identity: AuthorizeResult) -> tuple[App, Guard]:
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
        return app, guard

    def _answers(self, incoming: Incoming, listener: Listener | None) -> SlackAnswers:
        in_place = listener is not None and listener.in_place
        return SlackAnswers(self._client, self._session, incoming, self._zone, in_place=in_place)


async def _answer(app: App, delivery: Delivery) -> web.Response:
    """The answer to a genuine request; Slack's own checks of the address have theirs."""
    if delivery.body.get("type") == "url_verification":
        return web.json_response({"challenge": str(delivery.body.get("challenge", ""))})
    if delivery.body.get("ssl_check") == "1":
        return web.Response()
    answer = await app.answer(delivery)
    headers = {"Content-Type": answer.headers["content-type"][0]}
    return web.Response(status=answer.status, body=answer.body.encode(), headers=headers)
