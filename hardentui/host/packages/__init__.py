"""Installed packages and what is known to be wrong with them."""
