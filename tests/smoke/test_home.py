"""The home tab: open incidents, what waits for this person's decision, health at a glance; and its buttons work."""

import pytest

from tests.smoke.pages import opens
from tests.smoke.reading import Json, pressables, words
from tests.smoke.world import Doing, World


def press(world: World, user: str, view: Json, label: str) -> Doing:
    """Press a button on the home tab."""
    button = next(each for each in pressables(view["blocks"]) if each.label.startswith(label))
    body = {"user": user, "view_id": view["id"], "action_id": button.action_id, "value": button.value}
    return Doing(world, user, "@" + user, "/local/click", body)


@pytest.mark.row("A4")
async def test_open_incidents_and_health_stand_there(world: World) -> None:
    """Before anything happens it says so; an incident appears with who has it, and goes when it is over."""
    await world.user("sre").home("Open incidents", "🟢 None.", "Nothing.", "Newsletter", "Target List Formatter")
    await world.lab("newsletter", "app", state="error")
    await opens(world, "mail at home")
    await world.advance("61s")

    await world.user("sre").home("INC-1 P0", "Newsletter: mail at home", "nobody has it yet", "🔴 Newsletter: ")
    await world.user("sre").types("/incident ack INC-1").sees("@sre has it")
    await world.user("lead").home("INC-1 P0", "@sre has it")
    await world.user("sre").types("/incident resolve INC-1 anyway").sees("resolved")

    await world.user("sre").home("🟢 None.", without="INC-1")


@pytest.mark.row("A7")
async def test_only_those_who_may_decide_see_what_waits(world: World) -> None:
    """The lead finds the request with its plan; its requester does not; decided, it is gone."""
    await world.lab("target-list", "netlify", locked=False, published="dep-41")
    line = "/rollback target-list web to previous because 503 at home"
    ask = await world.user("sre").types(line).sees("Needs 1 of")

    waiting = await world.user("lead").home("OP-1", "dep-41 → dep-40")
    await world.user("sre").home("Waiting for your decision", "Nothing.")
    await world.user("engineer").home("Waiting for your decision", "Nothing.")
    plan = await press(world, "lead", waiting, "Full plan").form("")

    assert "/sites/site-target-list/deploys/dep-40/restore" in str(plan["blocks"])
    await ask.click("Approve", by="lead")
    await ask.becomes("verified: web 200")
    await world.user("lead").home("Nothing.", without="OP-1")


@pytest.mark.row("A7")
async def test_it_shows_no_more_than_a_person_may_ask_for(world: World) -> None:
    """Anybody in the workspace can open it: a stranger sees nothing, who only approves sees what waits for them."""
    await world.lab("target-list", "netlify", locked=False, published="dep-41")
    await world.user("sre").types("/rollback target-list web to previous because 503 abroad").sees("Needs 1 of")
    await world.lab("steward", "engineers", members=["sre"])
    await world.lab("steward", "approvers", members=["lead"])
    await world.advance("61s")

    stranger = words(await world.user("manager").home("Nothing to see here", without="OP-1"))
    approver = words(await world.user("lead").home("OP-1"))

    assert [] == [said for said in ("incident", "Health", "Newsletter") if said in stranger + approver]


@pytest.mark.row("A4")
async def test_an_incident_can_be_opened_from_there(world: World) -> None:
    """The button opens the same form as the command, and pages as well."""
    view = await world.user("engineer").home("Open incidents")

    form = await press(world, "engineer", view, "Open incident").form("Open an incident")
    await world.user("engineer").submits(form, severity="P1", system="newsletter", title="opened at home")

    await world.sees("opened at home · @sre, page: you are on call", channel="@sre")
    health = await press(world, "engineer", await world.user("engineer").home("INC-1 P1"), "Health").form("")
    assert "Newsletter" in str(health["blocks"])


@pytest.mark.row("A1")
async def test_a_refresh_in_a_view_updates_it_in_place(world: World) -> None:
    """However often it is pressed there is one view, which shows what is true now; an old press overwrites nothing."""
    view = await press(world, "sre", await world.user("sre").home("Newsletter"), "Health").form("")
    old = await _settled(world, view, "healthy")
    await world.lab("newsletter", "app", state="error")

    for _ in range(4):
        now = await _settled(world, view, "")
        await press(world, "sre", now, "Refresh")
        await _changed(world, now)
    await _settled(world, view, "🔴 app")

    assert [view["id"]] == [each["id"] for each in await world.modals("sre")]
    assert old["hash"] != (await world.modals("sre"))[0]["hash"]


async def _settled(world: World, view: Json, text: str) -> Json:
    """The view once it has its buttons and says a text."""

    async def look() -> Json | None:
        found = next((each for each in await world.modals("sre") if each["id"] == view["id"]), None)
        return found if found and "Refresh" in str(found["blocks"]) and text in words(found) else None

    settled: Json = await world.until(look, lambda: f"the view never said {text!r}")
    return settled


async def _changed(world: World, view: Json) -> None:
    async def look() -> bool:
        return view["hash"] not in [each["hash"] for each in await world.modals("sre")]

    await world.until(look, lambda: "the view was never updated")
