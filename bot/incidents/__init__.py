"""Incidents: opened, acknowledged, escalated, resolved; their messages, channels and evidence."""
