"""The composition root: builds the whole bot from settings and configuration, runs it, and stops it gracefully."""

import asyncio
import gc
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from slack_sdk.web.async_client import AsyncWebClient

import commands.change_buttons
import commands.health
import commands.incident
import commands.oncall
import commands.operation_buttons
import commands.queue
import commands.rollback
from adapters import outgoing, pagerduty
from adapters.kind import Kind
from adapters.kinds import KINDS
from adapters.pagerduty_webhook import verified_event
from bot import logs
from bot.assembly import actions_of, assemble
from bot.audit.seal import AuditSeal
from bot.clock import ClockControl, FollowerClock, SystemClock
from bot.config.loader import Configuration, load
from bot.config.models import StewardModel
from bot.console import ownership
from bot.console.line import Console
from bot.console.os_user import os_user
from bot.console.socket import ConsoleSocket
from bot.domain.errors import Rejected, Unavailable, Unreachable
from bot.domain.policy import Policy, Risk, Rule
from bot.domain.redaction import redact, secrets_of
from bot.engine.cycle import Engine
from bot.engine.duty import Duty
from bot.engine.heartbeat import Beat, Heartbeat
from bot.health.poller import HealthPoller
from bot.health.service import Health
from bot.http.monitoring import Metrics, Readiness
from bot.http.pagerduty import PagerDutyWebhook
from bot.http.server import HttpHooks
from bot.incidents.channels import IncidentRooms
from bot.incidents.checks import FollowedChecks, SystemChecks
from bot.incidents.escalation_duty import Escalation
from bot.incidents.evidence import IncidentEvidence
from bot.incidents.header_dates import IncidentDates
from bot.incidents.page_reports import PageReports
from bot.incidents.service import Incidents
from bot.incidents.severity_matrix import Matrix
from bot.oncall.directory import Directory
from bot.oncall.group_copies import GroupCopies
from bot.oncall.service import OnCall
from bot.operations.action import Actions
from bot.operations.service import Operations
from bot.outbox import service as outbox
from bot.outbox.pager_check import with_pager
from bot.outbox.pagerduty import PagerDutyRoute
from bot.outbox.retention import Retention
from bot.outbox.routes import Routes
from bot.outbox.sender import Sender
from bot.outbox.slack import SlackRoute
from bot.ports import Clock, Page, Pager
from bot.queues.service import Queues
from bot.requests.inbox import Inbox
from bot.requests.invocation import Listener
from bot.requests.services import Services
from bot.schedules.service import Schedules
from bot.settings import Settings, environment
from bot.situation.home import Home
from bot.situation.service import Situation
from bot.slack.client import SlackChat, SlackGroups, SlackRooms, open_client
from bot.slack.service import Address, SlackService
from bot.store import Ledger, open_ledger

_log = structlog.get_logger(__name__)

STEP_PATIENCE = 5.0
"""Seconds that a step under way gets at a stop; the next process observes what came of a longer one."""

LISTENERS: tuple[Listener, ...] = (
    *commands.health.LISTENERS,
    *commands.queue.LISTENERS,
    *commands.rollback.LISTENERS,
    *commands.operation_buttons.LISTENERS,
    *commands.change_buttons.LISTENERS,
    *commands.incident.LISTENERS,
    *commands.oncall.LISTENERS,
)


class NoPager:
    """Stands where PagerDuty is not configured; nothing is addressed to it then."""

    async def send(self, page: Page) -> None:
        raise Rejected(f"PagerDuty is not configured; {page.key} went to Slack alone")

    async def answers(self) -> None:
        raise Rejected("PagerDuty is not configured")


@dataclass(frozen=True, slots=True)
class Core:
    """Everything below Slack's transport: what the server and the command line share."""

    configuration: Configuration
    ledger: Ledger
    clock: Clock
    owner: str
    policy: Policy
    services: Services
    client: AsyncWebClient
    pager: Pager
    beat: Beat | None


