"""The Docker Engine: what it lists, does and refuses."""

import json
import struct
from collections.abc import AsyncIterator

import httpx
import pytest

from bot.domain.timing import SECOND
from bot.local.lab.calls import CallLog
from bot.local.lab.containers import Host
from bot.local.lab.engine_api import Engine
from tests.fakes.clock import FakeClock
from tests.local.lab.dock import COMPOSE_FILE, Switch, newsletter_host


class Docked:
    """An Engine that is up, and what is behind it."""

    def __init__(self, host: Host, switches: dict[str, Switch], client: httpx.AsyncClient) -> None:
        self.host = host
        self.switches = switches
        self.client = client

    async def names(self, **filters: list[str]) -> list[str]:
        """The names that a list with these filters shows."""
        asked = {key.rstrip("_"): value for key, value in filters.items()}
        answer = await self.client.get("/v1.41/containers/json", params={"all": "true", "filters": json.dumps(asked)})
        assert answer.status_code == 200, answer.text
        return [each["Names"][0] for each in answer.json()]


@pytest.fixture
async def docked(port: int, clock: FakeClock) -> AsyncIterator[Docked]:
    """The newsletter's host."""
    host, switches = await newsletter_host(clock)
    engine = Engine(port, host, CallLog(clock))
    await engine.enter("up")
    async with httpx.AsyncClient(base_url=engine.url, timeout=10) as client:
        yield Docked(host, switches, client)
    await engine.close()


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        pytest.param("GET", "/v1.41/containers/feed/json", 404, "No such container: feed", id="an unknown container"),
        pytest.param("POST", "/v1.41/containers/feed/restart", 404, "No such container", id="restarting it"),
        pytest.param("GET", "/v1.41/containers/feed/logs?stdout=1", 404, "No such container", id="its logs"),
        pytest.param("GET", "/v1.41/images/newsletter-app:v7/json", 404, "No such image", id="an unknown image"),
        pytest.param("GET", "/v1.99/containers/json", 400, "client version 1.99 is too new", id="a version too new"),
        pytest.param("GET", "/v1.12/containers/json", 400, "client version 1.12 is too old", id="a version too old"),
        pytest.param("GET", "/v1.41/containers/json?filters=x", 400, "invalid filter", id="filters that are no JSON"),
        pytest.param("GET", '/v1.41/containers/json?filters={"hue":["red"]}', 400, "'hue'", id="an unknown filter"),
        pytest.param("GET", "/v1.41/swarm", 404, "page not found", id="an unknown call"),
        pytest.param("POST", "/v1.41/containers/json", 404, "page not found", id="a wrong method"),
        pytest.param(
            "GET", "/v1.41/containers/newsletter-app-1/logs", 400, "choose at least one stream", id="logs of no stream"
        ),
        pytest.param(
            "DELETE", "/v1.41/containers/newsletter-app-1", 409, "container is running", id="removing what runs"
        ),
        pytest.param("POST", "/v1.41/containers/newsletter-app-1/start", 304, "", id="starting what runs"),
    ],
)
async def test_it_refuses(docked: Docked, method: str, path: str, status: int, said: str) -> None:
    """In Docker's words and with its statuses; nothing is started or stopped."""
    answer = await docked.client.request(method, path)

    assert answer.status_code == status
    assert said in answer.text
    assert all(not switch.done for switch in docked.switches.values())


async def test_what_has_stopped_is_not_stopped_again(docked: Docked) -> None:
    """The second stop is a 304, and a stopped container does not count as healthy."""
    path = "/v1.41/containers/newsletter-worker-2/stop?t=10"
    statuses = [(await docked.client.post(path)).status_code for _ in range(2)]

    assert statuses == [204, 304]
    assert await docked.names(status=["exited"]) == ["/newsletter-worker-2"]


