"""Minimal edits of files at rest, one module per format."""
