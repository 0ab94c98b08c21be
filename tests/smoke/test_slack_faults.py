"""Slack in trouble: pages arrive exactly once or say that they may be a repeat; edits and forms recover or say so."""

from functools import partial
from pathlib import Path

import pytest

from tests.smoke.alone import alone
from tests.smoke.conftest import Stage
from tests.smoke.pages import REPEAT, header, in_channel, opens, paged, pages, replied, tally
from tests.smoke.reading import Json
from tests.smoke.world import User, World

FAULTS = [
    pytest.param("429", id="asks to wait"),
    pytest.param("500", id="answers 500"),
    pytest.param("html", id="answers a page"),
    pytest.param("timeout", id="does nothing and says nothing"),
    pytest.param("drop", id="does it and drops the answer"),
]


@pytest.mark.row("A8")
@pytest.mark.parametrize("kind", FAULTS)
async def test_a_page_arrives_once_whatever_slack_does(world: World, kind: str) -> None:
    """Header, page in the channel and page to the person are all struck; each stands there once in the end."""
    title = f"mail struck {kind}"
    await world.fault("chat.postMessage", kind, 3)

    await world.user("engineer").types(f"/incident open P0 newsletter {title}").sees("INC-1 is open")
    await world.until(lambda: pages(world, "sre", title), lambda: "the primary was never paged", 30)
    await world.until(
        lambda: in_channel(world, f"{title} · @sre, page: you are on call"), lambda: "the channel was never told", 30
    )
    await world.until(lambda: in_channel(world, rf"{title}\s+Severity"), lambda: "there is no header", 30)
    await (await paged(world, "sre", title)).click("I have it")
    await (await header(world, title)).becomes("@sre has it")
    await world.advance("14m")

    assert [] == await waiting_faults(world)
    assert {"sre": 1, "lead": 0, "manager": 0, "cto": 0} == await unmarked(world, title)
    assert 1 == len(await in_channel(world, rf"{title}\s+Severity"))


@pytest.mark.row("A4")
@pytest.mark.parametrize("kind", FAULTS)
async def test_an_edit_that_slack_loses_is_made_in_the_end(world: World, kind: str) -> None:
    """Header and pings show who has it after Slack has recovered; nothing is posted a second time."""
    title = f"mail edited {kind}"
    shown = await opens(world, title)
    page = await paged(world, "sre", title)
    await world.fault("chat.update", kind, 3)

    await page.click("I have it")

    await shown.becomes("@sre has it", within=30)
    await page.becomes("@sre has it", within=30)
    assert [] == await waiting_faults(world)
    assert 1 == len(await in_channel(world, rf"{title}\s+Severity"))
    assert 1 == len(await pages(world, "sre", title))


@pytest.mark.row("A4")
async def test_an_incident_has_one_channel_whatever_slack_does(stage: Stage, world: World) -> None:
    """Lost answers, limits and errors at each step leave one channel, complete; the page waits for none of it."""
    await world.fault("conversations.create", "timeout")
    for method in ("conversations.create", "conversations.setTopic", "conversations.invite"):
        for kind in ("drop", "500", "429"):
            await world.fault(method, kind)

    shown = await opens(world, "mail once")
    await (await paged(world, "sre", "mail once")).click("I have it")
    channels = stage.demo.server.workspace.directory.channels
    paged_without = not [each for each in channels.values() if "mail-once" in each.name]

    async def complete() -> bool:
        await world.advance("31s")
        found = [each for each in channels.values() if "mail-once" in each.name]
        return any(each.topic and {"U0ENGINEER", "U0SRE"} <= each.members for each in found)

    await world.until(complete, lambda: "the channel never was complete", 30)
    assert paged_without
    assert ["inc-0001-newsletter-mail-once"] == [each.name for each in channels.values() if "mail-once" in each.name]
    assert "Its own channel:" in await replied(shown, "Its own channel:")
    assert 1 == len(await in_channel(world, r"mail once\s+Severity", "#inc-0001-newsletter-mail-once"))


@pytest.mark.row("A4")
async def test_a_scope_that_channels_need_is_named_at_once(tmp_path: Path) -> None:
    """No waiting brings it: the thread says which, and the page went out all the same."""
    async with alone(tmp_path, without_scope="channels:manage") as (_, world):
        shown = await opens(world, "mail unscoped")

        await paged(world, "sre", "mail unscoped")
        await replied(shown, "lacks the scope channels:manage")
        assert "Own channel" in (await shown.becomes("Severity")).buttons


@pytest.mark.row("A4")
@pytest.mark.parametrize("kind", ["429", "500", "html"])
async def test_a_form_that_slack_refuses_is_said(world: World, kind: str) -> None:
    """Its trigger lives three seconds, so nothing is tried again behind one's back: the person types it again."""
    await world.fault("views.open", kind)
    engineer = world.user("engineer")

    await engineer.types("/incident open").sees("The form could not be opened")

    # A limit's pause is kept for forms as well.
    await world.until(lambda: _opens(engineer), lambda: "the form never opened", 20)


@pytest.mark.row("A4")
async def test_a_reply_that_gets_lost_does_not_undo_the_work(world: World) -> None:
    """The address for replies fails: the incident is open and paged all the same, and the reply comes another way."""
    await world.fault("response_url", "500", 1)

    await world.user("engineer").types("/incident open P0 newsletter mail unanswered").sees("INC-1 is open")

    await paged(world, "sre", "mail unanswered")


