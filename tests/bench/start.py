"""`steward --help`, the start of `steward serve` until it is ready, and its memory at rest beside the whole lab."""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from bot.checkup import DEMO_SETTINGS
from bot.local.demo import Demo, DemoOptions
from tests.bench.figures import Figure, at_most
from tests.bench.processes import ROOT, SERVE, Process
from tests.bench.slack import Slack

_SETTLED_MB = 0.3
_LONGEST = 30


async def help_(rounds: int) -> list[Figure]:
    """The command line's help, beside a Python that does nothing."""
    helped, bare = [], []
    steward = str(Path(sys.executable).with_name("steward"))
    for _ in range(rounds):
        bare.append(await _run(sys.executable, "-c", "pass"))
        helped.append(await _run(steward, "--help"))
    return [
        Figure("steward --help", helped, "s", at_most(0.25)),
        Figure("python -c pass, for comparison", bare, "s"),
    ]


async def ready(directory: Path, rounds: int) -> list[Figure]:
    """From the start of the process, with the shipped configuration and a fresh ledger, to 200 from /readyz."""
    slack = Slack()
    await slack.start()
    told = _example() | {"SLACK_API_URL": f"{slack.url}/api/", "STEWARD_CONFIG": str(ROOT / "config")}
    taken = []
    try:
        for number in range(rounds):
            database = f"sqlite:///{directory / f'start-{number}.db'}"
            bot = Process(SERVE, directory, told | {"STEWARD_DATABASE": database})
            taken.append(await bot.start())
            await bot.stop()
    finally:
        await slack.stop()
    return [Figure("start to ready", taken, "s", at_most(1.5))]


async def memory(rounds: int) -> list[Figure]:
    """Resident memory of the demo's bot, whose every check has read its real target, once it no longer grows."""
    taken = []
    with tempfile.TemporaryDirectory(prefix="steward-bench-") as name:
        options = DemoOptions(
            port=0, limits=False, config=ROOT / "config", directory=Path(name), settings=dict(DEMO_SETTINGS)
        )
        async with Demo(options) as demo:
            for number in range(rounds):
                if number:
                    await demo.restart_bot()
                taken.append(await _at_rest(demo))
    return [Figure("idle memory", taken, "MB", at_most(120))]


async def _at_rest(demo: Demo) -> float:
    before, ends = 0.0, time.perf_counter() + _LONGEST
    await asyncio.sleep(4)
    while time.perf_counter() < ends:
        now = _resident(demo.bot.pid or 0)
        if abs(now - before) < _SETTLED_MB:
            return now
        before = now
        await asyncio.sleep(3)
    return before


def _resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def _example() -> dict[str, str]:
    lines = (ROOT / "config" / "example.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


async def _run(*arguments: str) -> float:
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        raise RuntimeError(f"{' '.join(arguments)} failed")
    return time.perf_counter() - started
