"""Step 9: the host below the containers."""
