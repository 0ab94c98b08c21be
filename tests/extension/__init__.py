"""An adapter that only the tests know, and the bot that is handed it."""
