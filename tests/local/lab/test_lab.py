"""The lab as a whole: what it tells, what it does for the bot, and that nothing of it is left behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bot.local.lab import Lab
from bot.local.lab.postgres import Cluster
from tests.fakes.clock import FakeClock
from tests.local.lab.polling import eventually

COMPONENTS = {
    "newsletter": [
        *("app", "site", "worker", "db", "redis", "campaign-emails", "ai-insights"),
        *("r2", "docker", "resend", "host"),
    ],
    "target-list": ["web", "worker", "db", "redis", "export-jobs", "s3", "netlify"],
    "steward": ["pagerduty"],
}
VARIABLES = [
    *(f"NEWSLETTER_{each}_URL" for each in ("APP", "SITE", "DATABASE", "REDIS", "DOCKER", "R2", "RESEND")),
    *(f"NEWSLETTER_R2_{each}" for each in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "BUCKET")),
    *("NEWSLETTER_CA_FILE", "NEWSLETTER_COMPOSE_FILE", "NEWSLETTER_PROC", "NEWSLETTER_RESEND_API_KEY"),
    *(f"TARGET_LIST_{each}_URL" for each in ("APP", "WORKER", "DATABASE", "REDIS", "S3", "NETLIFY")),
    *(f"TARGET_LIST_S3_{each}" for each in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "BUCKET")),
    *("TARGET_LIST_NETLIFY_TOKEN", "TARGET_LIST_NETLIFY_SITE"),
    *(f"PAGERDUTY_{each}" for each in ("URL", "ROUTING_KEY", "WEBHOOK_SECRET")),
    *(f"PAGERDUTY_USER_{each}" for each in ("ENGINEER", "SRE", "LEAD", "MANAGER", "CTO")),
]


def alive(pid: int) -> bool:
    """Whether a process of this id runs; one that ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
async def lab(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Lab]:
    """Everything, healthy."""
    made = await Lab.start(tmp_path / "lab", clock)
    yield made
    await made.stop()


@pytest.fixture
def unstarted(tmp_path: Path, clock: FakeClock, cluster: Cluster) -> Lab:
    """Everything described, nothing started."""
    return Lab(tmp_path / "lab", clock, cluster)


async def test_a_night_with_the_newsletter(lab: Lab, http: httpx.AsyncClient) -> None:
    """Healthy at first; v41 is bad, a restart does not help, `docker compose` to v40 does; then all of it ends."""
    described = lab.describe()
    assert {system: list(components) for system, components in described.items()} == COMPONENTS
    assert {part["state"] for components in described.values() for part in components.values()} == {"up"}
    assert sorted(lab.environment()) == sorted(VARIABLES)
    assert all(lab.environment().values())

    app = f"{lab.environment()['NEWSLETTER_APP_URL']}/api/health"
    await lab.apply("newsletter", "app", {"state": "bad_release"})
    docker = lab.environment()["NEWSLETTER_DOCKER_URL"]
    assert (await http.get(app)).status_code == 503
    assert (await http.post(f"{docker}/v1.41/containers/newsletter-app-1/restart")).status_code == 204
    assert (await http.get(app)).status_code == 503

    file = lab.environment()["NEWSLETTER_COMPOSE_FILE"]
    up = await asyncio.create_subprocess_exec(
        *("docker", "compose", "-f", file, "-p", "newsletter", "up", "-d", "--no-deps", "app"),
        env={"PATH": f"{lab.path}:/usr/bin:/bin", "NEWSLETTER_TAG": "v40"},
        stderr=subprocess.PIPE,
    )
    _, said = await up.communicate()
    assert (up.returncode, b"Recreated" in said) == (0, True)
    assert (await http.get(app)).json() == {"status": "ok", "version": "v40"}

    pids = lab.server_pids()
    await lab.stop()
    assert (len(pids), [pid for pid in pids if alive(pid)]) == (6, [])
    with pytest.raises(httpx.ConnectError):
        await http.get(app)


