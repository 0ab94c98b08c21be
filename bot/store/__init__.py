"""The ledger: one SQL text for SQLite and PostgreSQL, transactions as one synchronous function on a thread of their own."""

from bot.store.ledger import Ledger, Row, Tx, open_ledger

__all__ = ["Ledger", "Row", "Tx", "open_ledger"]
