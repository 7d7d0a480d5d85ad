"""Step 4: user privileges."""
