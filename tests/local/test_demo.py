"""The demo as one thing: workspace, bot process, clock; without the lab, which has tests of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.local.demo import Demo, DemoOptions

TOY_BOT = (sys.executable, str(Path(__file__).parent / "toy_bot.py"))
RUN = """
import asyncio, sys
from bot.local.demo import DemoOptions, run
asyncio.run(run(DemoOptions(port=0, with_lab=False, serve=(sys.executable, sys.argv[1]))))
"""


@pytest.fixture
async def demo(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Demo]:
    """A running demo whose surroundings know a real workspace's token."""
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "of a real workspace")
    async with Demo(DemoOptions(port=0, limits=False, with_lab=False, serve=TOY_BOT)) as demo:
        yield demo


async def call(url: str, path: str, **body: object) -> tuple[int, dict[str, Any]]:
    """One local call."""
    async with aiohttp.ClientSession() as session, session.post(f"{url}/local/{path}", json=body) as answer:
        return answer.status, await answer.json()


async def told(url: str) -> dict[str, Any]:
    """What the toy bot tells of itself when a command is typed."""
    _, answer = await call(url, "command", user="sre", channel="#general", command="/tell", text="")
    found: dict[str, Any] = answer["body"]["told"] if answer["status"] == 200 else {}
    return found


async def test_a_command_reaches_the_bot_process(demo: Demo) -> None:
    """The bot is told all it needs and nothing of a real workspace; the page answers."""
    names = set((await told(demo.url))["names"])
    async with aiohttp.ClientSession() as session, session.get(demo.url) as page:
        html = await page.text()

    assert {
        "SLACK_API_URL",
        "SLACK_BOT_TOKEN",
        "SLACK_SIGNING_SECRET",
        "SLACK_USER_SRE",
        "SLACK_GROUP_APPROVERS",
        "STEWARD_CONFIG",
        "STEWARD_DATABASE",
    } <= names
    assert "SLACK_CLIENT_SECRET" not in names
    assert (200, True) == (page.status, "production-alerts" in html)


async def test_the_clock_moves_for_both_and_survives_a_restart(demo: Demo) -> None:
    """`advance` answers once the bot has settled; a killed bot comes back at the demo's time."""
    status, clock = await call(demo.url, "clock", advance="5m")
    before = await told(demo.url)
    await demo.kill_bot()
    down, _ = await call(demo.url, "command", user="sre", channel="#general", command="/tell", text="")
    late, _ = await call(demo.url, "clock", advance="1h")
    await demo.restart_bot()
    after = await told(demo.url)

    assert (200, 300_000, 300_000) == (status, clock["offset"], before["settled"][-1])
    assert (200, 502) == (down, late)
    assert 3_900_000 == after["offset"]
    assert before["pid"] != after["pid"]


async def test_a_bot_that_dies_is_started_again(demo: Demo) -> None:
    """Without anyone's help, at the same address."""
    first = (await told(demo.url))["pid"]
    os.kill(first, signal.SIGKILL)

    second = await _eventually(demo, first)

    assert first != second


async def _eventually(demo: Demo, not_this: int) -> int:
    for _ in range(200):
        pid = int((await told(demo.url)).get("pid", not_this))
        if pid != not_this:
            return pid
        await asyncio.sleep(0.05)
    raise AssertionError("the bot did not come back")


async def test_a_signal_ends_the_demo_and_its_bot() -> None:
    """SIGTERM leaves no process behind."""
    toy = TOY_BOT[1]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", RUN, toy, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    url = next(word for word in line.split() if word.startswith("http")).rstrip("/")
    pid = (await told(url))["pid"]

    process.send_signal(signal.SIGTERM)
    code = await asyncio.wait_for(process.wait(), 10)

    assert 0 == code
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_bot_that_does_not_start_ends_the_demo_with_its_words() -> None:
    """The error carries what the bot wrote last."""
    broken = (sys.executable, "-c", "raise SystemExit('config/steward.yaml:3: unknown key')")

    with pytest.raises(Exception, match=r"steward\.yaml:3: unknown key"):
        await Demo(DemoOptions(port=0, with_lab=False, serve=broken)).start()
