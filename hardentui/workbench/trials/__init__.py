"""Trials: the use case, and their records."""
