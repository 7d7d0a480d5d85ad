"""Changing the unit that a container runs from."""
