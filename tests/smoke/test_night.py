"""An on-call engineer's night as one story, from the first red line to the summary of the morning."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from tests.smoke.conftest import Stage
from tests.smoke.pages import fact, header, paged, tally
from tests.smoke.rollbacks import before_any_rollback, changes
from tests.smoke.test_audit import sealed, steward
from tests.smoke.world import World

TITLE = "exports fail since the preview grid"


async def breaks(world: World) -> None:
    """The release of the evening is bad: the web app answers 503, and nobody fetches the jobs that pile up."""
    await before_any_rollback(world)
    await world.lab("target-list", "redis", traffic=False)
    await world.lab("target-list", "export-jobs", depth=40)
    await world.user("sre").types("/queue target-list").sees("export-jobs")
    await world.lab("target-list", "worker", state="down")
    await world.lab("target-list", "web", state="bad_release")
    await world.lab("target-list", "export-jobs", depth=1240)
    await world.advance("5m")


@pytest.mark.row("A1")
@pytest.mark.row("A2")
@pytest.mark.row("A3")
@pytest.mark.row("A4")
@pytest.mark.row("A7")
@pytest.mark.row("A8")
@pytest.mark.row("A9")
@pytest.mark.row("A11")
@pytest.mark.row("A13")
async def test_the_night(stage: Stage, world: World, tmp_path: Path) -> None:
    """Seen, opened, paged, rolled back with the lead's approval, verified, resolved, and told in the morning."""
    await world.sees("First summary", since=f"{await world.now() / 1000 - 60:.6f}")
    sre, since = world.user("sre"), await world.now()
    await breaks(world)

    health = await sre.types("/health target-list").sees("Refresh")
    assert health.words.startswith("🔴 Target List Formatter")
    assert "web  503" in health.words
    queue = await health.click("Queue").sees("1,240 waiting (critical > 1,000)")
    async with Redis.from_url(await world.url("target-list", "redis")) as redis:
        assert 1240 == await redis.zcard("export-jobs")
    assert "↑" in queue.words

    await world.user("engineer").types(f"/incident open P0 target-list {TITLE}").sees("@sre was paged")
    page = await paged(world, "sre", TITLE)
    shown = await header(world, TITLE)
    await shown.becomes("🔴 web 503")
    rang = [call["body"]["event_action"] for call in await world.calls("steward", "pagerduty") if call["at"] >= since]
    assert ["trigger"] == rang
    await world.advance("5m")
    second = await paged(world, "lead", TITLE)
    assert "Pinged before: @sre" in second.words
    await page.click("I have it")
    await shown.becomes("@sre has it")

    ask = await sre.types("/rollback target-list web to previous because 503 since dep-41").sees("Needs 1 of")
    assert "INC-1 P0" in ask.words
    await ask.click("Approve", by="sre").sees("you cannot approve your own request")
    assert [] == await changes(world, since)
    await world.sees("Roll back target-list/web", by="lead", channel="@lead")
    await ask.click("Approve", by="lead")
    await ask.becomes("verified: web 200")
    restored = ["/sites/site-target-list/deploys/dep-40/restore", "/deploys/dep-40/lock"]
    assert restored == await changes(world, since)
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{await world.url('target-list', 'web')}/api/health")
    assert (200, "dep-40") == (answer.status_code, answer.json()["version"])

    await world.lab("target-list", "worker", state="up")
    await world.lab("target-list", "export-jobs", depth=3)
    await sre.types("/incident update rolled back to dep-40, the queue drains").sees("@sre has it")
    await shown.becomes("rolled back to dep-40")
    await sre.types("/incident mitigate").sees("mitigated")
    await sre.types("/incident resolve exports work again").sees("resolved")
    closed = await shown.becomes("✅ P0 INC-1")
    assert "respond missed (6 min)" in fact(closed, "Clocks")
    assert "mitigate kept" in fact(closed, "Clocks")
    assert ["Reopen"] == closed.buttons

    await world.advance_to(_nine(await world.now()))
    morning = await world.sees("Morning summary", since=closed.message["ts"])
    assert "Target List Formatter" in morning.words
    assert {"sre": 1, "lead": 1, "manager": 0, "cto": 0} == await tally(world, TITLE)
    assert [
        ("incident.opened", "engineer"),
        ("incident.paged", "engineer"),
        ("incident.acknowledged", "sre"),
        ("operation.proposed", "sre"),
        ("operation.refused", "sre"),
        ("operation.approved", "lead"),
        ("operation.started", "steward"),
        ("operation.succeeded", "steward"),
        ("operation.verified", "steward"),
        ("incident.update", "sre"),
        ("incident.mitigated", "sre"),
        ("incident.resolved", "sre"),
    ] == await told(stage, world, tmp_path)


async def told(stage: Stage, world: World, directory: Path) -> list[tuple[str, str]]:
    """What the sealed and exported audit tells of the night: the first row of each kind, and who did it."""
    await sealed(stage, world)
    target = directory / "night.db"
    await steward(stage, "audit", "export", str(target))
    with closing(sqlite3.connect(target)) as database:
        rows = database.execute(
            "select kind, actor, min(sequence) from audit where subject in ('INC-1', 'OP-1') group by kind order by 3"
        ).fetchall()
    return [(kind, actor) for kind, actor, _ in rows]


def _nine(now: int) -> int:
    """The next 9:00 UTC, epoch ms."""
    moment = datetime.fromtimestamp(now / 1000, UTC)
    nine = moment.replace(hour=9, minute=0, second=0, microsecond=0)
    return round((nine if nine > moment else nine + timedelta(days=1)).timestamp() * 1000)
