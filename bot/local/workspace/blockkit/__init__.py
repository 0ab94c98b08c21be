"""Block Kit as Slack accepts it: every kind of block and element that the bot or its page knows, with every limit."""
