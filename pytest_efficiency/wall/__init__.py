"""Walls: what a command that is not trusted is started behind. Knows nobody else in the package."""
