"""`/rollback`: planned, approved by someone else, run once, verified, taken back."""

import re

import httpx
import pytest

from tests.smoke.reading import field, literal, pressables, words
from tests.smoke.rollbacks import asked, before_any_rollback, changes, image, netlify
from tests.smoke.world import Seen, World

_SETTLING = ("operation.observe", "operation.happened", "operation.not_happened")


@pytest.mark.row("A3")
@pytest.mark.row("A7")
@pytest.mark.row("T8")
async def test_netlify_restores_and_locks_once_after_someone_else_approves(world: World) -> None:
    """Requester and stranger are refused, the lead approves, a double click runs nothing twice, the web app is well."""
    await before_any_rollback(world)
    await world.lab("target-list", "web", state="bad_release")
    since = await world.now()
    ask = await asked(world)

    await ask.click("Approve", by="sre").sees("you cannot approve your own request")
    await ask.click("Approve", by="engineer").sees("needs the role approver; you do not hold it")
    assert [] == await changes(world, since)
    await ask.click("Approve", by="lead")
    await ask.click("Approve", by="lead")
    done = await ask.becomes("verified: web 200")

    restored = ["/sites/site-target-list/deploys/dep-40/restore", "/deploys/dep-40/lock"]
    assert restored == await changes(world, since)
    assert "@lead" in done.words.split("→")[-1]
    assert ["Undo"] == done.buttons
    async with httpx.AsyncClient(trust_env=False) as client:
        health = await client.get(f"{await world.url('target-list', 'web')}/api/health")
    assert (200, "dep-40") == (health.status_code, health.json()["version"])
    await world.lab("target-list", "netlify", push="the next commit")
    assert "dep-40" == (await netlify(world))["published"]


@pytest.mark.row("A3")
@pytest.mark.row("N6")
async def test_compose_runs_the_earlier_image_and_undo_brings_it_back(world: World) -> None:
    """The argument list of the plan really runs; the thread tells before and after; Undo is covered by the approval."""
    await before_any_rollback(world)
    since, before = await world.now(), await image(world)
    await world.lab("newsletter", "app", state="bad_release")
    ask = await asked(world, "/rollback newsletter to previous because 503 since v41")
    assert "up -d --no-deps app" in ask.words
    assert "Does not revert: database migrations" in ask.words

    await ask.click("Approve", by="manager")
    done = await ask.becomes("verified: app 200")
    earlier = await image(world)

    assert "newsletter-app:v40" == earlier != before
    ran = [call["body"] for call in await world.calls("newsletter", "docker") if call["path"] == "/compose"][-1]
    assert ["up", "-d", "--no-deps", "app"] == ran["arguments"][-4:]
    assert {"NEWSLETTER_TAG": "v40"} == ran["environment"]
    await world.until(lambda: _holds(done, "After: app 200"), lambda: "the thread never told the checks afterwards")
    assert "Before: app 503" in await done.thread()
    await done.click("Undo", by="sre")
    await done.becomes("undone by OP-2")
    undo = await world.sees("Undo of OP-1: Roll back newsletter/app v40 → v41", since=f"{since / 1000:.6f}")
    assert "covered by the approval of OP-1" in undo.words
    assert "on call" not in undo.words
    await world.until(lambda: _runs(world, before), lambda: "the earlier image never came back")
    back = await world.sees("Roll back newsletter/app v40 → v41", since=f"{since / 1000:.6f}")
    assert "(on call)" not in back.words
    assert "covered by the approval of OP-1" in back.words
    undone = await back.becomes("done in")
    await undone.click("Undo", by="sre")
    again = await world.sees("Needs 1 of", since=back.message["ts"])
    assert "v41 → v40" in again.words
    assert before == await image(world)


async def _holds(seen: Seen, text: str) -> bool:
    return text in await seen.thread()


async def _runs(world: World, wanted: str) -> bool:
    return await image(world) == wanted


