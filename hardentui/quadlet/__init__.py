"""Quadlet: units written, read, edited, and checked by a port of Podman's own generator."""
