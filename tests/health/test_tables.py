"""A table of an adapter, as people read it."""

import asyncio

from bot.domain.errors import Unreachable
from bot.domain.message import Preformatted
from bot.health.messages import table_message
from bot.health.service import rows_of
from bot.ports import Rows
from bot.systems import Table


def table(read: object, timeout: int = 4000) -> Table:
    """A table that is read by this."""
    return Table("gauges", "Gauges", read, timeout)  # type: ignore[arg-type]  # any function will do


async def answers(rows: Rows) -> Rows:
    """An adapter's answer."""
    return rows


def test_columns_stand_under_their_names_and_long_cells_are_cut() -> None:
    """A cell stays on its line, whatever it holds; what was left out is counted."""
    rows = Rows(("name", "value"), (("north", "1\n2"), ("s", "x" * 99)), more=3)

    message = table_message("boiler", table(None), rows, 0, private=True)
    shown = next(part for part in message.parts if isinstance(part, Preformatted))

    assert "Gauges of boiler: 2 rows and 3 more" == message.text
    assert ["name   value", "north  1 2", f"s      {'x' * 59}…"] == shown.text.splitlines()


def test_an_empty_table_says_so() -> None:
    """And no empty box stands below."""
    message = table_message("boiler", table(None), Rows(("name",), ()), 0, private=False)

    assert "Gauges of boiler: none" == message.text
    assert not [part for part in message.parts if isinstance(part, Preformatted)]


async def test_a_table_that_cannot_be_read_says_why() -> None:
    """Whether it is refused, late or a defect; it is never an empty table."""

    async def refused() -> Rows:
        raise Unreachable("PostgreSQL refuses the connection")

    async def late() -> Rows:
        await asyncio.sleep(10)
        return Rows((), ())

    async def odd() -> Rows:
        raise ValueError("hunter2")

    async def crooked() -> Rows:
        return Rows(("a", "b"), (("1",),))

    found = [await rows_of(table(read, timeout=10)) for read in (refused, late, odd, crooked)]
    texts = [table_message("boiler", table(None), each, 0, private=True).text for each in found]

    assert "⚪ Gauges of boiler: PostgreSQL refuses the connection" == texts[0]
    assert "gave no answer within" in texts[1]
    assert "could not be read (ValueError)" in texts[2]
    assert "its rows do not fit its columns" in texts[3]