@asynccontextmanager
async def core(
    settings: Settings, clock: Clock, *, serves: bool = True, kinds: Mapping[str, Kind] = KINDS
) -> AsyncIterator[Core]:
    """Open the ledger, every connection and the Slack client; close them at the end. `serves`: this is the bot."""
    known = secrets_of(environment().items())
    actions = actions_of(kinds)
    redact.keep(known)  # Before the configuration is read: its mistakes are told, too.
    configuration = load(settings.config, kinds, actions, environment())
    redact.keep([*known, *configuration.secrets])
    steward = configuration.steward
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    async with AsyncExitStack() as stack:
        ledger = await open_ledger(settings.database.get_secret_value())
        stack.push_async_callback(ledger.close)
        client = await stack.enter_async_context(
            open_client(token=settings.bot_token.get_secret_value(), url=settings.slack_api_url)
        )
        assembly = assemble(configuration, kinds)
        stack.push_async_callback(assembly.close)
        systems, pager = assembly.systems, await _pager(steward, stack)
        if steward.pagerduty is not None:
            systems = with_pager(systems, pager, ledger)
        policy = policy_of(steward)
        directory = Directory(steward, SlackGroups(client), clock, ledger, keeps=serves)
        oncall = OnCall(steward, directory, clock)
        health = Health(ledger, clock, systems)
        incidents = Incidents(
            ledger,
            clock,
            steward,
            systems=systems,
            oncall=oncall,
            matrix=Matrix(steward),
            checks=SystemChecks(health),
        )
        operations = Operations(
            ledger,
            clock,
            policy,
            directory,
            oncall,
            health,
            Actions(actions, systems, clock),
            steward,
            owner,
            acknowledging=incidents.acknowledging,
        )
        services = Services(
            clock=clock,
            ledger=ledger,
            config=steward,
            systems=systems,
            directory=directory,
            oncall=oncall,
            health=health,
            queues=Queues(ledger, clock, systems),
            operations=operations,
            incidents=incidents,
            situation=Situation(health, operations, incidents, systems),
        )
        beat = await _heartbeat(settings, stack)
        yield Core(configuration, ledger, clock, owner, policy, services, client, pager, beat)


async def _pager(steward: StewardModel, stack: AsyncExitStack) -> Pager:
    """PagerDuty, where it is configured."""
    model = steward.pagerduty
    if model is None:
        return NoPager()
    fields = {"pagerduty": model.url, "routing_key": model.routing_key, "routing_keys": model.routing_keys}
    paging = pagerduty.open(pagerduty.Config.model_validate(fields))
    stack.push_async_callback(paging.close)
    return paging


async def _heartbeat(settings: Settings, stack: AsyncExitStack) -> Beat | None:
    """Fetches the heartbeat's address, where one is configured."""
    address = settings.heartbeat_url.get_secret_value()
    if not address:
        return None
    watcher = outgoing.client(address)
    stack.push_async_callback(watcher.aclose)

    async def beat() -> None:
        # The whole address: joined to an empty path it would get a slash at its end, or after its query.
        answer = await outgoing.exchange(watcher, "GET", address, what="the heartbeat", follow=True)
        if not 200 <= answer.status < 300:
            raise Unreachable(f"the heartbeat's address answered {answer.status}")

    return beat


def policy_of(steward: StewardModel) -> Policy:
    """The policy of the configuration."""
    models = {Risk.READ: steward.policy.read, Risk.CHANGE: steward.policy.change, Risk.P0: steward.policy.p0}
    rules = {
        risk: Rule(frozenset(model.ask), frozenset(model.approve), model.approvals if model.approve else 0)
        for risk, model in models.items()
    }
    return Policy(rules, dict(steward.policy.raise_))


