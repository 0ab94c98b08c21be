"""Commands that must never run from here: whoever types one in Slack reads the reason and the safe way."""

import pytest

from tests.smoke.rollbacks import before_any_rollback
from tests.smoke.world import World

REFUSED = [
    ("/queue newsletter FLUSHDB", "FLUSHDB: queue keys live in that database", "by their prefix"),
    ("/queue newsletter redis-cli FLUSHALL", "FLUSHALL: it deletes every key", "delete keys by a prefix"),
    ("/queue target-list redis-cli -n 0 flushdb", "FLUSHDB: queue keys live", "by their prefix"),
    ("/health newsletter FLUSHALL", "FLUSHALL: it deletes every key", "clear stuck jobs with /queue"),
    ("/health target-list npx prisma db push", "prisma db push: it changes the schema", "SELECT 1"),
    ("/rollback target-list npx prisma migrate reset --force", "prisma migrate reset: it drops", "restore a branch"),
    ("/rollback newsletter docker volume prune -f to previous", "docker volume prune: it deletes", "by its name"),
    ("/oncall docker  volume   prune", "docker volume prune: it deletes", "docker volume ls"),
    ("/incident npx prisma db push", "prisma db push: it changes the schema", "prisma migrate deploy"),
]


@pytest.mark.row("A14")
async def test_asked_for_in_slack_it_is_refused_with_the_reason_and_the_safe_way(world: World) -> None:
    """Whichever command it is typed into; nobody else sees it, and nothing is planned."""
    before = len(await world.messages("lead"))

    for line, reason, safe in REFUSED:
        seen = await world.user("sre").types(line).sees(f"I do not run {reason}")
        assert safe in seen.words, line

    assert before == len(await world.messages("lead"))


@pytest.mark.row("A14")
async def test_what_people_say_about_it_is_not_refused(world: World) -> None:
    """A title or a reason may name what somebody else ran elsewhere."""
    await before_any_rollback(world)
    sre = world.user("sre")

    await sre.types("/incident open P3 newsletter somebody ran FLUSHALL by hand").sees("INC-1 is open")
    await sre.types("/incident update INC-1 no docker volume prune was run").sees("INC-1 P3")
    await sre.types("/rollback target-list web to previous because of prisma db push").sees("Needs 1 of")
