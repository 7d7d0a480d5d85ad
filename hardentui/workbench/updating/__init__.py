"""Newer images: what registries have, and the digests that are moved."""
