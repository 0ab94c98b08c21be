"""Steward on the machine's own command line, through the running bot."""
