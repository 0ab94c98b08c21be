"""The Target List Formatter: a web app on Netlify, a worker over Redis sorted sets, PostgreSQL and S3."""

import asyncio
from collections.abc import Iterable, Mapping

from bot.local.lab.calls import CallLog
from bot.local.lab.component import Component
from bot.local.lab.database import Database
from bot.local.lab.export_queue import QUEUE, ExportQueue
from bot.local.lab.netlify import SITE, Netlify
from bot.local.lab.services import App, WorkerService
from bot.local.lab.storage import Bucket
from bot.local.lab.system import Site
from bot.local.lab.valkey import ValkeyServer


class TargetList:
    """Its parts, put together."""

    name = "target-list"

    def __init__(self, site: Site) -> None:
        directory, ports, clock = site.directory, site.ports, site.clock
        self.netlify = Netlify(next(ports), clock, CallLog(clock))
        self.web = App(next(ports), lambda: self.netlify.live)
        self.db = Database(site.cluster, "target_list", next(ports), big_table="jobs")
        self.exports = ExportQueue(ValkeyServer(directory, "target-list-redis", next(ports)), clock)
        self.worker = WorkerService(next(ports), self.exports)
        self.s3 = Bucket(directory, "target-list-files", next(ports), objects=20)
        self.components: Mapping[str, Component] = {
            "web": self.web,
            "worker": self.worker,
            "db": self.db,
            "redis": self.exports,
            QUEUE: self.exports.jobs,
            "s3": self.s3,
            "netlify": self.netlify,
        }

    def environment(self) -> dict[str, str]:
        return {
            "TARGET_LIST_APP_URL": self.web.url,
            "TARGET_LIST_WORKER_URL": self.worker.url,
            "TARGET_LIST_DATABASE_URL": self.db.url,
            "TARGET_LIST_REDIS_URL": self.exports.url,
            "TARGET_LIST_S3_URL": self.s3.url,
            "TARGET_LIST_S3_ACCESS_KEY_ID": self.s3.access_key_id,
            "TARGET_LIST_S3_SECRET_ACCESS_KEY": self.s3.secret_access_key,
            "TARGET_LIST_S3_BUCKET": self.s3.name,
            "TARGET_LIST_NETLIFY_URL": self.netlify.url,
            "TARGET_LIST_NETLIFY_TOKEN": self.netlify.token,
            "TARGET_LIST_NETLIFY_SITE": SITE,
        }

    async def start(self) -> None:
        async with asyncio.TaskGroup() as group:
            for component in self.components.values():
                group.create_task(component.enter("up"))

    async def stop(self) -> None:
        for web in (self.netlify, self.web, self.worker):
            await web.close()
        await asyncio.gather(self.db.enter("down"), self.s3.enter("down"), self.exports.close())

    def server_pids(self) -> Iterable[int | None]:
        return (self.db.server.pid, self.exports.server.pid, self.s3.pid)
