"""Deduplication keys: made by one installation, and read back by it alone."""

import pytest

from bot.outbox.alerts import PagerKeys

OURS = PagerKeys("steward-prod")


@pytest.mark.parametrize("number", [1, 2, 31])
def test_a_key_leads_back_to_its_incident(number: int) -> None:
    """The first page's key is the incident's own; each further page has one more number."""
    key = OURS.of("INC-12", number)

    assert key == "steward-prod:INC-12" + {1: "", 2: ":2", 31: ":31"}[number]
    assert "INC-12" == OURS.incident(key)
    assert PagerKeys("steward-staging").incident(key) is None


def test_without_a_name_nothing_is_ours() -> None:
    """An installation without a name must not own every key that begins with a colon."""
    assert PagerKeys("").incident(":INC-1") is None
