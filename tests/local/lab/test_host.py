"""The machine of the lab: executables that stand first on the bot's PATH, and a tree like /proc."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.local.lab.calls import CallLog
from bot.local.lab.child import free_ports
from bot.local.lab.engine_api import Engine
from bot.local.lab.host import Machine
from tests.fakes.clock import FakeClock
from tests.local.lab.dock import COMPOSE_FILE, newsletter_host
from tests.local.lab.polling import eventually


def run(machine: Machine, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command line, found by PATH."""
    path = f"{machine.path}:/usr/bin:/bin"
    found = machine.path / arguments[0]
    return subprocess.run(
        [str(found), *arguments[1:]],
        env={"PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    """The machine, with an Engine that is not there."""
    made = Machine(tmp_path / "a directory", f"http://127.0.0.1:{free_ports(1)[0]}")
    await made.enter("up")
    yield made
    await made.close()


async def test_df_prints_what_is_set(machine: Machine) -> None:
    """In POSIX's form: one line, capacity in percent."""
    await machine.apply({"set": {"disk_percent": 97}})

    header, row = run(machine, "df", "-P", "/").stdout.splitlines()

    assert dict(zip(header.split(maxsplit=5), row.split(), strict=True))["Capacity"] == "97%"


async def test_df_fails_when_the_host_is_down(machine: Machine) -> None:
    """With a non-zero exit code and a reason."""
    await machine.enter("down")

    result = run(machine, "df")

    assert (result.returncode, result.stdout, result.stderr) == (1, "", "df: Input/output error\n")


async def test_df_may_print_nonsense(machine: Machine) -> None:
    """What cannot be read is our own trouble, not the host's."""
    await machine.enter("garbage")

    assert "???" in run(machine, "df").stdout


async def test_memory_is_told_as_by_proc(machine: Machine) -> None:
    """What is available of the total, at once."""
    await machine.put("memory_percent", 93)

    told = dict(line.split()[:2] for line in (machine.proc.path / "meminfo").read_text().splitlines())

    assert 7 == round(100 * int(told["MemAvailable:"]) / int(told["MemTotal:"]))


async def test_the_time_of_the_processor_passes_until_the_end(machine: Machine) -> None:
    """What is added is as busy as it is set; after `close` nothing is added."""
    await machine.put("cpu_percent", 85)
    first = _processor(machine)

    async def passed() -> bool:
        return _processor(machine) != first

    await eventually(passed)
    await machine.close()
    last = _processor(machine)
    busy, idle = (after - before for before, after in zip(first, last, strict=True))
    assert (busy, idle) == (busy, busy * 15 // 85)
    await asyncio.sleep(0.2)
    assert last == _processor(machine)


def _processor(machine: Machine) -> tuple[int, int]:
    """Time that was spent busy and idle."""
    _, user, nice, system, idle, *_ = (machine.proc.path / "stat").read_text().split()
    return int(user) + int(nice) + int(system), int(idle)


def test_docker_says_when_its_daemon_is_away(machine: Machine) -> None:
    """As the real one does, with exit code 1."""
    result = run(machine, "docker", "compose", "ps")

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
    machine = Machine(tmp_path, engine.url)
    line = ("docker", "compose", "-f", COMPOSE_FILE, "-p", "newsletter", "up", "-d", "--no-deps", "app")

    result = await asyncio.to_thread(run, machine, *line, NEWSLETTER_TAG=tag, SECRET="not for the engine")

    assert (result.returncode, engine.host.release()) == (code, release)
    assert "not for the engine" not in str(engine.calls())
