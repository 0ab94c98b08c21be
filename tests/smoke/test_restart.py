"""`[Restart…]` of `/health`: one service, several, and a database, which needs an approval."""

import httpx
import psycopg
import pytest

from tests.smoke.reading import Json
from tests.smoke.world import World


async def started(world: World) -> dict[str, str]:
    """When each container of the compose project started, as the Docker Engine tells it."""
    async with httpx.AsyncClient(base_url=await world.url("newsletter", "docker"), trust_env=False) as engine:
        containers = (await engine.get("/containers/json")).json()
        inspected = [(await engine.get(f"/containers/{each['Id']}/json")).json() for each in containers]
    return {each["Name"].strip("/"): each["State"]["StartedAt"] for each in inspected}


async def form(world: World) -> Json:
    """The form that `/health newsletter` opens."""
    health = await world.user("sre").types("/health newsletter").sees("Restart…")
    return await health.click("Restart…").form("Restart")


@pytest.mark.row("N4")
async def test_a_wedged_app_is_restarted_once_its_requester_confirms(world: World) -> None:
    """A change: the plan is shown to the requester alone, runs when confirmed, and is verified by the app's check."""
    await world.lab("newsletter", "app", state="wedged")
    before, sre = await started(world), world.user("sre")

    view = await form(world)
    empty = await sre.submits(view, first="app", reason=" ")
    plan = await sre.submits(view, first="app", reason="event loop blocked").sees("Restart newsletter/app")
    assert before == await started(world)
    assert not [each for each in await world.messages("lead") if "event loop blocked" in str(each["blocks"])]
    done = await plan.click("Run it").sees("verified: app 200")
    after = await started(world)

    assert "Say why" in str(empty)
    assert "cut off" in plan.words
    assert "Undo: none" in plan.words
    assert "@sre" in done.words
    assert ["newsletter-app-1"] == [name for name, at in after.items() if before[name] != at]


@pytest.mark.row("N4")
async def test_several_services_are_restarted_one_after_another(world: World) -> None:
    """Two services, three containers; the databases are left alone."""
    before, sre = await started(world), world.user("sre")

    plan = await sre.submits(await form(world), first="app", second="worker", reason="memory").sees("worker ×2")
    await plan.click("Run it").sees("verified: ")
    after = await started(world)

    moved = {name for name, at in after.items() if before[name] != at}
    assert {"newsletter-app-1", "newsletter-worker-1", "newsletter-worker-2"} == moved


@pytest.mark.row("N4")
@pytest.mark.row("A7")
async def test_a_database_needs_somebody_elses_approval(world: World) -> None:
    """PostgreSQL is p0: the requester cannot run it, the lead can let it run, and the server really starts anew."""
    address, sre = await world.url("newsletter", "db"), world.user("sre")
    before = await _server_started(address)

    ask = await sre.submits(await form(world), first="postgres", reason="locks").sees("Needs 1 of")
    await ask.click("Approve", by="sre").sees("you cannot approve your own request")
    assert before == await _server_started(address)
    await ask.click("Approve", by="lead")
    await ask.becomes("verified: database", within=30)

    assert before != await _server_started(address)


async def _server_started(address: str) -> str:
    async with await psycopg.AsyncConnection.connect(address) as connection:
        row = await (await connection.execute("select pg_postmaster_start_time()::text")).fetchone()
    assert row is not None
    return str(row[0])
