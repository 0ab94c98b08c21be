"""The emergency run: alone, in an open P0, what has an undo; paged and reviewed."""

import pytest

from tests.smoke.reading import words
from tests.smoke.rollbacks import asked, before_any_rollback, changes
from tests.smoke.test_restart import form, started
from tests.smoke.world import Doing, Seen, World


@pytest.mark.row("A7")
@pytest.mark.row("A3")
async def test_the_person_on_call_may_roll_back_alone_and_someone_else_must_sign(world: World) -> None:
    """Nobody else may; it pages the next level and acknowledges; one message reminds until an approver signs."""
    await before_any_rollback(world)
    since, sre = await world.now(), world.user("sre")
    await sre.types("/incident open P0 target-list exports fail").sees("is open")
    ask = await asked(world)
    ts = ask.message["ts"]

    await ask.click("Emergency run…", by="engineer").sees("Only the person on call may run this alone; that is sre")
    assert [] == await changes(world, since)
    await ask.click("Emergency run…", by="sre")
    done = await ask.becomes("verified: web 200")
    await world.sees("emergency run by sre alone", by="lead", channel="@lead", since=ts)

    await world.sees("@sre has it", since=ts)
    await world.advance("6m")
    paged = [words(each) for each in await world.messages("lead", "@lead")]
    assert [] == [said for said in paged if "you are next" in said]
    assert "alone: " in done.words
    assert "review open" in done.words
    await done.click("Sign the review", by="sre").sees("someone else must sign the review")
    await done.click("Sign the review", by="engineer").sees("needs the role approver; you do not hold it")
    await sre.types("/incident resolve INC-1").sees("resolved")
    await world.advance("3d")
    reminder = await world.sees(
        "Someone who took no part must look at it and sign: @lead, @manager, @cto can", since=ts
    )
    await reminder.click("Sign the review", by="lead").sees("You signed the review of OP-1")
    await done.becomes("review signed by lead")
    signed = await reminder.becomes("Review signed by @lead")
    reminders = await _reminders(world, ts)
    await world.advance("3d")

    assert [] == signed.buttons
    assert [signed.words] == reminders == await _reminders(world, ts)


async def _reminders(world: World, since: str) -> list[str]:
    found = [words(each) for each in await world.messages() if each["ts"] > since]
    return [said for said in found if said.startswith("📝")]


@pytest.mark.row("A7")
async def test_outside_an_incident_nobody_runs_alone(world: World) -> None:
    """No button is offered where there is no open P0 or P1."""
    await before_any_rollback(world)

    ask = await asked(world)

    assert not [label for label in ask.buttons if "Emergency" in label]


async def _alone(ask: Seen, world: World, name: str = "newsletter/redis") -> Doing:
    """The form of an emergency run, filled in with a name."""
    view = await ask.click("Emergency run").form("Emergency run")
    return world.user("sre").submits(view, text=name)


@pytest.mark.row("A7")
@pytest.mark.row("N4")
async def test_without_an_undo_it_takes_five_minutes_and_the_targets_name(world: World) -> None:
    """A database's restart cannot be taken back: others get time to decide, and the name is typed."""
    sre = world.user("sre")
    await sre.types("/incident open P0 newsletter database hangs").sees("is open")
    ask = await sre.submits(await form(world), first="redis", reason="hangs").sees("Needs 1 of")
    before = await started(world)

    early = await (await _alone(ask, world)).sees("wait for a decision another")
    await world.advance("5m")
    wrong = await (await _alone(ask, world, "postgres")).sees("type the name of the target, newsletter/redis")
    await (await _alone(ask, world))
    await ask.becomes("alone: ", within=20)
    await ask.becomes("verified: redis", within=30)
    after = await started(world)

    assert "min" in early.words
    assert "to run it alone" in wrong.words
    assert ["newsletter-redis-1"] == [name for name, at in after.items() if before[name] != at]
