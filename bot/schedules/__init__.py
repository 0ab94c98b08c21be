"""Scheduled posts: when the bot posts by itself, and what."""
