"""The executables that stand first on the bot's PATH, run as the bot runs them."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.local.lab.calls import CallLog
from bot.local.lab.child import free_ports
from bot.local.lab.engine_api import Engine
from bot.local.lab.host import HostPrograms
from tests.fakes.clock import FakeClock
from tests.local.lab.dock import COMPOSE_FILE, newsletter_host


def run(programs: HostPrograms, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command line, found by PATH."""
    path = f"{programs.path}:/usr/bin:/bin"
    found = programs.path / arguments[0]
    return subprocess.run(
        [str(found), *arguments[1:]],
        env={"PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def programs(tmp_path: Path) -> HostPrograms:
    """The directory, with an Engine that is not there."""
    return HostPrograms(tmp_path / "a directory", f"http://127.0.0.1:{free_ports(1)[0]}")


async def test_free_prints_what_is_set(programs: HostPrograms) -> None:
    """Used of total, in bytes."""
    await programs.apply({"set": {"memory_percent": 93}})

    row = run(programs, "free", "-b").stdout.splitlines()[1].split()

    assert row[0] == "Mem:"
    assert round(100 * int(row[2]) / int(row[1])) == 93


async def test_vmstat_prints_what_is_set(programs: HostPrograms) -> None:
    """The last line is the last second; its idle share is what is left."""
    await programs.apply({"set": {"cpu_percent": 85}})

    lines = run(programs, "vmstat", "1", "2").stdout.splitlines()

    columns = dict(zip(lines[1].split(), lines[-1].split(), strict=True))
    assert (int(columns["us"]) + int(columns["sy"]), int(columns["id"])) == (85, 15)


async def test_df_prints_what_is_set(programs: HostPrograms) -> None:
    """In POSIX's form: one line, capacity in percent."""
    await programs.apply({"set": {"disk_percent": 97}})

    header, row = run(programs, "df", "-P", "/").stdout.splitlines()

    assert dict(zip(header.split(maxsplit=5), row.split(), strict=True))["Capacity"] == "97%"


@pytest.mark.parametrize("name", ["free", "vmstat", "df"])
async def test_a_program_fails_when_the_host_is_down(programs: HostPrograms, name: str) -> None:
    """With a non-zero exit code and a reason."""
    await programs.enter("down")

    result = run(programs, name)

    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"{name}: Input/output error\n")


async def test_a_program_may_print_nonsense(programs: HostPrograms) -> None:
    """What cannot be read is our own trouble, not the host's."""
    await programs.enter("garbage")

    assert "???" in run(programs, "free").stdout


def test_docker_says_when_its_daemon_is_away(programs: HostPrograms) -> None:
    """As the real one does, with exit code 1."""
    result = run(programs, "docker", "compose", "ps")

    assert (result.returncode, result.stdout) == (1, "")
    assert "Is the docker daemon running?" in result.stderr


@pytest.fixture
async def engine(port: int, clock: FakeClock) -> AsyncIterator[Engine]:
    """The newsletter's Engine."""
    host, _ = await newsletter_host(clock)
    made = Engine(port, host, CallLog(clock))
    await made.enter("up")
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("tag", "code", "release"),
    [pytest.param("v40", 0, "v40", id="a known tag"), pytest.param("v7", 1, "v41", id="an unknown tag")],
)
async def test_docker_acts_on_the_engine(tmp_path: Path, engine: Engine, tag: str, code: int, release: str) -> None:
    """The tag travels in the environment, as the compose file says; the answer is compose's."""
    programs = HostPrograms(tmp_path, engine.url)
    line = ("docker", "compose", "-f", COMPOSE_FILE, "-p", "newsletter", "up", "-d", "--no-deps", "app")

    result = await asyncio.to_thread(run, programs, *line, NEWSLETTER_TAG=tag, SECRET="not for the engine")

    assert (result.returncode, engine.host.release()) == (code, release)
    assert "not for the engine" not in str(engine.calls())
