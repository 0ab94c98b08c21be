"""Posts by the bot itself."""
