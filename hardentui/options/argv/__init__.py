"""Podman's command lines, taken apart."""
