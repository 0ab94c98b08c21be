"""An on-call night: who is paged when, what they read, and what stops it."""

import pytest

from tests.smoke.world import Seen, World


async def opens(world: World, title: str, severity: str = "P0") -> Seen:
    """The engineer opens an incident; titles differ from test to test, since the workspace outlives a test."""
    await world.user("engineer").types(f"/incident open {severity} newsletter {title}").sees(f"Newsletter: {title}")
    await world.sees(f"{title} · @sre, you are next")
    return await world.sees(f"{title} Severity")


async def pinged(world: World, person: str, title: str, asks: str = "you are next") -> Seen:
    """The page that this person got directly."""
    return await world.sees(f"Newsletter: {title} · @{person}, {asks}", by=person, channel=f"@{person}")


async def directly(world: World, person: str, title: str) -> int:
    """How many pages about this incident the person got directly."""
    return sum(title in str(message["text"]) for message in await world.messages(person, f"@{person}"))


@pytest.mark.row("A4")
@pytest.mark.row("A8")
async def test_the_life_of_an_incident(world: World) -> None:
    """Opened by a line, taken by a button, told how it stands, mitigated, resolved; one message shows it all."""
    sre = world.user("sre")
    header = await opens(world, "mail stopped")
    ping = await pinged(world, "sre", "mail stopped")

    assert {"I have it", "Page level 2 now", "I can't, pass on"} <= set(ping.buttons)
    await ping.click("I have it")
    await ping.becomes("@sre has it")
    await sre.types("/incident update INC-1 rolled back, the queue drains").sees("INC-1 P0")
    await header.becomes("rolled back, the queue drains (@sre")
    await sre.types("/incident severity INC-1 P1").sees("INC-1 P1 · @sre has it")
    await sre.types("/incident mitigate INC-1").sees("mitigated")
    await sre.types("/incident resolve INC-1 mail flows").sees("resolved")

    closed = await header.becomes("✅ P1 INC-1 Newsletter: mail stopped")
    assert closed.buttons == []
    shown = await world.user("lead").types("/incident show INC-1").sees("opened it as P0")
    assert "@sre resolved it: mail flows" in shown.words
    await world.user("lead").types("/incident list").sees("No incident is open")


@pytest.mark.row("A8")
@pytest.mark.row("C7")
async def test_a_p0_that_nobody_answers_climbs_the_ladder(world: World) -> None:
    """Primary at 0, secondary at 5, manager at 15, CTO at 30 minutes; each is paged directly, nobody early."""
    await opens(world, "nobody home")
    await pinged(world, "sre", "nobody home")
    for minutes, person in (("5m", "lead"), ("10m", "manager"), ("15m", "cto")):
        assert await directly(world, person, "nobody home") == 0
        await world.advance(minutes)
        ping = await pinged(world, person, "nobody home")
        assert "Pinged before: @sre" in ping.words

    await ping.click("I have it")
    await (await world.sees("nobody home", by="sre", channel="@sre")).becomes("@cto has it")


@pytest.mark.row("C7")
async def test_a_p1_gives_the_primary_fifteen_minutes(world: World) -> None:
    """Primary at 0, secondary at 15 minutes."""
    await opens(world, "mail slow", "P1")

    await world.advance("14m")
    assert await directly(world, "lead", "mail slow") == 0
    await world.advance("2m")

    await pinged(world, "lead", "mail slow")


@pytest.mark.row("A8")
async def test_nobody_is_paged_after_an_acknowledgement(world: World) -> None:
    """The manager is informed in the channel when the escalate clock runs out, and not paged."""
    header = await opens(world, "mail torn")
    await (await pinged(world, "sre", "mail torn")).click("I have it")
    await header.becomes("@sre has it")

    await world.advance("14m")
    await world.user("sre").types("/incident update INC-1 still searching").sees("@sre has it")
    await world.advance("2m")

    await world.sees("@manager for your information: P0 INC-1 Newsletter: mail torn")
    assert (0, 0) == (await directly(world, "lead", "mail torn"), await directly(world, "manager", "mail torn"))


@pytest.mark.row("A8")
async def test_a_silent_owner_is_asked_and_then_the_next_level_paged(world: World) -> None:
    """After 15 minutes without an update."""
    header = await opens(world, "mail mute")
    await (await pinged(world, "sre", "mail mute")).click("I have it")
    await header.becomes("@sre has it")

    await world.advance("16m")
    await pinged(world, "sre", "mail mute", "still on it?")
    assert await directly(world, "lead", "mail mute") == 0
    await world.advance("5m")

    await pinged(world, "lead", "mail mute", "the one who has it is silent")


