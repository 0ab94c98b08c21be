"""`/incident` as a person types and presses it: opening, its own channel, its one message, what is refused."""

import re
from collections.abc import Awaitable, Callable

import pytest

from tests.smoke.pages import fact, header, in_channel, opens, paged, pages, replied, tally
from tests.smoke.reading import literal, words
from tests.smoke.world import World

Late = Callable[..., Awaitable[int]]


@pytest.mark.row("A4")
async def test_a_title_alone_opens_a_p1_at_once(world: World) -> None:
    """At three in the morning nobody fills in a form: the primary is paged, and the reply says so."""
    reply = await world.user("engineer").types("/incident open logins fail everywhere").sees("INC-1 is open")

    await paged(world, "sre", "logins fail everywhere")
    shown = await header(world, "logins fail everywhere")
    assert "@sre was paged" in reply.words
    assert ["I have it"] == reply.buttons
    assert shown.words.startswith("🚨 P1 INC-1 logins fail everywhere")


@pytest.mark.row("A4")
async def test_severity_and_system_are_taken_from_the_line(world: World) -> None:
    """Each severity with a system; only P0 and P1 page; the list is worst first and names every one."""
    engineer = world.user("engineer")
    for severity in ("P3", "P2", "P1", "P0"):
        await engineer.types(f"/incident open {severity} anyway target-list exports limp {severity}").sees("is open")

    listed = await world.user("cto").types("/incident list").sees("INC-1 P3 Target List Formatter: exports limp P3")
    await paged(world, "sre", "exports limp P0")
    await paged(world, "sre", "exports limp P1")

    order = [listed.words.index(f"{number} {severity}") for number, severity in (("INC-4", "P0"), ("INC-3", "P1"))]
    order += [listed.words.index(f"{number} {severity}") for number, severity in (("INC-2", "P2"), ("INC-1", "P3"))]
    assert order == sorted(order)
    assert "Target List Formatter: exports limp P2" in listed.words
    assert (0, 0) == ((await tally(world, "exports limp P2"))["sre"], (await tally(world, "exports limp P3"))["sre"])


@pytest.mark.row("A4")
async def test_the_form_opens_and_updates_it(world: World) -> None:
    """With nothing given a form asks; its impact stands in the header; what is empty is refused at its field."""
    engineer, sre = world.user("engineer"), world.user("sre")
    form = await engineer.types("/incident open").form("Open an incident")
    untold = await engineer.submits(form, severity="P0", system="newsletter", title="  ", impact="")
    await engineer.submits(form, severity="P0", system="newsletter", title="mail lost", impact="no receipts")
    await paged(world, "sre", "mail lost")
    shown = await header(world, "mail lost")
    assert "no receipts" == fact(shown, "Impact")

    update = await shown.click("Update…", by="sre").form("Update INC-1")
    refused = await sre.submits(update, text=" ", impact="")
    await sre.submits(update, text="queue drains again", impact="receipts come late")

    assert "Say in a few words" in str(untold)
    assert "Say how it stands now" in str(refused)
    after = await shown.becomes("queue drains again (@sre")
    assert "receipts come late" == fact(after, "Impact")


@pytest.mark.row("A4")
@pytest.mark.row("A8")
async def test_the_header_tells_plan_clocks_and_what_was_done(world: World) -> None:
    """One message, edited: who is paged when, then which clock was kept and which was missed."""
    opened = await opens(world, "mail cold")
    assert "nobody yet" == fact(opened, "Lead")
    assert "respond by" in fact(opened, "Clocks")
    plan = opened.words.split("Plan if nobody answers")[1]
    for level in ("✓ level 1 @sre paged", "level 2 @lead at", "level 3 @manager at", "level 4 @cto at"):
        assert level in plan

    await world.advance("3m")
    await (await paged(world, "sre", "mail cold")).click("I have it")
    taken = await opened.becomes("@sre has it")
    assert "respond kept (4 min)" in fact(taken, "Clocks")
    assert "next update by" in fact(taken, "Clocks")
    await world.user("sre").types("/incident update restarted the worker").sees("INC-1 P0")
    await world.advance("14m")
    await world.user("sre").types("/incident update it drains").sees("INC-1 P0")
    await world.user("sre").types("/incident mitigate the queue is short").sees("mitigated")

    calm = await opened.becomes("🩹 P0 INC-1")
    assert "mitigated it: the queue is short (@sre" in fact(calm, "Now")
    assert "respond kept (4 min) · mitigate missed (18 min)" == fact(calm, "Clocks")
    assert "restarted the worker (@sre)" in calm.words.split("Done")[1]
    assert ["Update…", "Resolve", "Reopen"] == calm.buttons
    assert 1 == len(await in_channel(world, r"mail cold\s+Severity"))
    listed = await world.user("lead").types("/incident list").sees("INC-1")
    assert "mitigated" in listed.words


