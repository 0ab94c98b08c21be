"""The ledger: one SQL text for SQLite and PostgreSQL; a transaction is one synchronous function on its own thread."""

from bot.store.ledger import Ledger, Row, Tx, open_ledger

__all__ = ["Ledger", "Row", "Tx", "open_ledger"]
