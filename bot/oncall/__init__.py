"""On call: rotations, and the directory of people and roles."""