@pytest.mark.row("A8")
async def test_passing_on_and_paging_the_next_level_by_button(world: World) -> None:
    """A button of an outdated message pages nobody further."""
    await opens(world, "mail stuck")
    first = await pinged(world, "sre", "mail stuck")

    await first.click("Page level 2 now")
    second = await pinged(world, "lead", "mail stuck")
    await first.click("Page level 2 now").sees("level 2 was paged already")
    assert await directly(world, "manager", "mail stuck") == 0
    await second.click("I can't, pass on")

    await pinged(world, "manager", "mail stuck")


@pytest.mark.row("A4")
async def test_an_incident_has_a_channel_and_evidence(world: World) -> None:
    """Its channel implies its id; the readings of the moment stand in the thread and in the ping."""
    await world.lab("newsletter", "app", state="error")
    header = await opens(world, "mail red")

    await header.becomes("Checks: 🔴 Newsletter")
    assert "🔴 app" in await header.thread()
    await world.sees("P0 INC-1 Newsletter: mail red", channel="#inc-1-mail-red")
    await world.user("sre").types("/incident ack", channel="#inc-1-mail-red").sees("@sre has it")


@pytest.mark.row("A4")
async def test_a_form_opens_an_incident_when_nothing_is_given(world: World) -> None:
    """With field errors where the title is missing; text stays text."""
    engineer = world.user("engineer")
    form = await engineer.types("/incident open").form("Open an incident")
    refused = await engineer.submits(form, severity="P0", system="newsletter", title="  ")
    assert "Say in a few words" in str(refused)

    await engineer.submits(form, severity="P0", system="newsletter", title="<!channel> down")

    await world.sees("P0 INC-1 Newsletter: <!channel> down")


@pytest.mark.row("A13")
async def test_pagerduty_is_paged_and_its_acknowledgement_counts_here(world: World) -> None:
    """Triggered at minute 0; acknowledged there, nobody is paged here; resolved here, it is resolved there."""
    await world.lab("steward", "pagerduty", resolve="INC-1")
    before = len(await world.calls("steward", "pagerduty"))
    header = await opens(world, "mail rung")
    await world.until(lambda: _asked(world, before, ["trigger"]), lambda: "PagerDuty was not paged")

    await world.lab("steward", "pagerduty", acknowledge="INC-1")
    await header.becomes("PagerDuty has it")
    await world.advance("6m")
    await world.user("sre").types("/incident resolve INC-1").sees("resolved")

    await world.until(lambda: _asked(world, before, ["trigger", "resolve"]), lambda: "PagerDuty was not told")
    assert await directly(world, "lead", "mail rung") == 0


@pytest.mark.row("A13")
async def test_an_acknowledgement_here_counts_at_pagerduty(world: World) -> None:
    """It stops paging too."""
    await world.lab("steward", "pagerduty", resolve="INC-1")
    before = len(await world.calls("steward", "pagerduty"))
    await opens(world, "mail hung")
    await world.until(lambda: _asked(world, before, ["trigger"]), lambda: "PagerDuty was not paged")

    await (await pinged(world, "sre", "mail hung")).click("I have it")

    await world.until(lambda: _asked(world, before, ["trigger", "acknowledge"]), lambda: "PagerDuty was not told")


@pytest.mark.row("A6")
async def test_who_is_on_call(world: World) -> None:
    """One line per level."""
    seen = await world.user("engineer").types("/oncall").sees("primary")

    for level, person in (("primary", "sre"), ("secondary", "lead"), ("manager", "manager"), ("cto", "cto")):
        assert f"{level} @{person}" in seen.words


@pytest.mark.row("A8")
async def test_a_killed_bot_pages_after_its_restart(world: World) -> None:
    """What fell due meanwhile is paged, one level at a time, and once."""
    await opens(world, "mail dark")
    await world.kill_bot()
    await world.client.post("/local/clock", json={"advance": "20m"}, timeout=60)

    await world.restart_bot()
    await pinged(world, "lead", "mail dark")
    assert await directly(world, "manager", "mail dark") == 0
    await world.advance("1m")
    await pinged(world, "manager", "mail dark")

    assert (1, 1) == (await directly(world, "lead", "mail dark"), await directly(world, "manager", "mail dark"))


async def _asked(world: World, before: int, expected: list[str]) -> bool:
    """Whether PagerDuty has got exactly these events since then."""
    calls = (await world.calls("steward", "pagerduty"))[before:]
    return expected == [call["body"]["event_action"] for call in calls if call["path"] == "/v2/enqueue"]
