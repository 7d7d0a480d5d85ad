"""Vulnerability scanners: one adapter for each, one kind of report, and where reports are kept."""
