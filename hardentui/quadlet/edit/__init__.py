"""Minimal edits of units, and drop-ins."""
