"""The local Slack workspace: a twin of Slack's server side, as strict as Slack, on the loopback only."""
