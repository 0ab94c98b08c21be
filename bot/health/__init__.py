"""Health: readings of a system's checks, judged, remembered and shown."""
