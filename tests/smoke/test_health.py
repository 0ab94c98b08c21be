"""`/health`: worst first, with value, threshold and since when; healthy checks folded into a count."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from tests.smoke.world import Seen, World


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
    assert {"Queue", "Roll back…", "Restart…", "slow queries", "Open incident", "Share", "Refresh"} == set(seen.buttons)


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


@pytest.mark.row("T1")
async def test_a_database_that_is_down_and_a_full_redis_are_named(world: World) -> None:
    """PostgreSQL that refuses connections, which is told once; Redis with its memory over the limit."""
    await world.lab("target-list", "db", state="down")
    async with Redis.from_url(await world.url("target-list", "redis"), decode_responses=True) as redis:
        limit = (await redis.config_get("maxmemory"))["maxmemory"]
        used = (await redis.info("memory"))["used_memory"]
        await redis.config_set("maxmemory", used * 100 // 88)
        seen = await world.user("sre").types("/health target-list").sees("Refresh")
        await redis.config_set("maxmemory", limit or "0")

    assert seen.words.startswith("🔴 Target List Formatter: 2 critical, 1 warning")
    assert "🔴 database  PostgreSQL refuses the connection since " in seen.words
    assert "🔴 and with it: db connections" in seen.words
    assert re.search(r"🟡 redis memory  [\d.]+ % \(warning > 80 %\)", seen.words)


@pytest.mark.row("N1")
async def test_our_own_trouble_is_unknown_and_not_critical(world: World) -> None:
    """A key that may not list domains says nothing about Resend's health."""
    await world.lab("newsletter", "resend", state="restricted")

    seen = await world.user("sre").types("/health newsletter").sees("Refresh")

    assert seen.words.startswith("⚪ Newsletter: 1 unknown")
    assert "⚪ Resend  our key may not list domains" in seen.words


@pytest.mark.row("A1")
async def test_a_hanging_target_delays_nobody_elses_line(world: World) -> None:
    """What is known stands on the screen while the target is still being asked; the whole follows it."""
    await world.lab("newsletter", "app", state="slow")

    first = await world.user("sre").types("/health newsletter").sees("still answering")
    whole = await world.sees("Refresh", since=first.message["ts"])

    assert re.match(r"⏳ Newsletter: 15 healthy, 1 still answering", first.words)
    assert "app" in first.words.split("⏳ still answering")[1]
    assert "🔴 Newsletter" in whole.words
    assert "still answering" not in whole.words
    assert "app  gave no answer within" in whole.words


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
    shown = await sre.types("/health Target List Formatter db connections").sees("Refresh")
    check = await sre.types("/health newsletter no such").sees("newsletter has no check or queue no such")

    assert alone.words.startswith("🟢 Newsletter: 1 healthy")
    assert "redis" in alone.words
    assert "There is no system newsleter" in wrong.words
    assert shown.words.startswith("🟢 Target List Formatter: 1 healthy")
    assert "did you mean" in check.words or "there are app, " in check.words


@pytest.mark.row("A1")
@pytest.mark.parametrize("state", ["garbage", "huge", "html", "redirect_loop", "auth"])
async def test_a_target_that_answers_nonsense_costs_one_line(world: World, state: str) -> None:
    """Garbage, 10 MB, a page, a redirect loop, a refusal: one line with a reason, all else as usual."""
    await world.lab("newsletter", "app", state=state)

    seen = await world.user("sre").types("/health newsletter app").sees("Refresh")

    assert seen.words.startswith("⚪" if state in {"garbage", "huge", "auth"} else "🔴")
    assert seen.words.count(" app  ") == 1


@pytest.mark.row("A1")
@pytest.mark.row("N1")
async def test_one_cause_stands_first_and_everything_of_the_newsletter_is_named(world: World) -> None:
    """`/health` alone: the worst system first, time and date of since; redis explains four lines and leads them."""
    sre = world.user("sre")
    await world.lab("newsletter", "redis", state="down")
    await world.lab("newsletter", "site", state="html")
    await world.lab("newsletter", "resend", domain_status="pending")
    await world.lab("newsletter", "r2", state="down")
    await world.lab("newsletter", "worker", state="down")
    await world.lab("newsletter", "host", cpu_percent=91, disk_percent=96)
    broken = datetime.fromtimestamp(await world.now() / 1000, UTC)
    first = await sre.types("/health").sees("Refresh")
    await world.advance("20h")
    later = await sre.types("/health").sees("Refresh")

    assert first.words.index("🔴 Newsletter: ") < first.words.index("🟢 Target List Formatter: 9 healthy")
    assert first.message["text"].startswith("🔴 3 systems: ")
    lines = first.words.split("\n")
    place = next(at for at, line in enumerate(lines) if "redis  refuses connections since " in line)
    assert "🔴 and with it: ai-insights, campaign-emails, redis memory, redis policy" == lines[place + 1]
    assert place < next(at for at, line in enumerate(lines) if "R2  S3 refuses" in line)
    shown = ("site  answered 200 without", "containers  3: redis unhealthy, worker exited", "cpu  91 %", "disk  96 %")
    assert [] == [told for told in (*shown, "Resend  1: news.example.com pending") if told not in first.words]
    minutes = [broken + timedelta(minutes=late) for late in (-1, 0, 1)]  # The round before may have seen it already.
    assert [it for it in minutes if f"redis  refuses connections since {it:%H:%M}" in first.words]
    assert [it for it in minutes if f"redis  refuses connections since {it:%-d %b %Y %H:%M}" in later.words]


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


async def test_slow_queries_are_read_by_button_and_by_name(world: World) -> None:
    """A table of the database: the statements that run for more than a second, without their values."""
    await world.lab("newsletter", "db", slow_queries=2)
    health = await world.user("sre").types("/health newsletter").sees("slow queries")

    async def look() -> Seen | None:
        found = await world.user("sre").types("/health newsletter slow queries").sees("slow queries of newsletter")
        return found if "2 rows" in found.words else None

    typed = await world.until(look, lambda: "no query became slow")
    shown = await health.click("slow queries").sees("slow queries of newsletter: 2 rows")

    assert "email_events" in shown.words
    assert "runs for" in typed.words
    assert ["Share", "Refresh"] == shown.buttons
