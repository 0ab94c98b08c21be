"""`steward ask` and `decide` on the bot's machine: through its socket, and alone where no bot runs."""

import asyncio
import re
import sqlite3
import sys
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.console.os_user import os_user
from bot.local.demo import Demo
from tests.smoke.alone import alone, configured


def _mapped(person: str) -> Any:  # noqa: ANN401 - a change of the configuration
    """The person who runs these tests is this one."""

    def change(steward: dict[str, Any]) -> None:
        for name, model in steward["people"].items():
            model["os_user"] = os_user() if name == person else f"somebody-{name}"

    return change


async def _steward(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
    )
    said, _ = await process.communicate()
    assert b"Traceback" not in said
    return process.returncode or 0, said.decode()


def _environment(demo: Demo, **changes: str) -> dict[str, str]:
    return {**demo._environment(demo.server.workspace), **changes}


def _rows(database: Path, query: str) -> list[Any]:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return connection.execute(query).fetchall()


async def test_the_command_line_is_who_the_kernel_says_and_the_bots_configuration_counts(tmp_path: Path) -> None:
    """Another STEWARD_CONFIG or SLACK_API_URL of the caller decides nothing, with a bot and without one."""
    ours = configured(tmp_path, _mapped("engineer"))
    (tmp_path / "forged").mkdir()
    theirs = {
        "STEWARD_CONFIG": str(configured(tmp_path / "forged", _mapped("lead"))),
        "SLACK_API_URL": "http://127.0.0.1:9/api/",
        "USER": "lead",
        "LOGNAME": "lead",
    }
    (tmp_path / "demo").mkdir()
    async with alone(tmp_path / "demo", STEWARD_CONFIG=str(ours), STEWARD_TIMEZONE="Asia/Tokyo") as (demo, world):
        database, socket = tmp_path / "demo" / "steward.db", tmp_path / "demo" / "steward.sock"
        true, forged = _environment(demo), _environment(demo, **theirs)

        code, said = await _steward(forged, "ask", "/incident open P3 newsletter a slow page")

        assert (0, True) == (code, "INC-1" in said)
        await world.sees("@engineer")
        assert [("engineer", "cli")] == _rows(database, "select actor, via from audit where kind = 'incident.opened'")
        assert (0o600, 0o666) == (database.stat().st_mode & 0o777, socket.stat().st_mode & 0o777)
        assert (1, "There is no operation OP-7") == _start(await _steward(true, "decide", "OP-7", "approve"), 26)
        assert 2 == (await _steward(true, "ask", "/nope"))[0]
        before, (_, health), after = _hour(), await _steward(true, "ask", "/health newsletter"), _hour()
        assert {before, after} & set(re.findall(r"(\d\d):\d\d:\d\d", health))

        elsewhere = {**forged, "STEWARD_SOCKET": str(tmp_path / "elsewhere.sock")}
        assert (0, "INC-1") == _start(await _steward(elsewhere, "ask", "/incident update INC-1 from elsewhere"), 5)

        await demo.kill_bot()
        copies = _rows(database, "select name, members, read_at from group_copy order by name")
        refused, why = await _steward(forged, "ask", "/incident update INC-1 as somebody else")
        done, _ = await _steward(true, "ask", "/incident update INC-1 as myself")
        sealed, audit = await _steward(true, "audit", "verify")

        with sqlite3.connect(database) as connection:
            connection.execute("update service set os_user = 'steward'")
        assert (1, "The bot does not run, and its ledger belongs to the OS user steward") == _start(
            await _steward(true, "ask", "/health"), 67
        )
        assert (1, True) == (refused, "this is not the configuration that it ran with" in why)
        assert 0 == done
        assert copies == _rows(database, "select name, members, read_at from group_copy order by name")
        assert (0, True, False) == (sealed, "audit intact" in audit, "not sealed yet" in audit)


def _hour() -> str:
    """The hour in the configured time zone, in which the command line tells the time."""
    return f"{datetime.now(ZoneInfo('Asia/Tokyo')):%H}"


def _start(found: tuple[int, str], length: int) -> tuple[int, str]:
    return found[0], found[1][:length]
