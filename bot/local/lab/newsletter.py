"""The newsletter: a compose project with app, workers, PostgreSQL and BullMQ's Redis; R2, Resend and its machine."""

import asyncio
from collections.abc import Iterable, Mapping

from bot.local.lab.calls import CallLog
from bot.local.lab.certificate import Authority
from bot.local.lab.component import Component
from bot.local.lab.compose import COMPOSE_FILE
from bot.local.lab.containers import Host
from bot.local.lab.database import Database
from bot.local.lab.engine_api import Engine
from bot.local.lab.host import Machine
from bot.local.lab.mail_queues import CAMPAIGNS, MailQueues
from bot.local.lab.resend import Resend
from bot.local.lab.services import App, SecureSite
from bot.local.lab.storage import Bucket
from bot.local.lab.system import Site
from bot.local.lab.units import AppUnit, ServerUnit, Workers, WorkerUnit
from bot.local.lab.valkey import ValkeyServer

IMAGES = {"app": "newsletter-app:v41", "worker": "newsletter-app:v41", "postgres": "postgres:16", "redis": "redis:7"}


class Newsletter:
    """Its parts, put together; what runs in a container starts with its container."""

    name = "newsletter"

    def __init__(self, site: Site) -> None:
        directory, ports, clock = site.directory, site.ports, site.clock
        compose_file = directory / "compose.yaml"
        compose_file.write_text(COMPOSE_FILE)
        self.host = Host(clock, str(compose_file))
        self.engine = Engine(next(ports), self.host, CallLog(clock))
        self.authority = Authority(directory / "authority.pem")
        self.app = App(next(ports), self.host.release)
        self.site = SecureSite(next(ports), self.authority)
        self.db = Database(site.cluster, "newsletter", next(ports), big_table="email_events")
        self.mail = MailQueues(ValkeyServer(directory, "newsletter-redis", next(ports)), clock)
        self.r2 = Bucket(directory, "newsletter-assets", next(ports), objects=12)
        self.resend = Resend(next(ports), clock, CallLog(clock))
        self.machine = Machine(directory, self.engine.url)
        worker_unit = WorkerUnit(self.mail)
        self.workers = Workers(self.host, worker_unit, self.mail)
        self.host.connect("app", AppUnit(self.app))
        self.host.connect("worker", worker_unit)
        self.host.connect("postgres", ServerUnit(self.db))
        self.host.connect("redis", ServerUnit(self.mail))
        self.components: Mapping[str, Component] = {
            "app": self.app,
            "site": self.site,
            "worker": self.workers,
            "db": self.db,
            "redis": self.mail,
            **self.mail.queues,
            "r2": self.r2,
            "docker": self.engine,
            "resend": self.resend,
            "host": self.machine,
        }

    def environment(self) -> dict[str, str]:
        return {
            "NEWSLETTER_APP_URL": self.app.url,
            "NEWSLETTER_SITE_URL": self.site.url,
            "NEWSLETTER_CA_FILE": str(self.authority.bundle),
            "NEWSLETTER_DATABASE_URL": self.db.url,
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
        }

    async def start(self) -> None:
        async with asyncio.TaskGroup() as group:
            for service, reference in IMAGES.items():
                for number in range(1, 3 if service == "worker" else 2):
                    container = await self.host.create(service, self.host.image(reference), number)
                    group.create_task(self.host.start(container))
            for component in (self.site, self.r2, self.engine, self.resend, self.machine):
                group.create_task(component.enter("up"))
        await self.mail.queues[CAMPAIGNS].put("failed", 3)
        await self.mail.queues[CAMPAIGNS].put("delayed", 2)

    async def stop(self) -> None:
        for web in (self.engine, self.app, self.site, self.resend):
            await web.close()
        await asyncio.gather(self.db.enter("down"), self.r2.enter("down"), self.mail.close(), self.machine.close())

    def server_pids(self) -> Iterable[int | None]:
        return (self.db.server.pid, self.mail.server.pid, self.r2.pid)