@pytest.mark.row("A4")
async def test_everything_happens_in_its_own_channel(world: World) -> None:
    """Whoever opened it, was paged or takes it over is in it; its id is implied; its header is kept as up to date."""
    await opens(world, "mail roomed")
    room = "#inc-0001-newsletter-mail-roomed"
    own = await world.sees("mail roomed Severity", channel=room)
    await world.sees("mail roomed Severity", by="engineer", channel=room)
    strangers = [await world.enters(person, room) for person in ("lead", "cto")]
    sre = world.user("sre")

    await sre.types("/incident ack", room).sees("@sre has it")
    await own.becomes("@sre has it")
    await world.sees("INC-1 P0 · @sre has it", channel=room)
    await sre.types("/incident severity P1 anyway half of it", room).sees("INC-1 P1")
    await world.sees("@sre changed the severity from P0 to P1", channel=room)
    await sre.types("/incident update the relay is full", room).sees("INC-1 P1")
    await world.sees("INC-1 P1 · @sre: the relay is full", channel=room)
    await own.becomes("the relay is full (@sre")
    await world.user("lead").types("/incident ack INC-1").sees("@lead has it")
    await world.sees("@lead took it over from @sre", by="lead", channel=room)
    await sre.types("/incident mitigate", room).sees("mitigated")
    await sre.types("/incident show", room).sees("changed the severity from P0 to P1")
    await sre.types("/incident resolve", room).sees("resolved")

    await own.becomes("✅ P1 INC-1")
    assert [False, False] == strangers
    assert not await world.enters("cto", room)


@pytest.mark.row("A4")
async def test_a_small_incident_gets_a_channel_by_its_button_and_loses_it_after_a_week(world: World) -> None:
    """P3 stays in its thread until somebody asks; seven days after the end nobody can write there any more."""
    shown = await opens(world, "mail small", "P3")
    room = "#inc-0001-newsletter-mail-small"
    before = await world.enters("engineer", room)

    await shown.click("Own channel", by="engineer").sees("gets a channel of its own in a moment")
    await world.sees("mail small Severity", by="engineer", channel=room)
    await world.user("engineer").types("/incident resolve", room).sees("resolved")
    await world.sees("@engineer resolved it", by="engineer", channel=room)
    await world.advance("6d")
    await world.user("engineer").types("/incident show", room).sees("resolved it")
    await world.advance("25h")

    async def closed() -> bool:
        answer = await world.user("engineer").types("/incident show", room)
        return "archived" in str(answer)

    await world.until(closed, lambda: "the channel was never archived")
    assert not before


@pytest.mark.row("A4")
async def test_what_the_checks_say_is_never_older_than_it_looks(world: World) -> None:
    """Failing checks stand by name and time in page and header; both follow the poller; the next page reads anew."""
    await world.lab("newsletter", "app", state="error")
    shown = await opens(world, "mail red")
    page = await paged(world, "sre", "mail red")
    await page.becomes("🔴 app 503")
    await shown.becomes("🔴 app 503")
    await replied(shown, "🔴 app  503")
    assert re.search(r"Checks at \d\d:\d\d: 🔴 app 503", page.words)

    await world.lab("newsletter", "app", state="up")
    await world.advance("61s")
    mended = await shown.becomes(": 🟢 16 healthy")
    await page.becomes(": 🟢 16 healthy")
    await world.lab("newsletter", "app", state="error")
    await world.advance("4m")
    second = await paged(world, "lead", "mail red")

    assert "🔴" not in mended.words
    assert re.search(r"Checks at \d\d:\d\d: 🔴 app 503", second.words)


