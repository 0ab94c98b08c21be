"""`/health`: worst first, with value, threshold and since when; healthy checks folded into a count."""

import re

import pytest

from tests.smoke.world import World


@pytest.mark.row("A1")
@pytest.mark.row("N1")
async def test_the_worst_stands_on_top_with_value_threshold_and_since_when(world: World) -> None:
    """App down with 503, certificate and host past their limits; everything else is folded into a count."""
    await world.lab("newsletter", "app", state="error")
    await world.lab("newsletter", "site", certificate_days=8)
    await world.lab("newsletter", "host", memory_percent=93)

    seen = await world.user("sre").types("/health newsletter").sees("Refresh")

    assert seen.words.startswith("🔴 Newsletter: 2 critical, 2 warning")
    assert "app  503" in seen.words
    assert re.search(r"certificate  \d+ d \(warning < 21 d\)", seen.words)
    assert "memory  93 % (warning > 90 %)" in seen.words
    assert "since" in seen.words
    assert "healthy:" in seen.words
    assert seen.words.index("app") < seen.words.index("certificate") < seen.words.index("healthy:")
    assert "only you see this" in seen.words
    assert {"Queue", "Roll back…", "Restart…", "Open incident", "Share", "Refresh"} == set(seen.buttons)


@pytest.mark.row("A1")
@pytest.mark.row("T1")
async def test_each_part_of_target_list_is_named_when_it_fails(world: World) -> None:
    """Web, worker, database connections, Redis and S3, each by its own line and the right blame."""
    await world.lab("target-list", "web", state="down")
    await world.lab("target-list", "worker", state="error")
    await world.lab("target-list", "db", connections=34)
    await world.lab("target-list", "redis", state="password")
    await world.lab("target-list", "s3", state="forbidden")

    seen = await world.user("sre").types("/health target-list").sees("Refresh")

    assert seen.words.startswith("🔴 Target List Formatter")
    assert "🔴 web" in seen.words
    assert "🔴 worker  503" in seen.words
    assert "db connections" in seen.words.split("healthy:")[0]
    assert "⚪ redis  wants a password that we do not have" in seen.words
    assert "⚪ S3  our key may not look at bucket" in seen.words


@pytest.mark.row("N1")
async def test_our_own_trouble_is_unknown_and_not_critical(world: World) -> None:
    """A key that may not list domains says nothing about Resend's health."""
    await world.lab("newsletter", "resend", state="restricted")

    seen = await world.user("sre").types("/health newsletter").sees("Refresh")

    assert seen.words.startswith("⚪ Newsletter: 1 unknown")
    assert "⚪ Resend  key may not list domains" in seen.words


@pytest.mark.row("A1")
async def test_a_hanging_target_delays_nobody_elses_line(world: World) -> None:
    """What is known stands on the screen while the target is still being asked; the whole follows it."""
    await world.lab("newsletter", "app", state="slow")

    first = await world.user("sre").types("/health newsletter").sees("still answering")
    whole = await world.sees("Refresh", since=first.message["ts"])

    assert "app" in first.words.split("⏳ still answering")[1]
    assert "🔴 Newsletter" in whole.words
    assert "still answering" not in whole.words
    assert "app  no answer within" in whole.words or "app  did not answer" in whole.words


@pytest.mark.row("A1")
async def test_sharing_and_refreshing(world: World) -> None:
    """Only Share shows it to everybody; Refresh reads anew in place."""
    mine = await world.user("sre").types("/health newsletter").sees("Refresh")
    assert not [m for m in await world.messages("lead") if "only you see this" in str(m)]

    shared = await mine.click("Share").sees("🟢 Newsletter: ", by="lead")
    await world.lab("newsletter", "app", state="error")
    again = await mine.click("Refresh").sees("Refresh")

    assert "only you see this" not in shared.words
    assert "app  503" in again.words


@pytest.mark.row("A1")
async def test_one_check_and_unknown_names(world: World) -> None:
    """A check can be asked for alone; a wrong name gets the nearest one."""
    sre = world.user("sre")

    alone = await sre.types("/health newsletter redis").sees("Refresh")
    wrong = await sre.types("/health newsleter").sees("did you mean newsletter?")
    many = await sre.types("/health a b c").sees("Usage: /health [SYSTEM] [CHECK]")

    assert alone.words.startswith("🟢 Newsletter: 1 healthy")
    assert "redis" in alone.words
    assert "There is no system newsleter" in wrong.words
    assert "3 words" in many.words


@pytest.mark.row("A1")
@pytest.mark.parametrize("state", ["garbage", "huge", "html", "redirect_loop", "auth"])
async def test_a_target_that_answers_nonsense_costs_one_line(world: World, state: str) -> None:
    """Garbage, 10 MB, a page, a redirect loop, a refusal: one line with a reason, all else as usual."""
    await world.lab("newsletter", "app", state=state)

    seen = await world.user("sre").types("/health newsletter app").sees("Refresh")

    assert "🟢" not in seen.words
    assert seen.words.count(" app  ") == 1


@pytest.mark.row("N1")
async def test_a_database_without_free_connections_and_a_bad_certificate(world: World) -> None:
    """The last slot taken is a critical database; a certificate that nobody trusts is told as such."""
    await world.lab("newsletter", "db", state="no_connections")
    await world.lab("newsletter", "site", state="bad_certificate")

    seen = await world.user("sre").types("/health newsletter").sees("Refresh")

    assert "🔴 database" in seen.words
    assert "certificate" in seen.words.split("healthy:")[0]


async def test_help_shows_the_usage(world: World) -> None:
    """Every command explains itself."""
    for command, usage in (
        ("/incident", "/incident open [P0..P3]"),
        ("/rollback", "[because REASON]"),
        ("/oncall", "/oncall"),
    ):
        await world.user("engineer").types(f"{command} help").sees(usage)
