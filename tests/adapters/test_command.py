"""Programs of this machine: real processes, bounded in time, output and environment."""

import asyncio
import os
import stat
import sys
from pathlib import Path

import pytest

from adapters import command
from adapters.command import MEASURES, LocalCommands
from bot.domain.errors import BadAnswer, OutcomeUnknown, Unreachable
from bot.local.lab.host import Machine
from tests.local.lab.polling import eventually


@pytest.fixture
def here() -> LocalCommands:
    """This machine, as wiring opens it."""
    return command.open(command.Config(command="local"))


def python(code: str) -> list[str]:
    """A command line that runs a piece of Python."""
    return [sys.executable, "-I", "-S", "-c", code]


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_program_answers_with_code_and_output(here: LocalCommands) -> None:
    """Both streams and the exit code."""
    done = await here.run(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), seconds=10)

    assert (3, "out\n", "err\n") == (done.code, done.stdout, done.stderr)


async def test_no_shell_reads_the_arguments(here: LocalCommands) -> None:
    """Whatever stands in an argument is an argument."""
    evil = "$(touch /tmp/pwned); `id` && rm -rf *"

    done = await here.run([*python("import sys; print(sys.argv[1])"), evil], seconds=10)

    assert f"{evil}\n" == done.stdout


async def test_a_program_gets_none_of_the_bots_secrets(here: LocalCommands, monkeypatch: pytest.MonkeyPatch) -> None:
    """PATH, HOME, the language, and what the caller names."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")

    done = await here.run(python("import os; print(sorted(os.environ))"), seconds=10, extra={"NEWSLETTER_TAG": "v40"})

    assert "['HOME', 'LC_ALL', 'NEWSLETTER_TAG', 'PATH']\n" == done.stdout


async def test_a_program_that_does_not_end_is_killed_with_its_children(here: LocalCommands, tmp_path: Path) -> None:
    """The whole group goes, so nothing works on unseen."""
    mark = tmp_path / "child"
    code = (
        "import subprocess, sys, time, pathlib;"
        "child = subprocess.Popen([sys.executable, '-I', '-S', '-c', 'import time; time.sleep(60)']);"
        f"pathlib.Path({str(mark)!r}).write_text(str(child.pid)); time.sleep(60)"
    )

    with pytest.raises(Unreachable, match="did not end within 1 s"):
        await here.run(python(code), seconds=1)
    child = int(mark.read_text())

    async def gone() -> bool:
        return not alive(child)

    await eventually(gone)


async def test_a_change_that_does_not_end_is_unknown(here: LocalCommands) -> None:
    """It may have done its work before it hung."""
    with pytest.raises(OutcomeUnknown, match="it may have happened"):
        await here.run(python("import time; time.sleep(60)"), seconds=0.3, changing=True)


async def test_a_cancelled_run_leaves_no_process(here: LocalCommands, tmp_path: Path) -> None:
    """A check that is given up ends its program."""
    mark = tmp_path / "pid"
    code = f"import os, time, pathlib; pathlib.Path({str(mark)!r}).write_text(str(os.getpid())); time.sleep(60)"
    running = asyncio.create_task(here.run(python(code), seconds=60))

    async def started() -> bool:
        return mark.exists() and bool(mark.read_text())

    await eventually(started)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert not alive(int(mark.read_text()))


async def test_endless_output_is_cut_and_does_not_block(here: LocalCommands) -> None:
    """10 MB are read to the end, and the first part is kept."""
    done = await here.run(python("print('x' * 10_000_000)"), seconds=30)

    assert (0, 256 * 1024) == (done.code, len(done.stdout))


@pytest.mark.parametrize(
    ("program", "text"),
    [
        pytest.param("no-such-program", "has no program no-such-program", id="not installed"),
        pytest.param("/", "cannot be run", id="not a program"),
    ],
)
async def test_a_program_that_is_missing_is_our_own_trouble(here: LocalCommands, program: str, text: str) -> None:
    """The machine that lacks it is the bot's."""
    with pytest.raises(BadAnswer, match=text):
        await here.run([program], seconds=5)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine whose `df` prints what a test sets."""
    return Machine(tmp_path, "http://127.0.0.1:1")


@pytest.fixture
def simulated(machine: Machine) -> LocalCommands:
    """The same, with its programs first."""
    return LocalCommands(search=f"{machine.path}{os.pathsep}{os.defpath}")


@pytest.mark.parametrize("percent", [0, 61, 97, 100])
async def test_how_full_the_disk_is_is_read(machine: Machine, simulated: LocalCommands, percent: int) -> None:
    """As `df` prints it."""
    await machine.put("disk_percent", percent)

    measured = await MEASURES["disk_used"](simulated)

    assert (percent, "%") == (measured.value, measured.unit)


@pytest.mark.parametrize("state", ["down", "garbage"])
async def test_a_program_that_fails_or_babbles_is_unknown(
    machine: Machine, simulated: LocalCommands, state: str
) -> None:
    """It says nothing about the machine."""
    await machine.enter(state)
    await machine.close()

    with pytest.raises(BadAnswer):
        await MEASURES["disk_used"](simulated)


@pytest.mark.parametrize("printed", ["", "Filesystem", "Filesystem\nx y z%", "Filesystem\nx 1 2 3 1000% /"])
async def test_any_print_is_read_or_unknown(tmp_path: Path, printed: str) -> None:
    """Other versions print other columns; none of them breaks the bot."""
    (tmp_path / "said").write_text(printed)
    program = tmp_path / "df"
    program.write_text(f"#!/bin/sh\ncat {tmp_path / 'said'}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)

    with pytest.raises(BadAnswer):
        await MEASURES["disk_used"](LocalCommands(search=f"{tmp_path}{os.pathsep}{os.defpath}"))