async def test_restart_reaches_what_the_container_stands_for(docked: Docked, clock: FakeClock) -> None:
    """The image stays; the start time moves."""
    clock.advance(60_000)
    before = (await docked.client.get("/v1.41/containers/newsletter-app-1/json")).json()

    answer = await docked.client.post(f"/v1.41/containers/{before['Id'][:12]}/restart?t=5")

    after = (await docked.client.get("/v1.41/containers/newsletter-app-1/json")).json()
    assert (answer.status_code, docked.switches["app"].done) == (204, ["stop", "start"])
    assert (after["Config"]["Image"], after["RestartCount"]) == ("newsletter-app:v41", 1)
    assert after["State"]["StartedAt"] > before["State"]["StartedAt"]


async def test_containers_carry_the_labels_of_compose(docked: Docked) -> None:
    """A rollback finds the project's file by them."""
    (app,) = (await docked.client.get("/containers/json", params={"filters": '{"name": ["newsletter-app-1"]}'})).json()

    labels = app["Labels"]
    assert labels["com.docker.compose.project.config_files"] == COMPOSE_FILE
    assert (labels["com.docker.compose.service"], labels["com.docker.compose.oneoff"]) == ("app", "False")


async def test_the_list_is_filtered(docked: Docked) -> None:
    """By label with and without a value, by health, in both shapes of a filter."""
    docked.switches["app"].sick = True
    project = "com.docker.compose.project=newsletter"

    workers = await docked.names(label=[project, "com.docker.compose.service=worker"])

    assert workers == ["/newsletter-worker-1", "/newsletter-worker-2"]
    assert await docked.names(health=["unhealthy"]) == ["/newsletter-app-1"]
    assert await docked.names(label=["com.docker.compose.project=other"]) == []
    assert len(await docked.names(label=["com.docker.compose.project"])) == 5


async def test_only_running_containers_are_listed_unless_all_are_asked_for(docked: Docked) -> None:
    """As `docker ps` does."""
    await docked.client.post("/containers/newsletter-redis-1/stop")

    plain = (await docked.client.get("/containers/json")).json()
    everything = (await docked.client.get("/containers/json?all=1")).json()

    assert (len(plain), len(everything)) == (4, 5)


async def test_health_follows_the_unit(docked: Docked) -> None:
    """A container is as healthy as what it stands for."""
    docked.switches["worker"].sick = True

    state = (await docked.client.get("/containers/newsletter-worker-1/json")).json()["State"]

    assert (state["Running"], state["Health"]["Status"]) == (True, "unhealthy")


async def test_a_container_is_starting_until_its_first_check(docked: Docked, clock: FakeClock) -> None:
    """So a restarted one is not healthy at once, as with a real Engine."""
    inspect = "/containers/newsletter-app-1/json"
    told = []
    await docked.client.post("/containers/newsletter-app-1/restart")
    for wait in (SECOND - 1, 1):
        clock.advance(wait)
        told.append((await docked.client.get(inspect)).json()["State"]["Health"]["Status"])

    assert told == ["starting", "healthy"]


async def test_logs_come_in_frames(docked: Docked) -> None:
    """Eight bytes of header before each line: the stream, three zeros, the length."""
    answer = await docked.client.get("/containers/newsletter-app-1/logs?stdout=1&tail=1")

    stream, length = struct.unpack(">BxxxL", answer.content[:8])
    assert (stream, answer.content[8:].decode()) == (1, "app ready\n")
    assert len(answer.content) == 8 + length


async def test_images_are_listed_newest_first(docked: Docked) -> None:
    """These are the releases to choose from."""
    images = (await docked.client.get("/v1.41/images/json")).json()

    tags = [each["RepoTags"][0] for each in images]
    assert tags[:4] == ["newsletter-app:v41", "newsletter-app:v40", "newsletter-app:v39", "newsletter-app:v38"]


async def test_the_version_is_told_without_a_prefix(docked: Docked) -> None:
    """A client may ask which prefix to use."""
    answer = await docked.client.get("/version")

    assert answer.json()["ApiVersion"] == "1.41"
