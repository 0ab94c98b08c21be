"""The HTTP server: Slack's payloads, webhooks, readiness and metrics."""