@pytest.mark.row("A8")
async def test_a_page_never_waits_for_an_edit(world: World) -> None:
    """Slack asks to wait a minute with edits: the next incident's pages come at once, in the channel and directly."""
    await opens(world, "mail edited out")
    page = await paged(world, "sre", "mail edited out")
    await world.fault("chat.update", "429", 2, retry_after=60)
    await page.click("I have it")
    await world.until(lambda: _met(world), lambda: "no edit met the limit")

    await world.user("engineer").types("/incident open P0 anyway newsletter mail unheld").sees("INC-2 is open")

    await paged(world, "sre", "mail unheld")
    await world.sees("mail unheld · @sre, page: you are on call")


@pytest.mark.row("A8")
async def test_a_disabled_account_is_skipped_at_once(tmp_path: Path) -> None:
    """Slack reaches nobody there: the next level is paged in the same minute, and the header says why."""
    async with alone(tmp_path, SLACK_USER_SRE="U0LEFTUS") as (_, world):
        await world.user("engineer").types("/incident open P0 newsletter mail unmanned").sees("INC-1 is open")
        await paged(world, "lead", "mail unmanned")
        await (await header(world, "mail unmanned")).becomes("Slack failed: cannot be reached")
        paging = await tally(world, "mail unmanned")

    assert {"sre": 0, "lead": 1, "manager": 0, "cto": 0} == paging


@pytest.mark.row("A8")
async def test_a_long_outage_delays_and_loses_nothing(world: World) -> None:
    """Slack refuses everything for minutes: level 1 and 2 are paged when it is back, each once."""
    await world.fault("chat.postMessage", "500", 400)
    await world.user("engineer").types("/incident open P0 newsletter mail in the dark").sees("INC-1 is open")
    await world.advance("6m")
    assert 0 == sum((await tally(world, "mail in the dark")).values())

    await world.client.delete("/local/faults")
    await world.advance("1m")

    await world.until(lambda: pages(world, "sre", "mail in the dark"), lambda: "level 1 was lost")
    await world.until(lambda: pages(world, "lead", "mail in the dark"), lambda: "level 2 was lost")
    assert {"sre": 1, "lead": 1, "manager": 0, "cto": 0} == await tally(world, "mail in the dark")


@pytest.mark.row("A8")
async def test_a_flood_of_incidents_pages_in_time_under_slacks_limits(world: World) -> None:
    """Slack lets through what it lets through; everybody's pages arrive once, however many 429 there are."""
    await world.fault("chat.postMessage", "429", 12, retry_after=1)
    for number in range(6):
        await world.user("engineer").types(f"/incident open P0 anyway newsletter flood {number}").sees("is open")

    for number in range(6):
        await world.until(partial(pages, world, "sre", f"flood {number}"), lambda: "a page was lost", 40)
        assert 1 == len(await pages(world, "sre", f"flood {number}"))


@pytest.mark.row("A4")
@pytest.mark.row("A8")
async def test_the_same_over_socket_mode(tmp_path: Path) -> None:
    """Commands, presses, forms and repeated envelopes come over the WebSocket; its end is survived; 500 is too."""
    async with alone(tmp_path, socket_mode=True) as (_, world):
        sre = world.user("sre")
        form = await sre.types("/incident open").form("Open an incident")
        refused = await sre.submits(form, severity="P0", system="newsletter", title=" ")
        await world.fault("chat.postMessage", "drop", 2)
        await sre.submits(form, severity="P0", system="newsletter", title="mail by socket")
        await world.client.post("/local/redeliver", json={"times": 3})
        await world.until(lambda: pages(world, "sre", "mail by socket"), lambda: "nobody was paged", 30)
        await world.client.post("/local/disconnect", json={"reason": "refresh_requested"})
        await world.until(lambda: _acknowledges(world), lambda: "the bot did not connect again", 30)
        await (await header(world, "mail by socket")).becomes("@sre has it")
        await world.kill_bot()
        await world.restart_bot()
        await sre.types("/incident resolve anyway").sees("resolved")
        await sre.types("/incident list").sees("No incident is open")
        arrived = await unmarked(world, "mail by socket")

    assert "Say in a few words" in str(refused)
    assert {"sre": 1, "lead": 0, "manager": 0, "cto": 0} == arrived


async def waiting_faults(world: World) -> list[Json]:
    """The faults that no call has met."""
    found: list[Json] = (await world.client.get("/local/faults")).json()["faults"]
    return found


async def unmarked(world: World, title: str) -> dict[str, int]:
    """How often each person was paged, without the pages that say that they may be a repeat."""
    found = {person: await pages(world, person, title) for person in ("sre", "lead", "manager", "cto")}
    return {person: sum(REPEAT not in text for text in texts) for person, texts in found.items()}


async def _met(world: World) -> bool:
    return not await waiting_faults(world)


async def _opens(person: User) -> bool:
    """Type it, and see whether the form is there a moment later."""
    await person.types("/incident open")
    return any("Open an incident" in view["title"]["text"] for view in await person.world.modals(person.name))


async def _acknowledges(world: World) -> bool:
    return bool((await world.user("sre").types("/incident ack")).get("status") == 200)
