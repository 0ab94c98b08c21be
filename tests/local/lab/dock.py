"""A Docker host whose containers stand for switches."""

from bot.local.lab.containers import Host
from tests.fakes.clock import FakeClock

COMPOSE_FILE = "/srv/newsletter/compose.yaml"


class Switch:
    """A unit that remembers what was done to it."""

    def __init__(self) -> None:
        self.on: set[str] = set()
        self.done: list[str] = []
        self.sick = False

    async def start(self, container: str) -> None:
        self.on.add(container)
        self.done.append("start")

    async def stop(self, container: str) -> None:
        self.on.discard(container)
        self.done.append("stop")

    def healthy(self, _: str) -> bool:
        return not self.sick


async def newsletter_host(clock: FakeClock) -> tuple[Host, dict[str, Switch]]:
    """The project as it runs: app v41, two workers, PostgreSQL, Redis."""
    host = Host(clock, COMPOSE_FILE)
    switches = {service: Switch() for service in ("app", "worker", "postgres", "redis")}
    images = {
        "app": "newsletter-app:v41",
        "worker": "newsletter-app:v41",
        "postgres": "postgres:16",
        "redis": "redis:7",
    }
    for service, switch in switches.items():
        host.connect(service, switch)
        for number in range(1, 3 if service == "worker" else 2):
            await host.start(await host.create(service, host.image(images[service]), number))
    for switch in switches.values():
        switch.done.clear()
    return host, switches
