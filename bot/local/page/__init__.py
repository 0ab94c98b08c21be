"""The page of the local workspace: it looks and behaves like Slack, rendered on the server."""

from bot.local.page.routes import page_routes

__all__ = ["page_routes"]
