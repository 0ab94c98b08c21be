"""The programs that the lab puts first on the bot's PATH; each is run by file, alone, without this package."""
