"""What people see: the real bot, driven over Slack's protocol, against real servers."""
