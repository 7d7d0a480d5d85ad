"""Proving the network map, what containers contact, and how to split and close networks."""
