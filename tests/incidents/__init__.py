"""Incidents and their escalation over the real ledger."""
