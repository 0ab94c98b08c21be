"""The ledger: one SQL text for SQLite and PostgreSQL; a transaction is one synchronous function on its own thread."""

from bot.domain.errors import Unavailable
from bot.store.ledger import Driver, Ledger, Row, Tx

__all__ = ["Ledger", "Row", "Tx", "open_ledger"]


async def open_ledger(address: str) -> Ledger:
    """Open and migrate the ledger at `sqlite:///file.db`, `sqlite:///:memory:` or `postgresql://…`."""
    if address.startswith("sqlite:///"):
        from bot.store.sqlite import SqliteDriver  # noqa: PLC0415 - only one driver is ever loaded

        driver: Driver = SqliteDriver(address.removeprefix("sqlite:///"))
    elif address.startswith(("postgresql://", "postgres://")):
        from bot.store.postgres import PostgresDriver  # noqa: PLC0415

        driver = PostgresDriver(address)
    else:
        raise Unavailable("STEWARD_DATABASE must start with sqlite:/// or postgresql://; correct it.")
    ledger = Ledger(driver)
    await ledger.migrate()
    return ledger
