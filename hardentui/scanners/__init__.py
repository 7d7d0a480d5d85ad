"""Vulnerability scanners and their results."""
