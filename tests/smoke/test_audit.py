"""The audit: who asked, who decided, what ran, what came of it; checked and exported by the command line."""

import asyncio
import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.smoke.conftest import Stage
from tests.smoke.rollbacks import asked, before_any_rollback
from tests.smoke.world import World

ROOT = Path(__file__).parents[2]


async def steward(stage: Stage, *arguments: str) -> tuple[int, str]:
    """Run the command line on the bot's ledger; its exit code and what it printed."""
    lines = (ROOT / "config" / "example.env").read_text().splitlines()
    variables = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot", *arguments),
        cwd=ROOT,
        env={**os.environ, **variables, "STEWARD_DATABASE": stage.database},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


async def story(world: World) -> None:
    """A rollback that was refused to its requester, approved by the lead, run and verified; then sealed."""
    await before_any_rollback(world)
    ask = await asked(world)
    await ask.click("Approve", by="sre").sees("you cannot approve your own request")
    await ask.click("Approve", by="lead")
    await ask.becomes("verified")


async def sealed(stage: Stage, world: World) -> str:
    """What `steward audit verify` says once every row is in the chain."""
    said = ""

    async def look() -> bool:
        nonlocal said
        code, said = await steward(stage, "audit", "verify")
        return code == 0 and "not sealed" not in said

    await world.until(look, lambda: f"the audit was never whole: {said}", within=30)
    return said


def tamper(stage: Stage, statement: str) -> None:
    """Change the ledger behind the bot's back."""
    if stage.database.startswith("sqlite:///"):
        with closing(sqlite3.connect(stage.database.removeprefix("sqlite:///"), timeout=10)) as ledger, ledger:
            ledger.execute(statement)
        return
    with psycopg.connect(stage.database, autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.mark.row("A11")
async def test_the_chain_holds_and_is_exported(stage: Stage, world: World, tmp_path: Path) -> None:
    """Verified by the command line; the export tells the whole story, refusal included, and is plain SQLite."""
    await story(world)
    said = await sealed(stage, world)
    target = tmp_path / "audit.db"

    code, exported = await steward(stage, "audit", "export", str(target))

    assert "audit intact" in said
    assert (0, True) == (code, "rows written" in exported)
    with closing(sqlite3.connect(target)) as database:
        rows = database.execute("select kind, actor, detail from audit where subject = 'OP-1' order by sequence")
        found = rows.fetchall()
    kinds = [kind for kind, _, _ in found]
    assert [
        "operation.proposed",
        "operation.refused",
        "operation.approved",
        "operation.started",
        "operation.succeeded",
        "operation.verified",
    ] == kinds
    assert ["sre", "sre", "lead"] == [actor for _, actor, _ in found[:3]]
    assert "503 since the preview grid" == json.loads(found[0][2])["reason"]


@pytest.mark.row("A11")
@pytest.mark.parametrize(
    ("statement", "named"),
    [
        pytest.param("update audit set actor = 'cto' where sequence = 3", "row 3", id="a changed row"),
        pytest.param("delete from audit where sequence = 2", "row 2", id="a removed row"),
        pytest.param(
            "delete from audit where sequence = (select max(sequence) from audit)", "rows are missing", id="a cut tail"
        ),
    ],
)
async def test_a_tampered_row_is_named(stage: Stage, world: World, statement: str, named: str) -> None:
    """Whoever changes, removes or cuts rows of the ledger is found out."""
    await story(world)
    await sealed(stage, world)
    await world.kill_bot()

    tamper(stage, statement)
    code, said = await steward(stage, "audit", "verify")

    assert (1, True) == (code, "audit broken" in said)
    assert named in said
