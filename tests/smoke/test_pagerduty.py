"""PagerDuty beside Slack: paged at minute 0, acknowledged on either side, and a heartbeat that tells of a dead bot."""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from tests.fakes.watchdog import watchdog
from tests.smoke.alone import alone
from tests.smoke.pages import header, opens, paged, tally
from tests.smoke.reading import Json
from tests.smoke.world import World

Late = Callable[..., Awaitable[int]]


class Desk:
    """What PagerDuty was told since the test began."""

    def __init__(self, world: World, since: int) -> None:
        self._world = world
        self._since = since

    @classmethod
    async def of(cls, world: World) -> "Desk":
        """From now on."""
        return cls(world, await world.now())

    async def events(self) -> list[Json]:
        """The events that it was sent, oldest first."""
        calls = await self._world.calls("steward", "pagerduty")
        return [call["body"] for call in calls if call["path"] == "/v2/enqueue" and call["at"] >= self._since]

    async def actions(self) -> list[str]:
        """What each of them asked for."""
        return [str(event["event_action"]) for event in await self.events()]

    async def hears(self, *actions: str) -> list[Json]:
        """Wait until these were asked for, and nothing else."""

        async def exactly() -> bool:
            return list(actions) == await self.actions()

        await self._world.until(exactly, lambda: f"PagerDuty did not hear {actions} and nothing else", 25)
        return await self.events()


@pytest.mark.row("A13")
@pytest.mark.parametrize(("severity", "urgency"), [("P0", "critical"), ("P1", "error")])
async def test_p0_and_p1_page_there_at_minute_0(world: World, severity: str, urgency: str) -> None:
    """The event names incident and system; what is done here is told there, each once."""
    desk = await Desk.of(world)
    shown = await opens(world, f"mail rings {severity}", severity)
    [event] = await desk.hears("trigger")

    await shown.click("I have it", by="sre")
    await desk.hears("trigger", "acknowledge")
    await world.user("sre").types("/incident update INC-1 looking").sees("INC-1")
    await world.user("sre").types("/incident mitigate INC-1").sees("mitigated")
    await world.user("sre").types("/incident resolve INC-1").sees("resolved")

    events = await desk.hears("trigger", "acknowledge", "resolve")
    assert {"steward-demo:INC-1"} == {each["dedup_key"] for each in events}
    assert f"{severity} INC-1 Newsletter: mail rings {severity}" == event["payload"]["summary"]
    assert (urgency, "newsletter") == (event["payload"]["severity"], event["payload"]["component"])


@pytest.mark.row("A13")
async def test_an_acknowledgement_there_counts_here(world: World) -> None:
    """Nobody else is paged, the header names who has it, and it is not told back; the resolution here is."""
    desk = await Desk.of(world)
    shown = await opens(world, "mail answered")
    page = await paged(world, "sre", "mail answered")
    await desk.hears("trigger")

    await world.lab("steward", "pagerduty", user="lead")
    await world.lab("steward", "pagerduty", acknowledge="INC-1")
    await shown.becomes("@lead has it")
    await page.becomes("@lead has it")
    await world.advance("14m")

    assert {"sre": 1, "lead": 0, "manager": 0, "cto": 0} == await tally(world, "mail answered")
    assert ["trigger"] == await desk.actions()
    await world.user("lead").types("/incident resolve INC-1").sees("resolved")
    await desk.hears("trigger", "resolve")


@pytest.mark.row("A13")
async def test_a_name_there_is_nobody_here(world: World, late: Late) -> None:
    """A stranger who calls themselves sre has it, but sre does not, and cannot pass on what they never took."""
    shown = await opens(world, "mail masked")
    page = await paged(world, "sre", "mail masked")

    await world.lab("steward", "pagerduty", user="Sre (sre)")
    await world.lab("steward", "pagerduty", acknowledge="INC-1")
    await shown.becomes("somebody at PagerDuty has it")
    await late(page, "incident.pass_on", by="sre")

    await world.sees("somebody at PagerDuty has INC-1; only they can pass it on", channel="@sre")
    assert "@Sre" not in (await shown.again()).words


