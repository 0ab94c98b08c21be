"""`docker compose` of the lab: what it does, and how it refuses."""

import json

import pytest

from bot.local.lab.compose import compose
from tests.fakes.clock import FakeClock
from tests.local.lab.dock import COMPOSE_FILE, newsletter_host

PROJECT = ["compose", "-f", COMPOSE_FILE, "-p", "newsletter"]
V40 = {"NEWSLETTER_TAG": "v40"}


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "said"),
    [
        pytest.param([], V40, 1, "is not a docker command", id="nothing"),
        pytest.param(["run", "alpine"], V40, 1, "'run' is not a docker command", id="another command of docker"),
        pytest.param(["compose", "exec", "app"], V40, 1, "unknown docker command", id="another command of compose"),
        pytest.param([*PROJECT, "up", "-d", "--hard"], V40, 16, "unknown flag: --hard", id="an unknown flag"),
        pytest.param([*PROJECT, "up", "-d", "--scale"], V40, 16, "flag needs an argument", id="a flag without value"),
        pytest.param([*PROJECT, "up", "app"], V40, 1, "use up -d", id="an attached up"),
        pytest.param([*PROJECT, "up", "-d", "mailer"], V40, 1, "no such service: mailer", id="an unknown service"),
        pytest.param(
            [*PROJECT, "up", "-d", "--scale", "worker=many", "worker"], V40, 1, "SERVICE=NUM", id="a count in words"
        ),
        pytest.param(
            ["compose", "-f", "/srv/other.yaml", "up", "-d"], V40, 14, "no such file or directory", id="another file"
        ),
        pytest.param(["compose", "-p", "other", "ps"], V40, 14, "no configuration file", id="another project"),
        pytest.param(
            [*PROJECT, "up", "-d", "app"], {"NEWSLETTER_TAG": "v7"}, 1, "manifest unknown", id="an unknown tag"
        ),
        pytest.param([*PROJECT, "up", "-d", "app"], {}, 1, "invalid reference format", id="no tag at all"),
    ],
)
async def test_it_refuses(
    clock: FakeClock, *, arguments: list[str], environment: dict[str, str], code: int, said: str
) -> None:
    """With compose's exit code, the reason on stderr, and nothing touched."""
    host, switches = await newsletter_host(clock)

    result = await compose(host, arguments, environment)

    assert (result.exit, result.stdout) == (code, "")
    assert said in result.stderr
    assert (host.release(), [each.done for each in switches.values()]) == ("v41", [[], [], [], []])


async def test_up_with_another_tag_rolls_the_app_back(clock: FakeClock) -> None:
    """The named service alone is created anew; running it again changes nothing."""
    host, switches = await newsletter_host(clock)

    first = await compose(host, [*PROJECT, "up", "-d", "--no-deps", "app"], V40)
    again = await compose(host, [*PROJECT, "up", "-d", "--no-deps", "app"], V40)

    assert (first.exit, again.exit) == (0, 0)
    assert "newsletter-app-1  Recreated" in first.stderr
    assert "newsletter-app-1  Running" in again.stderr
    assert (host.release(), switches["app"].done, switches["worker"].done) == ("v40", ["stop", "start"], [])


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(0, id="to none"),
        pytest.param(1, id="down"),
        pytest.param(2, id="as is"),
        pytest.param(5, id="up"),
    ],
)
async def test_scale_changes_how_many_run(clock: FakeClock, count: int) -> None:
    """Each container stands for a worker of its own."""
    host, switches = await newsletter_host(clock)

    line = [*PROJECT, "up", "-d", "--no-deps", "--scale", f"worker={count}", "worker"]
    result = await compose(host, line, {"NEWSLETTER_TAG": "v41"})

    assert (result.exit, len(switches["worker"].on), len(host.of_service("worker"))) == (0, count, count)


async def test_a_scaled_service_keeps_its_count(clock: FakeClock) -> None:
    """An `up` without a scale does not bring back stopped replicas' number."""
    host, switches = await newsletter_host(clock)
    await compose(host, [*PROJECT, "up", "-d", "--scale", "worker=4", "worker"], {"NEWSLETTER_TAG": "v41"})

    await compose(host, [*PROJECT, "up", "-d", "worker"], V40)

    assert len(switches["worker"].on) == 4


async def test_stop_start_and_restart(clock: FakeClock) -> None:
    """All containers of the named services, or of every service."""
    host, switches = await newsletter_host(clock)

    for command in (["stop", "worker"], ["start", "worker"], ["restart", "app", "redis"], ["restart", "-t", "5"]):
        assert (await compose(host, [*PROJECT, *command], {})).exit == 0

    assert switches["worker"].done == ["stop", "stop", "start", "start", "stop", "start", "stop", "start"]
    assert switches["app"].done == ["stop", "start", "stop", "start"]


async def test_ps_tells_what_runs(clock: FakeClock) -> None:
    """One JSON object a line, stopped ones only when all are asked for."""
    host, switches = await newsletter_host(clock)
    switches["app"].sick = True
    await compose(host, [*PROJECT, "stop", "redis"], {})

    running = await compose(host, [*PROJECT, "ps", "--format", "json"], {})
    everything = await compose(host, [*PROJECT, "ps", "-a", "--format=json"], {})

    rows = {row["Service"]: row for row in map(json.loads, everything.stdout.splitlines())}
    assert (len(running.stdout.splitlines()), len(everything.stdout.splitlines())) == (4, 5)
    assert (rows["app"]["Health"], rows["redis"]["State"]) == ("unhealthy", "exited")
