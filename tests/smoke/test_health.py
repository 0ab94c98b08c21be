"""`/health`: worst first, with value, threshold and since when; healthy checks folded into a count."""

import pytest

from tests.smoke.world import World


@pytest.mark.row("A1")
@pytest.mark.row("N1")
async def test_a_failing_check_stands_on_top_with_its_value_and_since_when(world: World) -> None:
    """The app answers 503; everything else is folded into a count."""
    await world.lab("newsletter", "app", state="error")

    seen = await world.user("sre").types("/health newsletter").sees("🔴 Newsletter: 2 critical")

    assert "app" in seen.words
    assert "503" in seen.words
    assert "since" in seen.words
    assert "healthy:" in seen.words
    assert "only you see this" in seen.words