@pytest.mark.row("A4")
@pytest.mark.row("A8")
@pytest.mark.row("C7")
async def test_the_end_is_asked_while_checks_are_red_and_there_is_a_way_back(world: World) -> None:
    """Mitigated and Resolve ask; an update offers Reopen; it pages and rings anew; what was missed stays missed."""
    await world.lab("newsletter", "app", state="error")
    since = await world.now()
    shown = await opens(world, "mail back")
    page = await paged(world, "sre", "mail back")
    await world.advance("6m")
    await page.click("I have it")
    await shown.becomes("respond missed (7 min)")

    asked = await (await shown.again()).click("Mitigated").sees("2 checks are still critical: app 503")
    unchanged = (await shown.again()).words
    await asked.click("Mitigated all the same")
    calm = await shown.becomes("mitigated it although 2 checks were critical (app 503")
    offered = await world.user("sre").types("/incident update INC-1 broken again").sees("Nobody is paged for it")
    assert "@sre has it" in unchanged
    assert "Reopen" in calm.buttons

    await offered.click("Reopen")
    await world.until(lambda: _paged(world, "sre", "mail back", 2), lambda: "the primary was not paged anew")
    again = await shown.becomes("nobody has it yet")
    assert "respond missed (7 min) · mitigate kept" in fact(again, "Clocks")
    assert "respond by" in fact(again, "Clocks")
    await world.advance("5m")
    await (await paged(world, "lead", "mail back")).click("I have it")
    await shown.becomes("@lead has it")
    await world.lab("newsletter", "app", state="up")
    await world.user("lead").types("/incident resolve INC-1").sees("resolved")
    await (await shown.becomes("✅ P0 INC-1")).click("Reopen", by="lead")
    await shown.becomes("🚨 P0 INC-1")

    events = [call["body"]["event_action"] for call in await world.calls("steward", "pagerduty") if call["at"] >= since]
    assert ["trigger"] * 5 == [event for event in events if event == "trigger"]


@pytest.mark.row("A4")
@pytest.mark.row("A8")
async def test_a_severity_is_changed_with_a_reason_and_silences_nobody_by_a_slip(world: World) -> None:
    """A form asks why; a P0 that nobody has stays one until that is said; back as a P0 it pages and rings anew."""
    since = await world.now()
    shown = await opens(world, "mail graded")
    await paged(world, "sre", "mail graded")
    sre = world.user("sre")

    form = await sre.types("/incident severity INC-1 P2").form("Severity of INC-1")
    asked = await sre.submits(form, severity="P2", reason="half of it").sees("nobody has it yet, and as P2")
    assert (await shown.again()).words.startswith("🚨 P0")
    await asked.click("P2 all the same")
    await shown.becomes("changed the severity from P0 to P2: half of it (@sre")
    await world.sees("@sre changed the severity from P0 to P2: half of it", channel="#inc-0001-newsletter-mail-graded")
    await sre.types("/incident severity INC-1 P0 all of it").sees("INC-1 P0")

    await world.until(lambda: _paged(world, "sre", "mail graded", 2), lambda: "the primary was not paged anew")

    async def rung() -> bool:
        calls = [call for call in await world.calls("steward", "pagerduty") if call["at"] >= since]
        return ["trigger", "resolve", "trigger"] == [call["body"]["event_action"] for call in calls]

    await world.until(rung, lambda: "PagerDuty did not follow")


@pytest.mark.row("A4")
async def test_what_may_be_meant_otherwise_is_asked_before_it_is_opened(world: World) -> None:
    """Punctuation and `sev0` are understood; a misspelt system, a severity in the title and a second one ask."""
    engineer = world.user("engineer")
    await engineer.types("/incident open sev0: newsletter, mail one").sees("INC-1 is open")
    await paged(world, "sre", "P0 INC-1 Newsletter: mail one")

    second = await engineer.types("/incident open “P1” newsletter mail two").sees("Newsletter has an incident already")
    misspelt = await engineer.types("/incident open P0: target-lst exports fail").sees("Do you mean Target List")
    inside = await engineer.types("/incident open logins fail, P0!").sees("is it P0?")
    listed = await world.user("cto").types("/incident list").sees("INC-1 P0 Newsletter: mail one · nobody has it yet")
    assert "INC-1 P0 mail one" in second.words
    assert "INC-2" not in listed.words

    await second.click("Open another").sees("INC-2 is open")
    await misspelt.click("Open P0 for Target List Formatter").sees("INC-3 is open")
    await inside.click("Open as P0").sees("INC-4 is open")
    for number, title in ((2, "Newsletter: mail two"), (3, "Target List Formatter: exports fail"), (4, "logins fail")):
        await paged(world, "sre", f"INC-{number} {title}" + (", P0!" if number == 4 else ""))
    offered = await world.user("sre").types("/incident ack").sees("Several incidents are open; which one?")
    await offered.click("INC-4 P0 logins fail").sees("INC-4 P0 · @sre has it")


