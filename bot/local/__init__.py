"""The local workspace (a Slack twin and its page) and the lab of simulated systems."""
