"""Step 8: capabilities and devices."""
