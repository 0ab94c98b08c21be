"""Five kills per database, a standstill and a late answer; `make crash` has thirty, ten and ten."""

from pathlib import Path

import pytest

from tests.crash.run import Trouble, run

pytestmark = pytest.mark.ledger


async def test_nothing_is_lost_or_done_twice_when_the_bot_is_killed(ledger_url: str, tmp_path: Path) -> None:
    """Replicas die at random under load: every acknowledged request is carried out once and every message arrives."""
    replicas = 1 if ledger_url.startswith("sqlite") else 3
    result = await run(ledger_url, tmp_path, replicas=replicas, trouble=Trouble(kills=5, standstills=1, late=1))

    assert str(result.findings) == (
        "decisions lost 0 twice 0 · paged after acknowledgement 0 · messages lost 0 · unmarked duplicates 0"
        " · done twice 0 · denied wrongly 0"
    ), result.findings
    assert result.incidents >= result.trouble.kills, "the kills met too little work to prove anything"
    assert result.hit.sends + result.hit.requests + result.hit.steps > 0
