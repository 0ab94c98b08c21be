"""The lab: the simulated systems as one object, started, described, broken and stopped together."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from bot.local.lab.calls import CallLog
from bot.local.lab.certificate import Authority
from bot.local.lab.child import free_ports
from bot.local.lab.component import Component
from bot.local.lab.compose import COMPOSE_FILE
from bot.local.lab.containers import Host
from bot.local.lab.database import Database
from bot.local.lab.engine_api import Engine
from bot.local.lab.export_queue import QUEUE, ExportQueue
from bot.local.lab.host import Machine
from bot.local.lab.mail_queues import CAMPAIGNS, MailQueues
from bot.local.lab.netlify import SITE, Netlify
from bot.local.lab.pagerduty import USERS, PagerDuty
from bot.local.lab.postgres import Cluster
from bot.local.lab.resend import Resend
from bot.local.lab.services import App, SecureSite, WorkerService
from bot.local.lab.storage import Bucket
from bot.local.lab.units import AppUnit, ServerUnit, Workers, WorkerUnit
from bot.local.lab.valkey import ValkeyServer
from bot.ports import Clock


class Lab:
    """Two production systems and PagerDuty, made of real servers on the loopback."""

    def __init__(self, directory: Path, clock: Clock, cluster: Cluster) -> None:
        """Put the parts together; `Lab.start` is the way in."""
        directory.mkdir(parents=True, exist_ok=True)
        ports = iter(free_ports(16))
        self._cluster = cluster
        self.pagerduty = PagerDuty(next(ports), clock, CallLog(clock))

        compose_file = directory / "compose.yaml"
        compose_file.write_text(COMPOSE_FILE)
        self.host = Host(clock, str(compose_file))
        self.engine = Engine(next(ports), self.host, CallLog(clock))
        self.authority = Authority(directory / "authority.pem")
        self.app = App(next(ports), self.host.release)
        self.site = SecureSite(next(ports), self.authority)
        self.newsletter_db = Database(cluster, "newsletter", next(ports), big_table="email_events")
        self.mail = MailQueues(ValkeyServer(directory, "newsletter-redis", next(ports)), clock)
        self.r2 = Bucket(directory, "newsletter-assets", next(ports), objects=12)
        self.resend = Resend(next(ports), clock, CallLog(clock))
        self.machine = Machine(directory, self.engine.url)
        worker_unit = WorkerUnit(self.mail)
        self.workers = Workers(self.host, worker_unit, self.mail)
        self.host.connect("app", AppUnit(self.app))
        self.host.connect("worker", worker_unit)
        self.host.connect("postgres", ServerUnit(self.newsletter_db))
        self.host.connect("redis", ServerUnit(self.mail))

        self.netlify = Netlify(next(ports), clock, CallLog(clock))
        self.web = App(next(ports), lambda: self.netlify.live)
        self.target_list_db = Database(cluster, "target_list", next(ports), big_table="jobs")
        self.exports = ExportQueue(ValkeyServer(directory, "target-list-redis", next(ports)), clock)
        self.export_worker = WorkerService(next(ports), self.exports)
        self.s3 = Bucket(directory, "target-list-files", next(ports), objects=20)

        self._systems: dict[str, dict[str, Component]] = {
            "newsletter": {
                "app": self.app,
                "site": self.site,
                "worker": self.workers,
                "db": self.newsletter_db,
                "redis": self.mail,
                **self.mail.queues,
                "r2": self.r2,
                "docker": self.engine,
                "resend": self.resend,
                "host": self.machine,
            },
            "target-list": {
                "web": self.web,
                "worker": self.export_worker,
                "db": self.target_list_db,
                "redis": self.exports,
                QUEUE: self.exports.jobs,
                "s3": self.s3,
                "netlify": self.netlify,
            },
            "steward": {"pagerduty": self.pagerduty},
        }
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    async def start(cls, directory: Path, clock: Clock) -> Self:
        """Start every server, in parallel; all are healthy when this returns.

        Raises:
            ServerFailedError: one of them did not start; the others are stopped again.
        """
        cluster = await Cluster.create(directory / "postgres")
        lab = cls(directory, clock, cluster)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(lab._start_containers())
                for component in lab._without_container():
                    group.create_task(component.enter("up"))
        except BaseExceptionGroup as failures:
            await lab.stop()
            raise failures.exceptions[0] from failures
        await lab.mail.queues[CAMPAIGNS].put("failed", 3)
        await lab.mail.queues[CAMPAIGNS].put("delayed", 2)
        return lab

    @property
    def path(self) -> Path:
        """The directory that belongs first on the bot's PATH."""
        return self.machine.path

    @property
    def webhook_url(self) -> str | None:
        """Where PagerDuty sends its webhooks; none at first."""
        return self.pagerduty.webhook_url

    @webhook_url.setter
    def webhook_url(self, address: str | None) -> None:
        self.pagerduty.webhook_url = address

    def environment(self) -> dict[str, str]:
        """Every variable that the shipped configuration of the two systems and of PagerDuty names."""
        return {
            "NEWSLETTER_APP_URL": self.app.url,
            "NEWSLETTER_SITE_URL": self.site.url,
            "NEWSLETTER_CA_FILE": str(self.authority.bundle),
            "NEWSLETTER_DATABASE_URL": self.newsletter_db.url,
            "NEWSLETTER_REDIS_URL": self.mail.url,
            "NEWSLETTER_DOCKER_URL": self.engine.url,
            "NEWSLETTER_COMPOSE_FILE": self.host.compose_file,
            "NEWSLETTER_PROC": str(self.machine.proc.path),
            "NEWSLETTER_R2_URL": self.r2.url,
            "NEWSLETTER_R2_ACCESS_KEY_ID": self.r2.access_key_id,
            "NEWSLETTER_R2_SECRET_ACCESS_KEY": self.r2.secret_access_key,
            "NEWSLETTER_R2_BUCKET": self.r2.name,
            "NEWSLETTER_RESEND_URL": self.resend.url,
            "NEWSLETTER_RESEND_API_KEY": self.resend.key,
            "TARGET_LIST_APP_URL": self.web.url,
            "TARGET_LIST_WORKER_URL": self.export_worker.url,
            "TARGET_LIST_DATABASE_URL": self.target_list_db.url,
            "TARGET_LIST_REDIS_URL": self.exports.url,
            "TARGET_LIST_S3_URL": self.s3.url,
            "TARGET_LIST_S3_ACCESS_KEY_ID": self.s3.access_key_id,
            "TARGET_LIST_S3_SECRET_ACCESS_KEY": self.s3.secret_access_key,
            "TARGET_LIST_S3_BUCKET": self.s3.name,
            "TARGET_LIST_NETLIFY_URL": self.netlify.url,
            "TARGET_LIST_NETLIFY_TOKEN": self.netlify.token,
            "TARGET_LIST_NETLIFY_SITE": SITE,
            "PAGERDUTY_URL": self.pagerduty.url,
            "PAGERDUTY_ROUTING_KEY": self.pagerduty.routing_key,
            "PAGERDUTY_WEBHOOK_SECRET": self.pagerduty.webhook_secret,
            **{f"PAGERDUTY_USER_{name.upper()}": user for name, user in USERS.items()},
        }

    def describe(self) -> dict[str, dict[str, dict[str, object]]]:
        """`{system: {component: {"url", "states", "state", "set", "values"}}}`."""
        return {
            system: {name: component.describe() for name, component in components.items()}
            for system, components in self._systems.items()
        }

    async def apply(self, system: str, component: str, body: Mapping[str, object]) -> dict[str, object]:
        """Break or set a component, and describe it as it is then.

        Raises:
            KeyError: no such system or component.
            ValueError: no such state, key or value; the text names what is possible.
        """
        found = self._find(system, component)
        async with self._one_at_a_time:
            await found.apply(body)
        return found.describe()

    def calls(self, system: str, component: str) -> list[dict[str, object]]:
        """The calls that a vendor stand-in received, oldest first, without secrets.

        Raises:
            KeyError: no such system or component.
        """
        return self._find(system, component).calls()

    async def stop(self) -> None:
        """Stop every server and delete the database's files; stopping twice is harmless."""
        for web in (
            self.pagerduty,
            self.engine,
            self.app,
            self.site,
            self.resend,
            self.netlify,
            self.web,
            self.export_worker,
        ):
            await web.close()
        servers = (self.newsletter_db, self.target_list_db, self.r2, self.s3)
        await asyncio.gather(
            *(each.enter("down") for each in servers), self.mail.close(), self.exports.close(), self.machine.close()
        )
        self._cluster.remove()

    def server_pids(self) -> list[int]:
        """The process ids of the servers that run now."""
        servers = (
            self.newsletter_db.server,
            self.target_list_db.server,
            self.mail.server,
            self.exports.server,
            self.r2,
            self.s3,
        )
        return [each.pid for each in servers if each.pid is not None]

    def _without_container(self) -> list[Component]:
        parts = [component for components in self._systems.values() for component in components.values()]
        queues = tuple(self.mail.queues.values())  # They come up with their server.
        contained: tuple[Component, ...] = (self.app, self.workers, self.newsletter_db, self.mail, *queues)
        return [each for each in parts if each not in contained]

    async def _start_containers(self) -> None:
        images = {
            "app": "newsletter-app:v41",
            "worker": "newsletter-app:v41",
            "postgres": "postgres:16",
            "redis": "redis:7",
        }
        async with asyncio.TaskGroup() as group:
            for service, reference in images.items():
                for number in range(1, 3 if service == "worker" else 2):
                    container = await self.host.create(service, self.host.image(reference), number)
                    group.create_task(self.host.start(container))

    def _find(self, system: str, component: str) -> Component:
        if system not in self._systems:
            raise KeyError(f"no system {system}; there are {', '.join(self._systems)}")
        components = self._systems[system]
        if component not in components:
            raise KeyError(f"{system} has no component {component}; it has {', '.join(components)}")
        return components[component]
