"""One module per slash command: usage, pure parse, handler, message."""
