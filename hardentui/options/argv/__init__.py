"""Parsing of podman command lines."""