@pytest.mark.row("A13")
async def test_only_pagerdutys_own_webhook_counts(tmp_path: Path) -> None:
    """Forged, unsigned and foreign ones are refused and acknowledge nothing; what is no event is no server error."""
    body, nonsense = json.dumps(_webhook("steward-demo:INC-1")).encode(), b'{"event": "<html>"}'
    async with alone(tmp_path, PAGERDUTY_WEBHOOK_SECRET="shared") as (demo, world):
        await world.user("engineer").types("/incident open P0 newsletter mail forged").sees("INC-1 is open")
        shown = await header(world, "mail forged")
        answers = []
        async with httpx.AsyncClient(base_url=demo.bot.url, trust_env=False) as client:
            for sent, content in (
                ("v1=" + "0" * 64, body),
                ("", body),
                ("v1=ünsigned", body),
                (_signature(body), body.replace(b"INC-1", b"INC-2")),
                (_signature(nonsense), nonsense),
                (_signature(body), b"x" * 2_000_000),
            ):
                headers = [(b"X-PagerDuty-Signature", sent.encode())]
                answers.append((await client.post("/pagerduty/webhook", content=content, headers=headers)).status_code)
            for foreign in (None, "", "INC-1", "steward-other:INC-1", "steward-demo:INC-2"):
                other = json.dumps(_webhook(foreign)).encode()
                headers = [(b"X-PagerDuty-Signature", _signature(other).encode())]
                answers.append((await client.post("/pagerduty/webhook", content=other, headers=headers)).status_code)
            untouched = await shown.again()
            headers = [(b"X-PagerDuty-Signature", _signature(body).encode())]
            genuine = await client.post("/pagerduty/webhook", content=body, headers=headers)
            await shown.becomes("somebody at PagerDuty has it")
        written = demo.bot.log.read_text()

    assert [401, 401, 401, 401, 400, 413, 200, 200, 200, 200, 200] == answers
    assert "nobody has it yet" in untouched.words
    assert 200 == genuine.status_code
    assert "Traceback" not in written
    assert 3 == written.count("webhook refused")  # A signature, an event, a length: a line for each reason.
    assert "A real person" not in written


@pytest.mark.row("A13")
async def test_slack_goes_on_while_pagerduty_is_down(world: World) -> None:
    """The pages in Slack come in time, and say that nothing rings; PagerDuty rings when it is back, once."""
    desk = await Desk.of(world)
    await world.lab("steward", "pagerduty", state="down")
    shown = await opens(world, "mail unrung")
    await paged(world, "sre", "mail unrung")
    told = await world.sees("PagerDuty does not take the page of P0 INC-1 Newsletter: mail unrung", channel="@sre")
    await shown.becomes("Slack sent · PagerDuty failed, is tried again")
    health = await world.user("sre").types("/health steward").sees("Steward: 1 critical")
    await world.advance("5m")
    await paged(world, "lead", "mail unrung")
    await world.sees("PagerDuty does not take the page of P0 INC-1", by="lead", channel="@lead")
    assert [] == await desk.actions()

    await world.lab("steward", "pagerduty", state="up")
    await world.advance("1m")

    events = await desk.hears("resolve", "trigger")
    await shown.becomes("PagerDuty accepted")
    await world.user("sre").types("/health steward").sees("Steward: 1 healthy")
    assert "PagerDuty  1 event is not taken: refuses the connection" in health.words
    assert "(refuses the connection)" in told.words
    assert "P0 INC-1 Newsletter: mail unrung · @lead, you are next" == events[1]["payload"]["summary"]


@pytest.mark.row("A13")
async def test_every_page_rings_and_the_header_tells_of_it(world: World) -> None:
    """A level paged by hand rings too; who acknowledges it there has it, and it stands in the header."""
    desk = await Desk.of(world)
    shown = await opens(world, "mail loud")
    await desk.hears("trigger")
    await shown.becomes("Slack sent · PagerDuty accepted")

    await (await paged(world, "sre", "mail loud")).click("Page level 2 now")
    events = await desk.hears("trigger", "resolve", "trigger")
    await world.lab("steward", "pagerduty", user="lead")
    await world.lab("steward", "pagerduty", acknowledge=events[-1]["dedup_key"])

    await shown.becomes("@lead has it")
    await shown.becomes("PagerDuty seen by @lead")
    assert ["steward-demo:INC-1", "steward-demo:INC-1:2"] == [events[0]["dedup_key"], events[2]["dedup_key"]]


