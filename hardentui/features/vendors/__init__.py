"""Vendor overlays: where they stand, how they are read, and what they tell."""
