"""Units and services as specs."""
