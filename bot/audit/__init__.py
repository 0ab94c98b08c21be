"""The audit: rows, their hash chain, seal and export."""