async def test_containers_stand_for_the_real_servers(lab: Lab, http: httpx.AsyncClient) -> None:
    """Stopping one breaks its component, restarting it heals it; scaling changes how many workers run."""
    docker = lab.environment()["NEWSLETTER_DOCKER_URL"]
    for container, component in (("postgres-1", "db"), ("redis-1", "redis"), ("app-1", "app")):
        await http.post(f"{docker}/containers/newsletter-{container}/stop")
        assert lab.describe()["newsletter"][component]["state"] == "down"
        await http.post(f"{docker}/containers/newsletter-{container}/restart")
        assert lab.describe()["newsletter"][component]["state"] == "up"

    await lab.apply("newsletter", "worker", {"state": "stuck"})
    stuck = (lab.newsletter.mail.workers, lab.describe()["newsletter"]["worker"]["state"])
    for number in (1, 2):
        await http.post(f"{docker}/containers/newsletter-worker-{number}/restart")
    healed = (lab.newsletter.mail.workers, lab.describe()["newsletter"]["worker"]["state"])
    await lab.apply("newsletter", "worker", {"state": "down"})

    assert (stuck, healed, lab.newsletter.mail.workers) == ((0, "stuck"), (2, "up"), 0)


async def test_the_target_list_is_healed_by_netlify(lab: Lab, http: httpx.AsyncClient) -> None:
    """Restoring dep-40 makes the web app answer again; the stand-in tells which calls it received."""
    environment = lab.environment()
    health = f"{environment['TARGET_LIST_APP_URL']}/api/health"
    await lab.apply("target-list", "web", {"state": "bad_release"})
    before = (await http.get(health)).status_code

    path = f"/sites/{environment['TARGET_LIST_NETLIFY_SITE']}/deploys/dep-40/restore"
    headers = {"Authorization": f"Bearer {environment['TARGET_LIST_NETLIFY_TOKEN']}"}
    await http.post(environment["TARGET_LIST_NETLIFY_URL"] + path, headers=headers)

    assert (before, (await http.get(health)).json()["version"]) == (503, "dep-40")
    assert [call["path"] for call in lab.calls("target-list", "netlify")] == [f"/api/v1{path}"]
    assert lab.target_list.netlify.restored == ["dep-40"]


@pytest.mark.parametrize(
    ("system", "component", "said"),
    [
        pytest.param("billing", "db", "no system billing; there are newsletter, target-list, steward", id="a system"),
        pytest.param("target-list", "docker", "target-list has no component docker; it has web", id="a component"),
    ],
)
async def test_what_is_not_there_cannot_be_broken(unstarted: Lab, system: str, component: str, said: str) -> None:
    """The text names what is there."""
    with pytest.raises(KeyError) as refusal:
        await unstarted.apply(system, component, {"state": "down"})
    with pytest.raises(KeyError):
        unstarted.calls(system, component)

    assert str(refusal.value.args[0]).startswith(said)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux ends servers with their owner")
@pytest.mark.parametrize(
    "sent", [pytest.param(signal.SIGTERM, id="asked to end"), pytest.param(signal.SIGKILL, id="killed")]
)
async def test_no_server_outlives_its_owner(sent: signal.Signals) -> None:
    """Neither when the owner stops in order, nor when it is killed."""
    owner = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.local.lab"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert owner.stdout is not None
    async with asyncio.timeout(60):
        first = await owner.stdout.readline()
    assert first.startswith(b"export NEWSLETTER_APP_URL=")
    servers = children_of(owner.pid)
    owner.send_signal(sent)
    await owner.wait()

    async def all_gone() -> bool:
        return not any(alive(pid) for pid in servers)

    await eventually(all_gone)
    assert len(servers) == 6


def children_of(pid: int) -> list[int]:
    """The processes whose parent this is."""
    found = []
    for each in Path("/proc").iterdir():
        if each.name.isdecimal():
            try:
                parent = (each / "stat").read_text().rpartition(")")[2].split()[1]
            except FileNotFoundError:
                continue
            if int(parent) == pid:
                found.append(int(each.name))
    return found


async def test_everything_it_tells_is_json(unstarted: Lab) -> None:
    """The page and scripts get it as it is."""
    assert json.loads(json.dumps(unstarted.describe()))["newsletter"]["db"]["url"].startswith("postgresql://")
    assert os.access(unstarted.path / "docker", os.X_OK)
