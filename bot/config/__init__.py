"""Configuration: YAML into frozen models, every problem at once with file and line."""
