"""What can be done to a system: plan, execute, verify, undo; one action per file."""