@pytest.mark.row("A3")
async def test_a_form_keeps_what_was_typed_and_asks_for_the_rest(world: World) -> None:
    """`to previous` is preselected, releases are dated, newer ones come last; it insists on both answers."""
    await before_any_rollback(world)
    await world.lab("target-list", "netlify", published="dep-40")
    sre = world.user("sre")
    await sre.types("/incident open P1 target-list exports are empty").sees("is open")
    typed = await sre.types("/rollback target-list web to previous").form("Roll back")
    await world.client.post("/local/close", json={"user": "sre", "view_id": typed["id"]})
    await sre.types("/rollback target-list web to dep-4O").sees("has no release dep-4O")
    await asked(world, "/rollback target-list web to dep-38 because a first try")
    health = await sre.types("/health target-list").sees("Roll back…")

    form = await health.click("Roll back…").form("Roll back")
    options = [each["text"]["text"] for each in field(form, "release")["element"]["options"]]
    refused = await sre.submits(form, release="target-list web dep-39", reason=" ")
    reason = str(field(form, "reason"))
    ask = await sre.submits(form, release="target-list web dep-39", reason="dep-40 is bad as well").sees("Why: dep-40")

    assert "target-list web dep-39" == field(typed, "release")["element"]["initial_option"]["value"]
    assert "target-list/web runs dep-40" in words(form)
    assert "OP-1 is under way: Roll back target-list/web dep-40 → dep-38, by @sre (pending)" in words(form)
    assert [] == [option for option in options if not re.search(r", \d+ [A-Z][a-z]{2} \d\d:\d\d", option)]
    assert ["dep-39", "dep-38"] == [re.findall(r"dep-\d+", option)[0] for option in options[:2]]
    assert ["dep-41"] == [re.findall(r"dep-\d+", option)[0] for option in options if "newer than what runs" in option]
    assert "newer than what runs" in options[-1]
    assert "exports are empty" in reason
    assert "Say why" in str(refused)
    assert "dep-40 → dep-39" in ask.words
    assert "dep-40 is bad as well" in ask.words
    assert "INC-1" in ask.words


@pytest.mark.row("A3")
async def test_wrong_names_get_the_nearest_ones_and_a_dry_run_asks_for_nothing(world: World) -> None:
    """Each refusal says which names there are; a dry run shows the exact calls and stores nothing."""
    await before_any_rollback(world)
    since, sre = await world.now(), world.user("sre")

    release = await sre.types("/rollback target-list web to dep-4O because 503").sees("has no release dep-4O")
    component = await sre.types("/rollback target-list wbe to previous because 503").sees("wbe")
    current = await sre.types("/rollback target-list web to dep-41 because 503").sees("already runs dep-41")
    dry = await sre.types("/rollback target-list web to previous --dry-run").sees("Dry run")
    after = await sre.types("/rollback target-list web to dep-39 because 503").sees("Needs 1 of")

    assert "dep-40" in release.words
    assert "did you mean web?" in component.words
    assert "name another release" in current.words
    assert "POST /sites/site-target-list/deploys/dep-40/restore" in dry.words
    assert "POST /deploys/dep-40/lock" in dry.words
    assert [] == dry.buttons
    assert "OP-1 " in after.words
    assert [] == await changes(world, since)


@pytest.mark.row("A3")
@pytest.mark.row("A7")
async def test_drift_between_plan_and_click_voids_and_asks_again(world: World) -> None:
    """The approval is bound to the plan that was shown: another live release, and nothing runs."""
    await before_any_rollback(world)
    since = await world.now()
    ask = await asked(world)
    await world.lab("target-list", "netlify", published="dep-39")

    again = await ask.click("Approve", by="lead").sees("dep-39 → dep-40")
    void = await ask.becomes("void")

    assert "release dep-41 became release dep-39" in void.words
    assert "nothing ran" in void.words
    assert [] == void.buttons
    assert [] == await changes(world, since)
    assert "Needs 1 of" in again.words
    await again.click("Approve", by="lead")
    await again.becomes("verified")
    assert "dep-40" == (await netlify(world))["published"]


@pytest.mark.row("A3")
async def test_what_stays_unwell_is_told_and_the_undo_offered(world: World) -> None:
    """A rollback that does not heal says so after a minute of looking, with the way back."""
    await before_any_rollback(world)
    await world.lab("target-list", "web", state="error")
    ask = await asked(world)

    await ask.click("Approve", by="lead")
    checking = await ask.becomes(", checking")
    assert "✅" not in checking.words
    await world.advance("61s")
    done = await ask.becomes("not verified: web 503")

    assert ["Undo"] == done.buttons
    assert done.words.startswith("⚠️")


@pytest.mark.row("A3")
@pytest.mark.parametrize("fault", ["drop", "timeout_after"])
async def test_a_provider_whose_answer_is_lost_is_observed_and_not_asked_twice(world: World, fault: str) -> None:
    """It did the work and said nothing: the outcome is unknown, then seen, and told with what stayed undone."""
    await before_any_rollback(world)
    since = await world.now()
    ask = await asked(world)
    await world.lab("target-list", "netlify", strikes="changes")
    await world.lab("target-list", "netlify", state=fault)

    await ask.click("Approve", by="lead")
    done = await ask.becomes("observed: target-list/web runs dep-40", within=30)

    assert ["/sites/site-target-list/deploys/dep-40/restore"] == await changes(world, since)
    assert "may have happened" in done.words
    assert "but publishing is not locked: the next push replaces it" in done.words
    left = await done.becomes("verified: web 200")
    assert left.words.startswith("⚠️")
    assert "✅" not in left.words
    await world.lab("target-list", "netlify", state="up")
    plan = await left.click("Lock publishing…", by="sre").sees("POST /deploys/dep-40/lock")
    await plan.click("Run it").sees("Lock publishing of target-list/web to dep-40 · @sre")
    whole = await left.becomes("✅ Roll back")
    assert ["Undo"] == whole.buttons
    assert (await netlify(world))["locked"]
    await before_any_rollback(world)


