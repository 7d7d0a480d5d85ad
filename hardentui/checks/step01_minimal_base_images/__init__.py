"""Step 1: as little as possible in the image."""