@pytest.mark.row("A4")
@pytest.mark.row("A8")
async def test_paging_goes_on_where_no_channel_can_be_created(world: World) -> None:
    """Slack refuses every attempt: the pages come in time, and the thread says that there is no channel."""
    await world.fault("conversations.create", "500", 50)
    shown = await opens(world, "mail homeless")
    await paged(world, "sre", "mail homeless")

    await world.advance("6m")
    await paged(world, "lead", "mail homeless")

    assert "stay in this thread" in await replied(shown, "It has no channel of its own")


@pytest.mark.row("A4")
async def test_what_cannot_be_done_says_what_is_so(world: World) -> None:
    """Unknown ids, verbs, severities and empty updates name the way out; nothing is opened by a mistake."""
    sre = world.user("sre")
    for line, answer in (
        ("/incident ack", "No incident is open"),
        ("/incident show INC-77", "There is no incident INC-77"),
        ("/incident aknowledge INC-1", "Usage"),
        ("/incident ackk INC-1", "did you mean ack?"),
        ("/incident severity INC-1 P9", "P9 is no severity"),
        ("/incident severity INC-1", "Which severity?"),
        ("/incident open P9 newsletter mail", "P9 is no severity"),
    ):
        await sre.types(line).sees(answer)
    await sre.types("/incident list").sees("No incident is open")

    await sre.types("/incident open P3 one thing").sees("INC-1 is open")
    await sre.types("/incident open P3 another thing").sees("INC-2 is open")
    several = await sre.types("/incident resolve").sees("Several incidents are open")
    await sre.types("/incident show").sees("name one")
    await sre.types("/incident resolve INC-1").sees("resolved")
    again = await sre.types("/incident resolve INC-1").sees("was resolved")

    assert "INC-" in several.words
    assert "reopen it if it is back" in again.words


@pytest.mark.row("A4")
async def test_a_double_click_and_a_second_person(world: World, late: Late) -> None:
    """A second press only says that one is still on it; another takes it over visibly, and who had it is told."""
    shown = await opens(world, "mail twice")
    page = await paged(world, "sre", "mail twice")

    await page.click("I have it")
    await world.client.post("/local/redeliver", json={"times": 3})
    await late(page, "incident.ack", by="sre")
    await shown.becomes("@sre has it")
    await world.user("lead").types("/incident ack INC-1").sees("@lead has it")

    taken = await shown.becomes("(before: @sre)")
    told = await world.sees("mail twice · @lead took it over from you", channel="@sre")
    assert fact(taken, "State").startswith("@lead has it")
    assert re.search(r"from you, \d\d:\d\d", told.words)
    timeline = await world.user("lead").types("/incident show INC-1").sees("took it over from @sre")
    happened = timeline.words.split("Opened by")[1]
    counts = [happened.count(text) for text in ("@sre has it", "@sre is still on it", "@lead took it over from @sre")]
    assert [1, 1, 1] == counts


@pytest.mark.row("A4")
async def test_a_title_of_control_sequences_pings_nobody(world: World) -> None:
    """Whatever is typed is shown as text: in header, page, list, channel name and topic."""
    title = "<!channel> <http://evil.example|ok> *bold* & _more_"
    await world.user("engineer").types(f"/incident open P0 newsletter {title}").sees("INC-1 is open")
    await paged(world, "sre", "_more_")
    listed = await world.user("sre").types("/incident list").sees("nobody has it yet · since")

    for message in [*await world.messages(), *await world.messages("sre", "@sre"), listed.message]:
        if "evil.example" in words(message):
            raw = str(message["blocks"]) + message["text"]
            assert "<!channel>" not in literal(message), raw
            assert "<http://evil" not in literal(message), raw
            assert "'url': 'http://evil" not in raw
    assert "<!channel>" in listed.words


@pytest.mark.row("A4")
async def test_help_in_a_direct_message_answers(world: World) -> None:
    """Once per message, with every command; what the bot itself writes there is not answered."""
    await world.client.post("/local/message", json={"user": "sre", "channel": "@sre", "text": "help"})

    told = await world.sees("I take slash commands", channel="@sre")
    await world.client.post("/local/redeliver", json={"times": 3})
    await world.user("sre").types("/incident open P3 nothing much").sees("INC-1 is open")

    assert "/incident Open an incident" in told.words
    assert 1 == len(await in_channel(world, "I take slash commands", "@sre"))


async def _paged(world: World, person: str, title: str, times: int) -> bool:
    return len(await pages(world, person, title)) == times
