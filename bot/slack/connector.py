"""Lets Slack reach the bot: learns who we are, then takes HTTP or keeps a socket open; tells why it is not so."""

import asyncio
from collections.abc import Callable

import structlog
from aiohttp import ClientSession
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import TargetError, Unreachable
from bot.domain.timing import MINUTE, SECOND
from bot.ports import Clock
from bot.slack.app import App
from bot.slack.backoff import Backoff
from bot.slack.failures import as_target_error, translated
from bot.slack.guard import Guard
from bot.slack.socket_mode import SocketMode

AWAY_AFTER = 20 * SECOND
"""How long the bot may be without a socket before it is not ready."""

HELD_AFTER = MINUTE
"""A socket that lasted this long had been let in for good: its end is no reason to wait long for the next one."""

_PATIENCE_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class Connector:
    """Tries again with growing pauses, whatever Slack says; only what it refuses at once ends the start.

    `introduce` makes the app and its guard once Slack has said who we are; `listen` takes both where there is no app
    token, and with it no Socket Mode.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        session: ClientSession,
        clock: Clock,
        *,
        app_token: str,
        introduce: Callable[[AuthorizeResult], tuple[App, Guard]],
        listen: Callable[[App, Guard], None],
    ) -> None:
        self._client = client
        self._session = session
        self._clock = clock
        self._app_token = app_token
        self._introduce = introduce
        self._listen = listen
        self._socket: SocketMode | None = None
        self._listening = False
        self._away_since = clock.wall()
        self._reason = "it has not answered yet"
        self._first: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def reached(self) -> bool:
        """Whether Slack can reach the bot now."""
        return self._listening or bool(self._socket)

    def trouble(self) -> str:
        """Why the bot is not ready: it takes nothing by HTTP yet, or has been without a socket for 20 s."""
        if self.reached:
            return ""
        since = self._socket.closed_at if self._socket is not None else self._away_since
        away = self._clock.wall() - since
        if self._socket is not None and away < AWAY_AFTER:
            return ""
        return f"Slack has not reached the bot for {away // SECOND} s: {self._reason}"

    async def start(self) -> None:
        """Connect. Waits a second at most; raises what Slack refuses within it, such as `Unauthorized`."""
        self._first = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._keep_connected(), name="slack")
        await asyncio.wait({self._first}, timeout=_PATIENCE_SECONDS)
        first, self._first = self._first, None
        if first.done():
            first.result()

    async def stop(self) -> None:
        """Take nothing more by a socket and close it, once what was taken is acknowledged."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._socket is not None:
            await self._socket.drain()

    async def _keep_connected(self) -> None:
        backoff = Backoff()
        while not self._listening:
            began = self._clock.wall()
            try:
                await self._connect_once()
            except TargetError as error:
                self._note(error)
            if self._clock.wall() - began >= HELD_AFTER:
                backoff.worked()
            if not self._listening:
                await asyncio.sleep(backoff.pause())

    async def _connect_once(self) -> None:
        """Connect; by Socket Mode, until that socket needs a successor."""
        if self._socket is None:
            app, guard = self._introduce(await identify(self._client))
            if not self._app_token:
                self._listen(app, guard)
                self._listening = True
                self._succeed()
                return
            self._socket = SocketMode(
                app_token=self._app_token,
                client=self._client,
                session=self._session,
                clock=self._clock,
                app=app,
                guard=guard,
            )
        leaving = await self._socket.open()
        self._succeed()
        await leaving.wait()
        self._reason = "the last socket ended, and no other could be opened yet"

    def _succeed(self) -> None:
        self._reason = ""
        if self._first is not None and not self._first.done():
            self._first.set_result(None)

    def _note(self, error: TargetError) -> None:
        self._reason = str(error)
        if isinstance(error, Unreachable):
            _log.warning("Slack cannot be reached yet", error=str(error))
            return
        _log.error("Slack does not let us in", error=str(error))
        if self._first is not None and not self._first.done():
            self._first.set_exception(error)


async def identify(client: AsyncWebClient) -> AuthorizeResult:
    """Who the bot is, by `auth.test`; raises `Unauthorized` or `Unreachable`."""
    with as_target_error("auth.test"), translated("auth.test", write=False):
        answer = await client.auth_test()
    return AuthorizeResult(
        enterprise_id=answer.get("enterprise_id"),
        team_id=answer["team_id"],
        bot_user_id=answer.get("user_id"),
        bot_id=answer.get("bot_id"),
        bot_token=client.token,
    )
