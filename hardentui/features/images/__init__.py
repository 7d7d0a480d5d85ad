"""Newer images: what registries offer, and pins that are moved."""