@pytest.mark.row("A3")
async def test_a_provider_that_takes_longer_than_its_client_waits_is_not_taken_for_idle(world: World) -> None:
    """Nobody may say that it did not happen while it still may: no look, no person; then it happens, and is seen."""
    await before_any_rollback(world)
    since = await world.now()
    ask = await asked(world)
    await world.lab("target-list", "netlify", strikes="changes", slow_seconds=16)
    await world.lab("target-list", "netlify", state="slow")

    await ask.click("Approve", by="lead")
    unknown = await ask.becomes("its step may still be under way for", within=20)
    await unknown.click("It did not", by="lead").sees("say then that it did not happen")
    await world.advance("2m")
    assert "outcome unknown" in (await unknown.again()).words
    done = await ask.becomes("observed: target-list/web runs dep-40", within=40)

    assert "no answer within 10 s" in done.words
    assert ["/sites/site-target-list/deploys/dep-40/restore"] == await changes(world, since)


@pytest.mark.row("A3")
async def test_a_compose_that_fails_after_its_work_is_looked_at(world: World) -> None:
    """An exit code does not say that nothing happened: the Engine does."""
    await before_any_rollback(world)
    ask = await asked(world, "/rollback newsletter to previous because 503 since v41")
    await world.lab("newsletter", "docker", strikes="changes")
    await world.lab("newsletter", "docker", state="drop")

    await ask.click("Approve", by="lead")
    done = await ask.becomes("observed: newsletter/app runs v40", within=30)

    assert "docker compose failed with exit code 1" in done.words
    assert "newsletter-app:v40" == await image(world)


@pytest.mark.row("A3")
async def test_a_bot_killed_in_the_middle_of_a_run_observes_and_never_repeats(world: World) -> None:
    """After the crash nobody knows what the call did: unknown, keeping its lock, and shown wherever people look."""
    await before_any_rollback(world)
    since = await world.now()
    await world.user("sre").types("/incident open P1 target-list exports are empty").sees("is open")
    ask = await asked(world)
    await world.lab("target-list", "netlify", strikes="changes", slow_seconds=2)
    await world.lab("target-list", "netlify", state="slow")

    await ask.click("Approve", by="lead")
    await world.until(lambda: changes(world, since), lambda: "the restore was never called")
    await world.kill_bot()
    await world.until(lambda: _published(world, "dep-40"), lambda: "Netlify never did what it was asked")
    await world.lab("target-list", "netlify", state="down")
    await world.restart_bot()
    unknown = await ask.becomes("outcome unknown", within=30)
    health = await world.user("engineer").types("/health target-list").sees("stays locked until it is settled")
    home = await world.user("lead").home("outcome unknown since")
    assert "OP-1 Roll back target-list/web dep-41 → dep-40: outcome unknown since" in health.words
    assert "P1 INC-1" in await _answered(world, await world.sees("❔ OP-1 Roll back target-list/web"))
    assert ["Observe again", "It happened", "It did not"] == [
        each.label for each in pressables(home["blocks"]) if each.action_id.startswith(_SETTLING)
    ]
    assert ["Observe again", "It happened", "It did not", "Full plan"] == unknown.buttons
    await world.lab("target-list", "netlify", state="up")
    await unknown.click("Observe again", by="sre")
    done = await ask.becomes("observed: target-list/web runs dep-40")

    assert ["/sites/site-target-list/deploys/dep-40/restore"] == await changes(world, since)
    assert "Undo" in done.buttons


async def _answered(world: World, reply: Seen) -> str:
    """The words of the message in whose thread a reply stands."""
    return next(words(each) for each in await world.messages() if each["ts"] == reply.message.get("thread_ts"))


async def _published(world: World, wanted: str) -> bool:
    return bool((await netlify(world))["published"] == wanted)


@pytest.mark.row("A3")
async def test_a_secret_in_a_providers_error_does_not_reach_the_channel(world: World) -> None:
    """The provider's words are repeated without what looks like a credential, and ping nobody."""
    await before_any_rollback(world)
    ask = await asked(world)
    leak = "no quota for nfp_Zm9vYmFyYmF6cXV4 at postgresql://web:hunter2secret@db/app <!channel>"
    await world.lab("target-list", "netlify", strikes="changes", error_text=leak)
    await world.lab("target-list", "netlify", state="error")

    await ask.click("Approve", by="lead")
    failed = await ask.becomes("no quota for")

    messages = [*await world.messages(), *await world.messages("lead", "@lead")]
    seen = str(messages)
    assert "nfp_Zm9v" not in seen
    assert "<!channel>" not in "".join(literal(message) for message in messages)
    assert "hunter2secret" not in seen
    assert "❌" in failed.words or "❔" in failed.words
    assert "dep-41" == (await netlify(world))["published"]