class Server:
    """The whole bot: Slack's side, the engine's duties, and what watches it."""

    def __init__(self, bot: Core, settings: Settings) -> None:
        self._bot = bot
        services, steward = bot.services, bot.configuration.steward
        zone = ZoneInfo(steward.timezone)
        inbox = Inbox(bot.ledger, bot.clock, owner=bot.owner)
        posts = services.incidents.posts
        self._poller = HealthPoller(
            services.health,
            services.systems,
            bot.ledger,
            bot.clock,
            channel=steward.channel,
            follow=FollowedChecks(bot.ledger, bot.clock, oncall=services.oncall, posts=posts),
        )
        rooms = SlackRooms(bot.client)
        routes = Routes(
            SlackRoute(SlackChat(bot.client, zone), rooms, bot.clock),
            PagerDutyRoute(bot.pager),
        )
        self._sender = Sender(bot.ledger, bot.clock, routes, owner=bot.owner)
        self.engine = Engine(bot.ledger, bot.clock, self._sender)
        self.slack = SlackService(
            client=bot.client,
            address=Address(
                settings.host,
                settings.port,
                settings.signing_secret.get_secret_value(),
                settings.app_token.get_secret_value(),
                steward.app_id,
            ),
            listeners=LISTENERS,
            services=services,
            policy=bot.policy,
            inbox=inbox,
            home=Home(
                bot.ledger,
                services.systems,
                services.operations,
                services.incidents,
                services.situation,
                services.directory,
                bot.policy,
            ),
            hooks=HttpHooks(
                ready=Readiness(self.engine, bot.ledger, bot.clock, bot.ledger.database_now),
                metrics=Metrics(self.engine, bot.ledger, bot.clock, lambda: self.slack.reached),
                webhook=PagerDutyWebhook(steward, services.incidents, verified_event) if steward.pagerduty else None,
            ),
            zone=zone,
        )
        self._duties: list[Duty] = [
            Escalation(bot.ledger, services.oncall, services.incidents.steps, SystemChecks(services.health)),
            services.operations.timers,
            services.operations.execution,
            self.slack.inbox_duty,
            AuditSeal(
                bot.ledger,
                outbox.post,
                channel=steward.audit_channel or steward.channel,
                fallback=steward.channel if steward.audit_channel else "",
            ),
            Retention(bot.ledger),
            GroupCopies(services.directory, bot.clock),
            Schedules(bot.ledger, bot.clock, steward, services.situation, services.oncall),
            PageReports(bot.ledger, services.oncall, posts, services.incidents.steps),
            IncidentRooms(bot.ledger, bot.clock, rooms=rooms, oncall=services.oncall, posts=posts),
            IncidentDates(bot.ledger, zone, oncall=services.oncall, posts=posts),
            IncidentEvidence(bot.ledger, bot.clock, source=services.situation, oncall=services.oncall, posts=posts),
            self._poller,
        ]
        if bot.beat is not None:
            self._duties.append(Heartbeat(bot.clock, bot.beat, lambda: self.engine.last_whole_cycle_at))
        self.engine.add(*self._duties)

    async def run(self, settings: Settings) -> None:
        """Serve until SIGTERM or SIGINT; then let what is under way end."""
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        async with AsyncExitStack() as stack:
            if settings.clock_socket and isinstance(self._bot.clock, FollowerClock):
                control = ClockControl(self._bot.clock, self.engine.settle, self._next_due)
                await control.start(Path(settings.clock_socket))
                stack.push_async_callback(control.stop)
            await ownership.note(
                self._bot.ledger,
                os_user=os_user(),
                configuration=ownership.digest(self._bot.configuration, settings.slack_api_url),
                socket=settings.console,
                at=self._bot.clock.now(),
            )
            await self.slack.start()
            stack.push_async_callback(self.slack.stop)
            cycling = asyncio.create_task(self.engine.run(), name="engine")
            stack.push_async_callback(self._stop_engine, cycling)
            # First of all: what is still taken while the engine ends would page nobody until another process starts.
            stack.push_async_callback(self.slack.drain)
            if settings.console is not None:
                console = ConsoleSocket(Console(LISTENERS, self._bot.services, self._bot.policy), settings.console)
                await console.start()
                stack.push_async_callback(console.stop)
            _log.info("serving", host=settings.host, port=settings.port, socket_mode=settings.socket_mode)
            # What was built to start lives until the end: the collector need not walk through it ever again.
            gc.collect()
            gc.freeze()
            stopping = asyncio.create_task(ended.wait())
            await asyncio.wait({stopping, cycling}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()

    async def _next_due(self) -> int | None:
        """The next moment at which anything falls due, so that a moved clock does not jump over it."""
        moments = [await duty.next_due() for duty in self._duties]
        return min((moment for moment in moments if moment is not None), default=None)

    async def _stop_engine(self, cycling: "asyncio.Task[None]") -> None:
        await self._sender.settle()
        await self._poller.close()
        await self._bot.services.operations.execution.stop(STEP_PATIENCE)
        await self.engine.stop()
        await cycling


async def serve(kinds: Mapping[str, Kind] = KINDS) -> None:
    """Run the bot as the environment describes it, with these adapters."""
    settings = Settings()
    logs.set_up()
    if settings.missing_for_slack:
        missing = " and ".join(settings.missing_for_slack)
        raise Unavailable(f"{missing} must be set in the environment; see docs/how-to/connect-a-workspace.md.")
    clock = FollowerClock.started(Path(settings.clock_socket)) if settings.clock_socket else SystemClock()
    async with core(settings, clock, kinds=kinds) as bot:
        await Server(bot, settings).run(settings)
