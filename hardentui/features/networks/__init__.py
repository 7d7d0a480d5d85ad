"""Proving the network map, outgoing connections of containers, and splitting networks."""