@pytest.mark.row("A13")
async def test_a_resolution_there_is_shown_and_asked_about(world: World) -> None:
    """It goes on here until somebody says that it is over; nobody else is paged meanwhile."""
    shown = await opens(world, "mail dismissed")
    await paged(world, "sre", "mail dismissed")
    await shown.becomes("PagerDuty accepted")

    await world.lab("steward", "pagerduty", user="lead")
    await world.lab("steward", "pagerduty", resolve="INC-1")
    asked = await world.sees("resolved P0 INC-1 Newsletter: mail dismissed at PagerDuty. Here it goes on: is it over?")
    await shown.becomes("@lead has it")
    await world.advance("14m")

    assert ["Resolve", "No, I have it"] == asked.buttons
    assert {"sre": 1, "lead": 0, "manager": 0, "cto": 0} == await tally(world, "mail dismissed")


@pytest.mark.row("A13")
async def test_what_rings_stops_although_its_answer_was_lost(world: World) -> None:
    """PagerDuty took the trigger and hung up: resolved here meanwhile, it is resolved there."""
    await world.lab("steward", "pagerduty", state="drop")
    await opens(world, "mail lost")
    await world.until(lambda: _rings(world), lambda: "PagerDuty does not ring")
    await world.user("sre").types("/incident resolve INC-1").sees("resolved")

    await world.lab("steward", "pagerduty", state="up")
    await world.advance("1m")

    await world.until(lambda: _silent(world), lambda: "PagerDuty rings on")


@pytest.mark.row("A13")
async def test_a_changed_severity_is_followed_in_both_directions(world: World) -> None:
    """P1 that becomes P2 falls silent there; it rings anew as a P0."""
    desk = await Desk.of(world)
    shown = await opens(world, "mail wavers", "P1")
    await desk.hears("trigger")

    await world.user("sre").types("/incident severity INC-1 P2 anyway harmless after all")
    await desk.hears("trigger", "resolve")
    await world.user("sre").types("/incident severity INC-1 P0 not harmless")
    events = await desk.hears("trigger", "resolve", "trigger")

    await shown.becomes("P0 INC-1")
    assert events[0]["dedup_key"] == events[1]["dedup_key"] != events[2]["dedup_key"]


@pytest.mark.row("A13")
async def test_a_page_that_is_obsolete_does_not_leave_late(world: World) -> None:
    """Acknowledged here while PagerDuty was down: the phone does not ring afterwards."""
    desk = await Desk.of(world)
    await world.lab("steward", "pagerduty", state="down")
    shown = await opens(world, "mail hushed")
    await (await paged(world, "sre", "mail hushed")).click("I have it")
    await shown.becomes("@sre has it")

    await world.lab("steward", "pagerduty", state="up")
    await world.advance("2m")

    assert "trigger" not in await desk.actions()


@pytest.mark.row("A13")
async def test_a_heartbeat_leaves_once_a_process_works(tmp_path: Path) -> None:
    """The address is fetched after the first whole cycle, once, and again by the process that follows a dead one."""
    async with (
        watchdog() as (address, beats),
        alone(tmp_path, STEWARD_HEARTBEAT_URL=address) as (_, world),
    ):
        await world.until(lambda: _any(beats, 1), lambda: "no heartbeat came")
        await world.kill_bot()
        dead = len(beats)
        await world.restart_bot()
        await world.until(lambda: _any(beats, dead + 1), lambda: "no heartbeat came after the restart")

    assert [1, 2] == [dead, len(beats)]


async def _rings(world: World) -> bool:
    return "INC-1" in await _there(world, "triggered")


async def _silent(world: World) -> bool:
    return "INC-1" in await _there(world, "resolved")


async def _there(world: World, status: str) -> str:
    """The incidents there that have this status."""
    lab = (await world.client.get("/local/lab")).json()
    return str(lab["steward"]["pagerduty"]["values"][status])


async def _any(beats: list[str], wanted: int) -> bool:
    return len(beats) >= wanted


def _signature(body: bytes) -> str:
    return f"v1={hmac.new(b'shared', body, hashlib.sha256).hexdigest()}"


def _webhook(key: str | None) -> Json:
    return {
        "event": {
            "id": "01ABC",
            "event_type": "incident.acknowledged",
            "resource_type": "incident",
            "agent": {"id": "P1", "type": "user_reference", "summary": "A real person"},
            "data": {"id": "Q1", "type": "incident", "incident_key": key, "status": "acknowledged"},
        }
    }
