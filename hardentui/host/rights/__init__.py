"""Accounts that can become root without a password."""
