"""Podman's configuration on the host, and its Quadlet generator."""
