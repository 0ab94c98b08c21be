"""Who may decide, until when, and what a press is worth that comes late, twice or forged."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.smoke.alone import alone, configured
from tests.smoke.rollbacks import ASK, asked, before_any_rollback, changes
from tests.smoke.test_restart import form, started
from tests.smoke.world import Seen, World

Late = Callable[..., Awaitable[int]]
RESTORED_AND_LOCKED = ["/sites/site-target-list/deploys/dep-40/restore", "/deploys/dep-40/lock"]


@pytest.mark.row("A7")
async def test_a_denial_says_why_and_ends_it(world: World) -> None:
    """A form asks for the reason, which the channel sees; the requester cannot deny, and may ask again at once."""
    await before_any_rollback(world)
    since = await world.now()
    ask = await asked(world)
    lead = world.user("lead")

    form = await ask.click("Deny…", by="lead").form("Deny")
    empty = await lead.submits(form, text=" ")
    await lead.submits(form, text="the fix is on its way, wait 5 minutes")
    denied = await ask.becomes("denied: the fix is on its way, wait 5 minutes")
    told = await world.sees("@sre: OP-1 was denied by @lead: the fix is on its way", since=ask.message["ts"])
    again = await asked(world)

    assert "write a few words" in str(empty)
    assert "@lead" in denied.words
    assert [] == denied.buttons
    assert ask.message["ts"] == told.message["thread_ts"]
    assert "OP-2" in again.words
    assert [] == await changes(world, since)


@pytest.mark.row("A7")
async def test_approvers_are_pinged_in_turn_and_the_request_expires(world: World, late: Late) -> None:
    """The first is asked at once, the next after 3 min; after 15 min nobody can approve it any more."""
    await before_any_rollback(world)
    since = await world.now()
    ask = await asked(world)

    await world.sees("Needs 1 of", by="lead", channel="@lead")
    early = await world.messages("manager", "@manager")
    pinged = [_pinged(ask)]
    await world.user("sre").types(ASK).sees("OP-1 is this request already")
    await world.advance("3m")
    await world.sees("Needs 1 of", by="manager", channel="@manager")
    pinged.append(_pinged(await ask.again()))
    await world.advance("12m")
    expired = await ask.becomes("expired without a decision")
    await world.sees("@sre: OP-1 expired without a decision", since=ask.message["ts"])
    await late(ask, "operation.approve", by="lead")
    refused = await world.sees("is already expired", by="lead")

    assert [] == early
    assert [{"U0SRE", "U0LEAD"}, {"U0SRE", "U0LEAD", "U0MANAGER"}] == pinged
    assert [] == expired.buttons
    assert "nothing was done" in refused.words
    assert [] == await changes(world, since)


def _pinged(seen: Seen) -> set[str]:
    """Whom a message mentions, so that Slack pings them where it is new."""
    return set(re.findall(r"U0[A-Z]+", str(seen.message["blocks"])))


@pytest.mark.row("A7")
async def test_it_stays_open_while_its_p0_incident_is(world: World) -> None:
    """In a P0 nobody has to ask again after 15 min; once it is resolved, the request expires."""
    await before_any_rollback(world)
    sre = world.user("sre")
    await sre.types("/incident open P0 target-list exports fail").sees("is open")
    ask = await asked(world)
    assert "open while INC-1 is P0" in ask.words

    await world.advance("20m")
    still = await ask.again()
    await sre.types("/incident resolve INC-1 anyway")
    await world.advance("2m")

    assert "Approve and run" in still.buttons
    await ask.becomes("expired without a decision")


@pytest.mark.row("A7")
async def test_a_press_from_before_a_restart_counts(world: World) -> None:
    """The message outlives the process that posted it."""
    await before_any_rollback(world)
    since = await world.now()
    ask = await asked(world)

    await world.restart_bot()
    await ask.click("Approve", by="lead")
    await ask.becomes("verified")

    assert RESTORED_AND_LOCKED == await changes(world, since)


@pytest.mark.row("A7")
async def test_a_forged_button_is_refused(world: World, late: Late) -> None:
    """A value that no button carried belongs to no operation, and a guessed number is none either."""
    await before_any_rollback(world)
    since = await world.now()
    ask = await asked(world)

    for value in ("bm90IGEgcmVhbCB0b2tlbg", "x" * 500, "⚠️"):
        assert 200 == await late(ask, "operation.approve", by="lead", value=value)
    await world.sees("forged", by="lead", since=ask.message["ts"])
    await world.sees("belongs to no operation", by="lead", since=ask.message["ts"])

    assert "Needs 1 of" in (await ask.again()).words
    assert [] == await changes(world, since)


@pytest.mark.row("A7")
async def test_who_left_the_group_a_minute_ago_may_not_approve(world: World) -> None:
    """Membership is read again at the press."""
    await before_any_rollback(world)
    since = await world.now()
    ask = await asked(world)

    await world.lab("steward", "approvers", members=["manager", "cto"])
    await world.advance("61s")
    await ask.click("Approve", by="lead").sees("needs the role approver; you do not hold it")
    assert [] == await changes(world, since)
    await ask.click("Approve", by="manager")

    await ask.becomes("verified")


@pytest.mark.row("A7")
async def test_who_may_not_ask_is_told_why(world: World) -> None:
    """Without the role nothing is planned for others to see, and the refusal names what is missing."""
    await before_any_rollback(world)
    await world.lab("steward", "engineers", members=["sre", "lead", "manager", "cto"])
    await world.advance("61s")

    refused = await world.user("engineer").types(ASK).sees("you do not hold it")

    assert "needs the role engineer" in refused.words
    assert "OP-1" in (await asked(world)).words


@pytest.mark.row("A7")
async def test_an_empty_group_denies(world: World) -> None:
    """Nobody may approve where nobody holds the role; the request says so."""
    await before_any_rollback(world)
    since = await world.now()
    await world.lab("steward", "approvers", members=[])
    await world.advance("61s")

    ask = await asked(world)
    await ask.click("Approve", by="lead").sees("needs the role approver; you do not hold it")

    assert "nobody holds approver now" in ask.words
    assert [] == await changes(world, since)


@pytest.mark.row("A7")
async def test_an_unreadable_group_falls_back_for_an_hour_and_then_denies(world: World) -> None:
    """The last good copy serves while Slack cannot be asked, but not for long."""
    await before_any_rollback(world)
    ask = await asked(world)
    await world.lab("steward", "approvers", state="down")
    await world.advance("2m")

    await ask.click("Approve", by="lead")
    await ask.becomes("verified")
    await world.advance("61m")
    await world.lab("target-list", "netlify", published="dep-41")
    later = await asked(world)
    await later.click("Approve", by="lead").sees("needs the role approver, and Slack does not tell who holds it")

    assert "Approve and run" in (await later.again()).buttons


@pytest.mark.row("A7")
async def test_two_hundred_presses_at_once_run_it_once(world: World, late: Late) -> None:
    """Approvers and strangers press together: one run, and everybody but the first learns who was first."""
    await before_any_rollback(world)
    since = await world.now()
    ask = await asked(world)
    people = ["engineer", "lead", "sre", "manager", "cto"] * 40

    acknowledged = await asyncio.gather(*(late(ask, "operation.approve", by=name) for name in people))
    await ask.becomes("verified", within=40)

    assert Counter({200: 200}) == Counter(acknowledged)
    assert RESTORED_AND_LOCKED == await changes(world, since)
    await world.sees("is already", by="cto", since=ask.message["ts"])
    await world.sees("you do not hold it", by="engineer", since=ask.message["ts"])


@pytest.mark.row("A7")
async def test_the_configuration_says_how_many_approve_and_which_risks_are_raised(tmp_path: Path) -> None:
    """`approvals: 2`: two are asked at once, a person counts once, the second one runs it; a raised restart as well."""
    p0 = {"ask": ["engineer"], "approve": ["approver"], "approvals": 2}
    policy = {"p0": p0, "raise": {"restart": "p0"}}
    config = configured(tmp_path, lambda steward: steward["policy"].update(policy))
    async with alone(tmp_path, with_lab=True, STEWARD_CONFIG=str(config)) as (_, world):
        sre, since, before = world.user("sre"), await world.now(), await started(world)
        await sre.types("/incident open P3 target-list previews are odd").sees("INC-1")
        await world.sees("Suspect change: web released dep-41 New preview grid (e02d5f8), ")
        ask = await sre.types(ASK).sees("Needs 2 of")
        for name in ("lead", "manager"):
            await world.sees("Needs 2 of", by=name, channel=f"@{name}")
        others = await world.messages("cto", "@cto")

        await ask.click("Approve", by="lead")
        half = await ask.becomes("Needs 1 of")
        await half.click("Approve", by="lead").sees("You approved OP-1 already; it needs someone else as well")
        await half.click("Approve", by="engineer").sees("needs the role approver; you do not hold it")
        nothing = await changes(world, since)
        await half.click("Approve", by="manager")
        done = await ask.becomes("verified")
        restart = await sre.submits(await form(world), first="worker", reason="wedged").sees("Needs 2 of")

        assert [] == others
        assert "approved by @lead" in half.words
        assert [] == nothing
        assert "@lead, @manager" in done.words.split("→")[-1]
        assert RESTORED_AND_LOCKED == await changes(world, since)
        assert "@sre: OP-1 was approved by @manager; it runs now." in await done.thread()
        assert "Approve and run" in restart.buttons
        assert before == await started(world)
