"""The machine's memory and processor: this one's, and a tree like /proc that a test fills."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters import host
from adapters.host import MEASURES, LocalMachine
from bot.domain.errors import BadAnswer
from bot.local.lab.host import Machine


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    """A machine whose time passes."""
    made = Machine(tmp_path, "http://127.0.0.1:1")
    await made.enter("up")
    yield made
    await made.close()


@pytest.fixture
def simulated(machine: Machine) -> LocalMachine:
    """The same, as wiring opens it."""
    return host.open(host.Config(host="local", proc=str(machine.proc.path)))


@pytest.mark.parametrize("measure", sorted(MEASURES))
async def test_this_machine_is_read_as_it_is(measure: str) -> None:
    """Without anything else said, from /proc: the kernel's own files."""
    measured = await MEASURES[measure](host.open(host.Config(host="local")))

    assert "%" == measured.unit
    assert 0 <= float(measured.value or 0) <= 100


@pytest.mark.parametrize(
    ("measure", "key"), [("memory_used", "memory_percent"), ("cpu_used", "cpu_percent")], ids=["memory", "processor"]
)
@pytest.mark.parametrize("percent", [0, 61, 97, 100])
async def test_percent_used_is_read(
    machine: Machine, simulated: LocalMachine, measure: str, key: str, percent: int
) -> None:
    """As the kernel tells it: of the memory what is not available, of the processor the time since a moment ago."""
    await machine.put(key, percent)

    measured = await MEASURES[measure](simulated)

    assert "%" == measured.unit
    assert pytest.approx(percent, abs=1) == measured.value


async def test_two_machines_are_not_mixed_up(machine: Machine, simulated: LocalMachine, tmp_path: Path) -> None:
    """The library has one /proc at a time; each connection reads its own."""
    (tmp_path / "other").mkdir()
    shutil.copy(machine.proc.path / "meminfo", tmp_path / "other")
    other = LocalMachine(str(tmp_path / "other"))
    await machine.put("memory_percent", 90)

    read = [(await MEASURES["memory_used"](each)).value for each in (simulated, other, simulated)]

    assert [90, 61, 90] == [round(value or 0) for value in read]


@pytest.mark.parametrize("measure", sorted(MEASURES))
@pytest.mark.parametrize(
    ("state", "told"),
    [
        pytest.param("down", "cannot read .*: No such file or directory", id="there is none"),
        pytest.param("garbage", "holds something that cannot be read", id="nonsense"),
    ],
)
async def test_what_cannot_be_read_is_unknown(
    machine: Machine, simulated: LocalMachine, measure: str, state: str, told: str
) -> None:
    """It says nothing about the machine, and names the file."""
    await machine.enter(state)

    with pytest.raises(BadAnswer, match=told):
        await MEASURES[measure](simulated)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("cpu\n", id="no numbers"),
        pytest.param("cpu 1 2\n", id="too few numbers"),
        pytest.param("MemTotal: x kB\n", id="no number"),
        pytest.param("MemTotal:\n", id="no value"),
        pytest.param("cpu 1 2 3 4 5 6 7 8 9 10\n", id="a processor whose time stands still"),
        pytest.param("".join(f"{name}: 0 kB\n" for name in ("MemTotal", "MemFree", "Buffers", "Cached")), id="zeros"),
    ],
)
@pytest.mark.parametrize("measure", sorted(MEASURES))
@pytest.mark.filterwarnings("ignore:.*memory stats:RuntimeWarning")  # psutil's, of what an old kernel lacks.
async def test_any_text_is_read_or_unknown(tmp_path: Path, measure: str, text: str) -> None:
    """Other kernels tell other things; none of them breaks the bot or passes for a healthy machine."""
    for name in ("meminfo", "stat"):
        (tmp_path / name).write_text(text)

    with pytest.raises(BadAnswer):
        await MEASURES[measure](LocalMachine(str(tmp_path)))
