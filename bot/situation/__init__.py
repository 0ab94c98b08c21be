"""How everything stands, for those who do not ask: home tab, summaries, evidence."""
