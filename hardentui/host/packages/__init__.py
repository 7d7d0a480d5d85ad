"""Installed packages and their known vulnerabilities."""
