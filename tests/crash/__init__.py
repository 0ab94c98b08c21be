"""Kills the bot at random under load, and counts what was lost or done twice: `make crash`."""
