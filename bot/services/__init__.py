"""Use cases over the ledger and the ports."""
