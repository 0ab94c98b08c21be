"""The ledger's promises, on both databases."""

import pytest

from bot.store import Ledger, Tx

pytestmark = pytest.mark.ledger


def next_number(tx: Tx) -> int:
    """The next of a series: the smallest write there is."""
    row = tx.one("next_number", name="OP")
    assert row is not None
    return int(row["value"])


async def test_a_transaction_that_raises_leaves_nothing_behind(ledger: Ledger) -> None:
    """What a failed transaction wrote is gone."""

    def fails(tx: Tx) -> None:
        next_number(tx)
        raise KeyError("on purpose")

    with pytest.raises(KeyError):
        await ledger.write(fails)

    assert await ledger.write(next_number) == 1
