"""The only folder that knows Slack."""
